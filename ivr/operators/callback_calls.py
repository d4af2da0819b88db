"""Callback calls placed from the desk: the operator is dialled first and, once that call is answered, the caller.

The number is that of the call in which the caller asked for it, so nobody is dialled who did not call the line.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from flask import Blueprint, Response, request
from sqlalchemy import select
from sqlalchemy.orm import Session

from clock import Clock
from ivr.models import Call
from ivr.operators import callbacks, presence
from ivr.operators.models import Callback, Presence
from ivr.operators.operator_prompts import OperatorPrompts
from ivr.operators.ringing import RING_S
from ivr.twilio.operator_twiml import OperatorTwiml
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow
from storage import SessionFactory, read_only, transaction

YES_KEY = "1"


class CallbackCarrier(Protocol):
    """The carrier operation that callback calls need."""

    def dial_operator(self, to: str, number: str, url: str, status_url: str, timeout_s: int, /) -> str: ...


@dataclass(frozen=True, slots=True)
class CallbackTarget:
    """A callback to make: the caller's number, the line they had called, and the retailer's name, empty if unknown."""

    phone: str
    line: str
    name: str


class CallbackCalls:
    """Places the callback calls of one line."""

    def __init__(self, sessions: SessionFactory, clock: Clock, carrier: CallbackCarrier, markup: OperatorTwiml) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._markup = markup

    def dial_operator(self, callback_id: int, staff_id: int) -> bool:
        """Dial this operator, to be connected to the caller of this callback request. False if the operator has no
        address to be dialled at, or the caller was reached already. Raises CarrierError if the operator cannot be
        dialled."""
        with read_only(self._sessions) as session:
            wish = self._target(session, callback_id)
            row, person = session.get(Presence, staff_id), session.get_one(StaffRow, staff_id)
            address = presence.dial_address(row, person) if row is not None else person.phone or ""
        if wish is None or not address:
            return False
        url, status_url = self._markup.callback_url(callback_id, staff_id), self._markup.notification_url()
        self._carrier.dial_operator(address, wish.line, url, status_url, RING_S)
        return True

    def target(self, callback_id: int) -> CallbackTarget | None:
        """The callback with this id, or None if there is none or its caller was reached."""
        with read_only(self._sessions) as session:
            return self._target(session, callback_id)

    def record_attempt(self, callback_id: int, staff_id: int, reached: bool) -> None:
        """Record whether the operator reached the caller."""
        with transaction(self._sessions) as session:
            callbacks.record_attempt(session, callback_id, reached, staff_id, self._clock())

    def _target(self, session: Session, number: int) -> CallbackTarget | None:
        row = session.get(Callback, number)
        if row is None or row.state == "reached":
            return None
        name = session.scalar(select(RetailerRow.name).where(RetailerRow.customer_code == row.customer_code))
        return CallbackTarget(row.phone, session.get_one(Call, row.call_key).called, name or "")


def add_callback_routes(
    routes: Blueprint, calling_back: CallbackCalls, markup: OperatorTwiml, words: OperatorPrompts
) -> None:
    """Add the webhooks of the operator's call that leads to a callback."""

    @routes.post("/call-back")
    def callback() -> Response:
        number, staff_id = _count("wish"), _count("staff")
        wish = calling_back.target(number)
        if wish is None:
            return _xml(markup.hang_up([words.call_over]))
        if request.form.get("To", "").startswith("client:"):
            return _xml(markup.dial_caller(wish.phone, wish.line, number, staff_id))
        return _xml(markup.confirm_callback(words.callback(wish.name), number, staff_id))

    @routes.post("/call-back/key")
    def key() -> Response:
        number, staff_id = _count("wish"), _count("staff")
        wish = calling_back.target(number)
        if wish is None or request.form.get("Digits", "") != YES_KEY:
            return _xml(markup.hang_up([words.call_over]))
        return _xml(markup.dial_caller(wish.phone, wish.line, number, staff_id))

    @routes.post("/call-back/over")
    def over() -> Response:
        reached = request.form.get("DialCallStatus") == "completed"
        calling_back.record_attempt(_count("wish"), _count("staff"), reached)
        return _xml(markup.hang_up([words.call_over if reached else words.not_reached]))

    @routes.post("/nothing")
    def nothing() -> Response:
        return _xml(markup.empty())


def _count(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _xml(markup: str) -> Response:
    return Response(markup, mimetype="text/xml")
