"""Figures of days, weeks and months, and the reports that are drafted from them and signed."""
