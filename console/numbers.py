"""Whole numbers from form fields and addresses."""

from __future__ import annotations

# Room for every row's number and every quantity; a longer one would also be refused by the database.
DIGITS_MAX = 9


def parse_whole(text: str | None, most: int = 10**DIGITS_MAX - 1) -> int | None:
    """The whole number from 0 to `most` in a form field, or None if it is anything else."""
    text = (text or "").strip()
    if not (text.isascii() and text.isdigit() and len(text) <= DIGITS_MAX):
        return None
    return number if (number := int(text)) <= most else None
