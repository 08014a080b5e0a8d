"""The training loop, its recipes and its checkpoints."""
