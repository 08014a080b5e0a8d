"""One worker's part of a search, and several of them."""
