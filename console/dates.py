"""Dates from form fields."""

from __future__ import annotations

from datetime import date


def parse_date(text: str | None) -> date | None:
    """The date in a form field, or None if it is empty or no ISO date."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
