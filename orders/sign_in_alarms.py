"""Alarms about guessed PINs and passwords: logged when they are raised, and shown until a person has seen to them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.models import AlarmKind, SignInAlarm

# Guesses that go on after so long are an alarm of their own, even if nobody has seen to the one before.
GOES_ON_FOR = timedelta(hours=12)

log = structlog.get_logger(__name__)


def alarm(session: Session, kind: AlarmKind, subject: str, tries: int, now: datetime) -> None:
    """Raise an alarm, or count on in the one that is open: `tries` at a code, login, number or address (`subject`), or
    of everybody."""
    found = session.scalar(
        select(SignInAlarm)
        .where(
            SignInAlarm.kind == kind,
            SignInAlarm.subject == subject,
            SignInAlarm.last_at > now - GOES_ON_FOR,
            SignInAlarm.settled_at.is_(None),
        )
        .limit(1)
    )
    if found is None:
        session.add(SignInAlarm(kind=kind, subject=subject, raised_at=now, last_at=now, tries=tries))
        log.warning("somebody guesses PINs or passwords", kind=kind, subject=subject, tries=tries)
    else:
        found.last_at, found.tries = now, max(tries, found.tries)
    session.flush()


def open_alarms(session: Session) -> Sequence[SignInAlarm]:
    """The alarms nobody has seen to, the latest first."""
    return session.scalars(
        select(SignInAlarm).where(SignInAlarm.settled_at.is_(None)).order_by(SignInAlarm.id.desc())
    ).all()


def settle(session: Session, alarm_id: int, *, by: str, now: datetime) -> bool:
    """Record who has seen to an alarm; False if somebody has already, or there is no such alarm."""
    found = session.get(SignInAlarm, alarm_id, with_for_update=True, populate_existing=True)
    if found is None or found.settled_at is not None:
        return False
    found.settled_at, found.settled_by = now, by
    session.flush()
    return True
