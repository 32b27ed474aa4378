"""Director around the clients, servers and traces that a product has already."""
