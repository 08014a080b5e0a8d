"""The functions of `import nas`: the work of the commands, which call the same functions."""
