"""The systems that orders come from by file: how each is set, with author, reason and what was before (AY 4.2.5.8)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.audit_log import record_change
from orders.channels.models import ChannelToken, OrderSource

FileChannel = Literal["web", "mobile"]
EVERY_MINUTES = (10, 15, 30, 60, 120)
"""How often files may be taken, in minutes; every half hour is the rule (AY 4.2.5.8)."""
SENDER_MAX_CHARS, FOLDER_MAX_CHARS = 40, 120
OWN_FOLDERS = ("taking", "done", "failed")
"""The folders that are made in the folder of a source: of files being worked on, taken, and refused."""

Refusal = Literal["sender_taken", "folder_taken", "other_channel", "stale"]


class SourceRefused(ValueError):
    """A source cannot be set like this: `reason`, and `by` who changed it meanwhile."""

    def __init__(self, reason: Refusal, by: str = "") -> None:
        self.reason = reason
        self.by = by
        super().__init__(reason)


@dataclass(frozen=True, slots=True)
class SourceSettings:
    """What is set of a source; `folder` is None where its files are uploaded only."""

    sender: str
    channel: FileChannel
    folder: str | None
    every_minutes: int
    is_on: bool


def order_sources(session: Session) -> Sequence[OrderSource]:
    """All sources, in the order of their names."""
    return session.scalars(select(OrderSource).order_by(OrderSource.sender)).all()


def folder_name(text: str) -> str | None:
    """The folder below the administrator's root, its parts separated by "/". None where it leads anywhere else, is
    hidden, or is one of those that are made in a source's folder."""
    parts = text.strip().replace("\\", "/").rstrip("/").split("/")
    fit = all(part == part.strip() and part and not part.startswith(".") and part not in OWN_FOLDERS for part in parts)
    # A drive, as in C:/orders, leads out as well.
    return "/".join(parts) if fit and ":" not in text and len(text) <= FOLDER_MAX_CHARS else None


def set_source(
    session: Session, number: int | None, to: SourceSettings, version: int, *, by: str, why: str, now: datetime
) -> OrderSource:
    """Set a source, or add one where `number` is None. Files are looked for at once if that is switched on or the
    folder is another one. SourceRefused where a name or folder is another source's, where the sender has a token for
    another channel, or where the source has been changed since its `version` was shown."""
    others = session.scalars(select(OrderSource).where(OrderSource.id != (number or 0)).with_for_update()).all()
    if any(one.sender == to.sender for one in others):
        raise SourceRefused("sender_taken")
    if to.folder is not None and any(one.folder == to.folder for one in others):
        raise SourceRefused("folder_taken")
    token = session.scalar(select(ChannelToken).where(ChannelToken.name == to.sender))
    if token is not None and token.channel != to.channel:
        raise SourceRefused("other_channel")
    row = None if number is None else session.get_one(OrderSource, number, with_for_update=True, populate_existing=True)
    before = None if row is None else _settings(row)
    if row is None:
        row = OrderSource(**asdict(to), version=0, next_look_at=now)
        session.add(row)
    elif row.version != version:
        raise SourceRefused("stale", row.changed_by)
    elif before is not None:
        if (to.is_on, to.folder) != (before.is_on, before.folder):
            row.next_look_at, row.looked_at, row.problem = now, None, ""
        row.next_look_at = min(row.next_look_at, now + timedelta(minutes=to.every_minutes))
        for name, value in asdict(to).items():
            setattr(row, name, value)
    row.version, row.changed_by, row.changed_at = row.version + 1, by, now
    session.flush()
    record_change(
        session,
        "order_source",
        to.sender,
        None if before is None else asdict(before),
        asdict(to),
        by=by,
        why=why,
        now=now,
    )
    return row


def look_now(session: Session, number: int, now: datetime, *, by: str) -> OrderSource:
    """Have the files in a source's folder taken at once, where it is switched on."""
    row = session.get_one(OrderSource, number, with_for_update=True)
    row.next_look_at = now
    record_change(session, "order_source", row.sender, None, {"taken_now": True}, by=by, why="", now=now)
    return row


def _settings(row: OrderSource) -> SourceSettings:
    channel: FileChannel = "mobile" if row.channel == "mobile" else "web"
    return SourceSettings(row.sender, channel, row.folder, row.every_minutes, row.is_on)
