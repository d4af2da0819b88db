"""Notices to the operators: promotions and notes, each for some days (AS 4.2.1)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal, get_args

from sqlalchemy import String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from storage import Base, UtcDateTime

NoticeKind = Literal["promotion", "note"]
NOTICE_KINDS: tuple[NoticeKind, ...] = get_args(NoticeKind)
NOTICE_MAX_CHARS = 300


class Notice(Base):
    """One promotion or note, in force from `first` to `last`, both counted, until it is taken down."""

    __tablename__ = "notices"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[NoticeKind] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(String(NOTICE_MAX_CHARS))
    first: Mapped[date]
    last: Mapped[date] = mapped_column(index=True)
    written_at: Mapped[datetime] = mapped_column(UtcDateTime)
    written_by: Mapped[str] = mapped_column(String(40))
    taken_down_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    taken_down_by: Mapped[str | None] = mapped_column(String(40))


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
    """The notices of a day, promotions first, the newest of each first."""
    return session.scalars(
        select(Notice)
        .where(Notice.first <= day, Notice.last >= day, Notice.taken_down_at.is_(None))
        .order_by(Notice.kind.desc(), Notice.id.desc())
    ).all()


def to_come(session: Session, day: date) -> Sequence[Notice]:
    """The notices posted for later, the next first."""
    return session.scalars(
        select(Notice).where(Notice.first > day, Notice.taken_down_at.is_(None)).order_by(Notice.first, Notice.id)
    ).all()
