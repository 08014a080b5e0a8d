"""What `benchmarks/inherited_weights.py` trains: parents and children of `hybrid`, and children's inherited weights."""
