"""The turns of a call: taken exactly once, stored with their replies, and taken up again after a failure."""
