"""The order book: what a retailer may order now, the order in the making with its holds, and saved orders."""
