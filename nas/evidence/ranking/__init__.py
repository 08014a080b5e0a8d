"""How well proxies rank networks: a sample that is trained and scored, and what of the order they agree on."""
