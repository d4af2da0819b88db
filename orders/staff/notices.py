"""Notices to the operators: promotions and notes, each for some days (AS 4.2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import get_args

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.staff.models import NOTICE_MAX_CHARS, Notice, NoticeKind

NOTICE_KINDS: tuple[NoticeKind, ...] = get_args(NoticeKind)


def post(session: Session, kind: NoticeKind, text: str, first: date, last: date, *, by: str, now: datetime) -> Notice:
    """Post a notice. ValueError for one without a text, one too long, or one that ends before it begins."""
    if not text.strip() or len(text) > NOTICE_MAX_CHARS or last < first:
        raise ValueError(f"A notice has a text of {NOTICE_MAX_CHARS} characters at most, and ends after it begins.")
    notice = Notice(kind=kind, text=text.strip(), first=first, last=last, written_at=now, written_by=by)
    session.add(notice)
    session.flush()
    return notice


def change(
    session: Session,
    notice_id: int,
    kind: NoticeKind,
    text: str,
    first: date,
    last: date,
    *,
    by: str,
    now: datetime,
) -> Notice:
    """Post a notice in the place of another, which is taken down and kept as it was."""
    notice = post(session, kind, text, first, last, by=by, now=now)
    take_down(session, notice_id, by=by, now=now)
    return notice


def take_down(session: Session, notice_id: int, *, by: str, now: datetime) -> None:
    """Take a notice down early; one that is down already stays as it is. Its text is kept."""
    notice = session.get(Notice, notice_id, with_for_update=True)
    if notice is not None and notice.taken_down_at is None:
        notice.taken_down_at, notice.taken_down_by = now, by


def in_force(session: Session, day: date) -> Sequence[Notice]:
    """The notices of a day: messages to shops, promotions, notes; the newest of each first."""
    return session.scalars(
        select(Notice)
        .where(Notice.first <= day, Notice.last >= day, Notice.taken_down_at.is_(None))
        .order_by(Notice.kind.desc(), Notice.id.desc())
    ).all()


def upcoming(session: Session, day: date) -> Sequence[Notice]:
    """The notices posted for later, the next first."""
    return session.scalars(
        select(Notice).where(Notice.first > day, Notice.taken_down_at.is_(None)).order_by(Notice.first, Notice.id)
    ).all()
