"""Evaluation of recognition on labelled recordings: off and on a list, in noise, live; and the report of it."""
