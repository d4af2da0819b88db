"""Figures and lists of calls, for reports, exports and assessments."""
