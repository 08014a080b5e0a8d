"""The database of a study."""
