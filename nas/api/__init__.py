"""What `import nas` gives: the work of the commands as functions; the commands call them as well."""
