"""Models against images: all by one protocol."""
