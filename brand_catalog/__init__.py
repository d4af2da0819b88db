"""The specs a retailer may ask for: what they are, how people say them, how they sound."""
