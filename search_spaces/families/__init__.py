"""One file a family of networks; each registers itself when it is imported."""
