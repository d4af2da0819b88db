"""Retailers: looking them up, importing them, giving access again."""
