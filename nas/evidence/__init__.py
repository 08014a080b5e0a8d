"""What parts of a search are adopted on: a table of trained networks, replays on it, and how well proxies rank."""
