"""A trained network out of the door: export and upscaling."""
