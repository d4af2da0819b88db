"""Recordings of what callers said: encrypted, announced, kept as long as the department says."""
