"""Code that a run names, and the user's permission to run it."""
