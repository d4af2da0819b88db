"""Dates from form fields and addresses."""

from __future__ import annotations

from datetime import date

from flask import request

from ivr.services import services
from orders.windows import business_day


def parse_date(text: str | None) -> date | None:
    """The date in a form field, or None if it is empty or no ISO date."""
    try:
        return date.fromisoformat(text or "")
    except ValueError:
        return None


def requested_days() -> tuple[date, date]:
    """The first and the last day in the request, `from` and `to`, in order; where one is missing or invalid, the other
    one, and without both the day in `day`, or today."""
    first, last = parse_date(request.args.get("from")), parse_date(request.args.get("to"))
    day = parse_date(request.args.get("day")) or business_day(services().now())
    first, last = first or last or day, last or first or day
    return min(first, last), max(first, last)
