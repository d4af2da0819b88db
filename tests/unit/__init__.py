"""Unit tests: no database, no server, no speech model, no browser."""
