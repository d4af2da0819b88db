"""The pages of orders and calls, and the review of recorded turns."""
