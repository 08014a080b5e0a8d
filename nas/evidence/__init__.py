"""Evidence for the parts of a search: a table of trained networks, replays of searches on it, rankings of proxies."""
