"""Supply of a day and its split into limits."""
