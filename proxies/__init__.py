"""How a candidate is scored before it is fully trained: one file per proxy."""
