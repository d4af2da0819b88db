"""The ways into the interface for shops: a channel's token, or a retailer's own code and PIN."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from flask import request
from sqlalchemy.orm import Session

from orders.book.desk import Desk

OpenDesk = Callable[[Session, datetime], Desk]
"""Opens the order desk at a moment."""


def bearer_token() -> str | None:
    """The token sent with the request, or None."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def code_and_pin() -> tuple[str, str] | None:
    """The customer code and PIN sent with the request, or None."""
    sent = request.authorization
    if sent is None or sent.type != "basic":
        return None
    return sent.get("username") or "", sent.get("password") or ""
