"""The line on an exchange of one's own: Asterisk, driven over its REST interface (ARI)."""
