"""The sessions of retailers at their own page: a token for each browser, of which only a hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, delete, or_, select
from sqlalchemy.orm import Session

from orders.retailers.models import RetailerRow, ShopSession

# A shopkeeper is called away while ordering; a telephone left on the counter must not stay open all day.
IDLE_TIMEOUT = timedelta(minutes=30)
SESSION_MAX = timedelta(hours=12)
# Written this seldom, so that reading a page rarely writes.
_SEEN_AFTER = timedelta(minutes=1)


def begin(session: Session, retailer: RetailerRow, now: datetime) -> str:
    """Begin a session of this retailer, and return its token, this once. Sessions that are over are deleted."""
    session.execute(delete(ShopSession).where(_over(now)))
    token = secrets.token_urlsafe(32)
    session.add(
        ShopSession(
            token_hash=_hash(token), retailer_id=retailer.id, pin_mark=_mark(retailer), began_at=now, seen_at=now
        )
    )
    session.flush()
    return token


def find(session: Session, token: str, now: datetime, *, lock: bool = False) -> tuple[ShopSession, RetailerRow] | None:
    """The session of this token and its retailer, or None where it is over: signed out, idle for too long, or begun
    with a PIN that has been replaced. With `lock` its row is locked until the transaction ends."""
    if not token:
        return None
    chosen = select(ShopSession).where(ShopSession.token_hash == _hash(token), ~_over(now))
    found = session.scalar(chosen.with_for_update() if lock else chosen)
    if found is None:
        return None
    retailer = session.get(RetailerRow, found.retailer_id)
    return None if retailer is None or found.pin_mark != _mark(retailer) else (found, retailer)


def is_to_be_marked(found: ShopSession, now: datetime) -> bool:
    """True if it is time to write down that the session is in use."""
    return now - found.seen_at > _SEEN_AFTER


def end(session: Session, token: str) -> None:
    """End the session of this token."""
    session.execute(delete(ShopSession).where(ShopSession.token_hash == _hash(token)))


def _over(now: datetime) -> ColumnElement[bool]:
    return or_(ShopSession.seen_at <= now - IDLE_TIMEOUT, ShopSession.began_at <= now - SESSION_MAX)


def _hash(token: str) -> str:
    # The token is 256 random bits, so a quick hash is as hard to undo as a slow one.
    return hashlib.sha256(token.encode()).hexdigest()


def _mark(retailer: RetailerRow) -> str:
    return hashlib.sha256((retailer.pin_hash or "").encode()).hexdigest()
