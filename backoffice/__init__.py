"""Commands of the order department: import, close the day, report."""
