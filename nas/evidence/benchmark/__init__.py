"""A table of trained architectures, and searches that are replayed on it in seconds."""
