"""Hotlines, calendar days, and the hours of outbound calls and of the other channels, as the department sets them. The
audit log keeps each change."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.audit_log import record_change
from orders.book.models import Channel, OrderKind
from orders.book.views import Hotline
from orders.models import Admits, CalendarDay, ChannelWindow, HotlineRow, MissedCallers
from orders.outbound.models import OutboundWindow
from orders.windows import Calendar
from plain_text import check_text

MINUTES_A_DAY = 24 * 60
# As orders keep the region that was chosen.
REGION_MAX_CHARS = 20


class SettingRefused(ValueError):
    """The setting cannot be accepted; the message says why."""


def set_hotline(
    session: Session,
    number: str,
    *,
    name: str,
    seat: str,
    kind: OrderKind,
    opens: int,
    closes: int,
    regions: Sequence[str],
    missed_callers: MissedCallers = "tell",
    by: str,
    why: str,
    now: datetime,
) -> None:
    """Add a hotline or change it; a supplementary one admits the retailers that missed their call (TR 3.3), and
    `missed_callers` says what a regular one does for them. Hours are in minutes from midnight; the regions are chosen
    by the keys from 1 on."""
    _check_hours(opens, closes, least=0)
    _check_reason(why)
    if len(regions) > 9:
        raise SettingRefused(f"A hotline has {len(regions)} regions; there are keys for nine.")
    for region in regions:
        check_text(region, REGION_MAX_CHARS)
    line = session.scalar(select(HotlineRow).where(HotlineRow.number == number))
    before = None if line is None else _hotline(line)
    line = line or HotlineRow(number=number)
    admits: Admits = "missed" if kind == "supplementary" else "due"
    line.name, line.seat, line.kind, line.admits = name, seat, kind, admits
    line.opens, line.closes = opens, closes
    line.regions = [[str(key), region] for key, region in enumerate(regions, 1)]
    line.missed_callers = missed_callers
    session.add(line)
    record_change(session, "hotline", number, before, _hotline(line), by=by, why=why, now=now)
    session.flush()


def set_channel_hours(
    session: Session, channel: Channel, opens: int, closes: int, *, by: str, why: str, now: datetime
) -> None:
    """Set when a channel takes orders for a business day, in minutes from that day's midnight, negative before it."""
    _check_hours(opens, closes, least=-MINUTES_A_DAY)
    _check_reason(why)
    row = session.get(ChannelWindow, channel, populate_existing=True)
    before = None if row is None else {"opens": row.opens, "closes": row.closes}
    after = {"opens": opens, "closes": closes}
    session.merge(ChannelWindow(channel=channel, **after))
    session.flush()
    record_change(session, "channel_hours", channel, before, after, by=by, why=why, now=now)


def set_outbound_hours(
    session: Session, batch: str, opens: int, closes: int, *, by: str, why: str, now: datetime
) -> None:
    """Set when a batch's retailers are called, or with ALL_BATCHES those of every batch without hours of its own."""
    _check_hours(opens, closes, least=0)
    _check_reason(why)
    row = session.get(OutboundWindow, batch, populate_existing=True)
    before = None if row is None else {"opens": row.opens, "closes": row.closes}
    after = {"opens": opens, "closes": closes}
    session.merge(OutboundWindow(batch=batch, **after))
    session.flush()
    record_change(session, "outbound_hours", batch, before, after, by=by, why=why, now=now)


def unset_outbound_hours(session: Session, batch: str, *, by: str, why: str, now: datetime) -> None:
    """Take away a batch's own hours: its retailers are called in those of all others again."""
    _check_reason(why)
    row = session.get(OutboundWindow, batch, populate_existing=True)
    if row is not None:
        before = {"opens": row.opens, "closes": row.closes}
        session.delete(row)
        record_change(session, "outbound_hours", batch, before, None, by=by, why=why, now=now)
    session.flush()


def set_calendar_day(session: Session, day: date, is_open: bool | None, *, by: str, why: str, now: datetime) -> None:
    """Declare a day open or closed, whatever the public holidays say; with None they decide again."""
    _check_reason(why)
    row = session.get(CalendarDay, day, populate_existing=True)
    before = None if row is None else {"is_open": row.is_open}
    after = None if is_open is None else {"is_open": is_open}
    if is_open is not None:
        session.merge(CalendarDay(day=day, is_open=is_open, note=why[:80]))
    elif row is not None:
        session.delete(row)
    record_change(session, "calendar_day", day.isoformat(), before, after, by=by, why=why, now=now, day=day)
    session.flush()


def _hotline(line: HotlineRow) -> dict[str, Any]:
    return {
        "name": line.name,
        "seat": line.seat,
        "kind": line.kind,
        "opens": line.opens,
        "closes": line.closes,
        "regions": [region for _, region in line.regions],
        "missed_callers": line.missed_callers,
    }


def _check_hours(opens: int, closes: int, *, least: int) -> None:
    if not least <= opens < closes <= MINUTES_A_DAY:
        raise SettingRefused("It has to close after it opens, and both within the day.")


def _check_reason(why: str) -> None:
    if not why.strip():
        raise SettingRefused("Say why: the audit log keeps it.")


def hotlines(session: Session) -> Sequence[HotlineRow]:
    """Every number that may be called."""
    return session.scalars(select(HotlineRow).order_by(HotlineRow.id)).all()


def hotline(rows: Sequence[HotlineRow], called_number: str) -> Hotline:
    """The hotline behind a called number; for an unknown one the first regular line, so that no call fails."""
    called = [row for row in rows if row.number == called_number]
    regular = [row for row in rows if row.kind == "regular"]
    for row in called + regular:
        regions = tuple((key, name) for key, name in row.regions)
        return Hotline(row.number, row.name, row.kind, row.seat, regions, row.id, row.missed_callers == "serve")
    return Hotline(called_number, "", "regular", "1")


def calendar(session: Session) -> Calendar:
    """The public holidays, and the days on which the department decided otherwise."""
    return Calendar({row.day: row.is_open for row in session.scalars(select(CalendarDay))})
