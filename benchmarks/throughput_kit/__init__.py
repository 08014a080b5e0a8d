"""Parts of `training_throughput.py`."""
