"""Rankings of proxies: a sample of networks is trained and scored, and the orders are compared."""
