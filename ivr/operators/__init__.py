"""Operators on the line: tickets, presence, ringing, the waiting queue and callbacks."""
