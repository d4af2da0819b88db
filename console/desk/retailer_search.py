"""Search for a retailer by code, telephone number, name, or the first letters of its name."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, case, or_, select
from sqlalchemy.orm import Session

from orders.retailers.models import RetailerPhone, RetailerRow


def matches(text: str) -> ColumnElement[bool]:
    """The condition for a retailer with this text in its code, name or numbers, or, for letters, in its initials."""
    called = select(RetailerPhone.retailer_id).where(RetailerPhone.phone.contains(text, autoescape=True))
    found = or_(
        RetailerRow.customer_code.contains(text, autoescape=True),
        RetailerRow.name.contains(text, autoescape=True),
        RetailerRow.id.in_(called),
    )
    return or_(found, RetailerRow.initials.contains(text.lower(), autoescape=True)) if _is_letters(text) else found


def find_retailers(session: Session, text: str, most: int) -> Sequence[RetailerRow]:
    """The retailers that match the text, at most `most`; by letters, those whose name begins with them first."""
    if not text:
        return ()
    begins = RetailerRow.initials.startswith(text.lower(), autoescape=True)
    first = (case((begins, 0), else_=1),) if _is_letters(text) else ()
    return session.scalars(
        select(RetailerRow).where(matches(text)).order_by(*first, RetailerRow.customer_code).limit(most)
    ).all()


def _is_letters(text: str) -> bool:
    return text.isascii() and text.isalpha()
