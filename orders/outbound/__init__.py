"""Calling the retailers that are due, and those that were not reached (TR 3.1.2, 3.3)."""
