"""Orders by other ways than a call: web, file import, the signed list of proxy orders."""
