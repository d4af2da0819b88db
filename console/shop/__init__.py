"""The retailers' own page: today's limits, the order and its state, and ordering."""
