"""Orders and calls looked up, turns played and reviewed."""
