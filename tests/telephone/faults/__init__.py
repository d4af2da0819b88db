"""Faults as a matrix: every fault at every turn of a scripted call, on both databases (`make faults`)."""
