"""What `benchmarks/chaos.py` disturbs searches with, and judges them by."""
