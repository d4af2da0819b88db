"""The ear: from telephone audio or keys to what was meant."""
