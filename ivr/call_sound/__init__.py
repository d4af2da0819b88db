"""The sound of live calls, both sides: heard by who supervises a call, and kept where talk with operators is
recorded."""
