"""The department's day: brief, call list, campaign, lists to work off, reports."""
