"""Calls the line itself places to retailers that are due."""
