"""What an image file means: its frames, orientation, photometric sense, bit depth, byte order and range."""
