"""The scans of the signed lists, kept with the orders that were entered from them (AY 4.1.8)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session, defer

from orders.channels.models import ProxyScan

FILE_NAME_MAX_CHARS: Final = 120
# How a file of each kind begins, whatever its name says.
_BEGINNINGS: Final = {
    "application/pdf": b"%PDF-",
    "image/jpeg": b"\xff\xd8\xff",
    "image/png": b"\x89PNG\r\n\x1a\n",
}


class NoScan(ValueError):
    """The file is no scan; the message says what one is."""


def media_type(content: bytes) -> str | None:
    """The media type of a scan by how it begins; None for any other file."""
    return next((kind for kind, beginning in _BEGINNINGS.items() if content.startswith(beginning)), None)


def keep_scan(session: Session, day: date, file_name: str, content: bytes, *, by: str, now: datetime) -> ProxyScan:
    """Keep a scan of the list of a day; the same file again is kept once. NoScan for what is no PDF, JPEG or PNG."""
    kind = media_type(content)
    if kind is None:
        raise NoScan(f"{file_name} is no PDF, JPEG or PNG file: scan the signed list again and choose that file.")
    known = session.scalar(
        select(ProxyScan).where(ProxyScan.business_day == day, ProxyScan.content == content, ProxyScan.kept_by == by)
    )
    if known is not None:
        return known
    scan = ProxyScan(
        business_day=day,
        file_name=file_name[-FILE_NAME_MAX_CHARS:],
        media_type=kind,
        content=content,
        kept_at=now,
        kept_by=by,
    )
    session.add(scan)
    session.flush()
    return scan


def scans_of(session: Session, day: date, *, kept_by: str | None = None) -> Sequence[ProxyScan]:
    """The scans of the lists of a day in the order in which they were kept, their contents not yet loaded: all, or
    those that one member of staff kept."""
    return session.scalars(
        select(ProxyScan)
        .where(*_of_day(day, kept_by))
        .order_by(ProxyScan.id)
        .options(defer(ProxyScan.content, raiseload=True))
    ).all()


def has_scan(session: Session, day: date, *, kept_by: str | None = None) -> bool:
    """True if a scan of a list of this day is kept, by this member of staff if one is named."""
    return bool(session.scalar(select(func.count()).where(*_of_day(day, kept_by))))


def _of_day(day: date, kept_by: str | None) -> list[ColumnElement[bool]]:
    return [ProxyScan.business_day == day, *([] if kept_by is None else [ProxyScan.kept_by == kept_by])]
