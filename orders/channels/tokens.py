"""The senders of web orders: a token for each, of which only a hash is stored."""

from __future__ import annotations

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.audit_log import record_change
from orders.book.models import Channel
from orders.channels.models import ChannelToken


class TokenError(ValueError):
    """A token cannot be made or revoked like this; the message says why."""


def new_token(session: Session, name: str, channel: Channel, now: datetime, *, by: str) -> str:
    """A token for a new sender, returned this once. TokenError where the name is taken, empty or too long."""
    name = name.strip()
    if not name or len(name) > 40:
        raise TokenError("A sender needs a name of 1 to 40 characters.")
    if session.scalar(select(ChannelToken.id).where(ChannelToken.name == name)) is not None:
        raise TokenError(f"There is a sender {name!r} already: choose another name.")
    token = secrets.token_urlsafe(32)
    session.add(ChannelToken(name=name, channel=channel, token_hash=_hash(token), created_at=now))
    record_change(session, "sender", name, None, {"channel": channel}, by=by, why="", now=now)
    session.flush()
    return token


def revoke(session: Session, name: str, now: datetime, *, by: str) -> None:
    """Revoke this sender's token. TokenError where none is in force."""
    sender = session.scalar(select(ChannelToken).where(ChannelToken.name == name, ChannelToken.revoked_at.is_(None)))
    if sender is None:
        raise TokenError(f"There is no sender {name!r} with a token in force.")
    sender.revoked_at = now
    record_change(session, "sender", name, {"channel": sender.channel}, None, by=by, why="", now=now)
    session.flush()


def sender_by_token(session: Session, token: str) -> ChannelToken | None:
    """The sender with this token, or None."""
    return session.scalar(
        select(ChannelToken).where(ChannelToken.token_hash == _hash(token), ChannelToken.revoked_at.is_(None))
    )


def _hash(token: str) -> str:
    # The token is 256 random bits, so a quick hash is as hard to undo as a slow one.
    return hashlib.sha256(token.encode()).hexdigest()
