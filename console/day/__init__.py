"""The pages of the department's day: pre-shift check, brief, call list, outbound calls, follow-ups, reports."""
