"""Dates from form fields and addresses."""

from __future__ import annotations

from datetime import date

from flask import request

from ivr.services import services
from orders.windows import business_day

# A list reaches no further; a day more or an hour less is a date then, whatever was typed.
FIRST_LISTED, LAST_LISTED = date(2000, 1, 1), date(2999, 12, 31)


def parse_date(text: str | None) -> date | None:
    """The date in a form field, or None if it is empty or no ISO date."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def _listed_date(text: str | None) -> date | None:
    """The date in a list's address, or None if there can be nothing to list on it."""
    day = parse_date(text)
    return day if day is not None and FIRST_LISTED <= day <= LAST_LISTED else None


def requested_days() -> tuple[date, date]:
    """The first and the last day in the request, `from` and `to`, in order: without a last one until today, without a
    first one the last day alone, and without both the day in `day`, or today. What is no date is missing."""
    first, last = _listed_date(request.args.get("from")), _listed_date(request.args.get("to"))
    day = _listed_date(request.args.get("day")) or business_day(services().now())
    first, last = first or last or day, last or day
    return min(first, last), max(first, last)
