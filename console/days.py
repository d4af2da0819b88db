"""Days as they are typed."""

from __future__ import annotations

from datetime import date


def typed_day(text: str | None) -> date | None:
    """The day a field holds; None where it holds none, or something else."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None
