"""Supervision of live calls: staff who take a call over, listen to it, or whisper to its operator."""
