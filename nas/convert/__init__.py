"""Weights that others have trained, brought into model directories."""
