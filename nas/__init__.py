"""Architecture search for infrared super-resolution."""

__version__ = "0.1.0"
