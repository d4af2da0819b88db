"""Search for a retailer by code, telephone number, name, or the first letters of its name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from pypinyin import Style, lazy_pinyin
from sqlalchemy import ColumnElement, or_, select
from sqlalchemy.orm import Session

from orders.retailers.models import RetailerPhone, RetailerRow


@lru_cache(maxsize=100_000)
def first_letters(name: str) -> str:
    """The first letter of each syllable of a name, digits and Latin letters as they are: 建设路超市 is jslcs. They are
    typed without an input method."""
    return "".join(lazy_pinyin("".join(c for c in name if c.isalnum()), style=Style.FIRST_LETTER)).lower()


def matches(text: str) -> ColumnElement[bool]:
    """The condition for a retailer with this text in its code, its name or one of its numbers."""
    called = select(RetailerPhone.retailer_id).where(RetailerPhone.phone.contains(text, autoescape=True))
    return or_(
        RetailerRow.customer_code.contains(text, autoescape=True),
        RetailerRow.name.contains(text, autoescape=True),
        RetailerRow.id.in_(called),
    )


def find_retailers(session: Session, text: str, most: int) -> Sequence[RetailerRow]:
    """The retailers that match the text, at most `most`; by letters, those whose name begins with them first."""
    if not text:
        return ()
    if text.isascii() and text.isalpha():
        return _by_letters(session, text.lower(), most)
    return session.scalars(
        select(RetailerRow).where(matches(text)).order_by(RetailerRow.customer_code).limit(most)
    ).all()


def _by_letters(session: Session, letters: str, most: int) -> Sequence[RetailerRow]:
    names = session.execute(select(RetailerRow.id, RetailerRow.name).order_by(RetailerRow.customer_code))
    places = [(first_letters(name).find(letters), number) for number, name in names]
    best = [number for _, number in sorted((at, number) for at, number in places if at >= 0)[:most]]
    rows = {row.id: row for row in session.scalars(select(RetailerRow).where(RetailerRow.id.in_(best)))}
    return [rows[number] for number in best]
