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
    """The first and the last day in the request, `from` and `to`, in order: without a last one until today, without a
    first one the last day alone, and without both the day in `day`, or today. What is no date is missing."""
    first, last = parse_date(request.args.get("from")), parse_date(request.args.get("to"))
    day = parse_date(request.args.get("day")) or business_day(services().now())
    first, last = first or last or day, last or day
    return min(first, last), max(first, last)
