"""What commands do with named architectures: find them by name, train them fully."""
