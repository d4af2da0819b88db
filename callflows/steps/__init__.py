"""The steps of a call: each one a class that asks one thing and ends in one of its named outcomes."""
