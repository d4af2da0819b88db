"""A stand-in for Twilio and a caller; speaks HTTP and WebSocket only."""
