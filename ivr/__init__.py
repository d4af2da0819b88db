"""The telephone line: calls, turns, operators and outbound calls, on a carrier behind `ivr/carrier.py`."""
