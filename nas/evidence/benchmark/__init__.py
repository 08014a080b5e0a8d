"""A table of trained architectures, and replays of searches on it, which take seconds."""
