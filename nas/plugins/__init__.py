"""Code that a run brings along, and what its user lets run here."""
