"""Test support: worlds, fake carriers, served lines."""
