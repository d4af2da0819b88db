"""Tests on real databases, in this process."""
