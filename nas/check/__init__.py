"""A check of a folder of images: what is in it, and what is wrong with it."""
