"""Web pages for operators and managers."""
