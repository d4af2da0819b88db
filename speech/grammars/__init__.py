"""Grammars for the recogniser: sentences in the words of the speech model, and what sounds like them."""
