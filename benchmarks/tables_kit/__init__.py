"""What the benchmarks share that train networks into tables."""
