"""A study: how much corpus, of which domain, and which loss are enough."""
