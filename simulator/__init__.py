"""A simulator of Twilio and of a caller; it speaks HTTP and WebSocket only."""
