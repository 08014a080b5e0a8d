"""How far candidates are trained, what a worker does next, and how a time is kept."""
