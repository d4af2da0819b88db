"""The language of orders: phrases, numbers, parsing and meaning of words, without any sound."""
