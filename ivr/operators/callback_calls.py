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
from ivr.operators.models import CallBack, Duty
from ivr.operators.operator_prompts import PeopleWords
from ivr.operators.ringing import RING_S
from ivr.twilio.operator_twiml import PeopleMarkup
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow
from storage import SessionFactory, reading, transaction

YES_KEY = "1"


class Rings(Protocol):
    """The carrier operation that callback calls need."""

    def ring_operator(self, to: str, number: str, url: str, status_url: str, timeout_s: int, /) -> str: ...


@dataclass(frozen=True, slots=True)
class Wish:
    """A callback to make: the caller's number, the line they had called, and the retailer's name, empty if unknown."""

    phone: str
    line: str
    name: str


class CallingBack:
    """Places the callback calls of one line."""

    def __init__(self, sessions: SessionFactory, clock: Clock, carrier: Rings, markup: PeopleMarkup) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._markup = markup

    def begin(self, number: int, staff_id: int) -> bool:
        """Dial this operator, to be connected to the caller of this callback request. False if the operator has no
        address to be dialled at, or the caller was reached already. Raises CarrierError if the operator cannot be
        dialled."""
        with reading(self._sessions) as session:
            wish = self._wish(session, number)
            row, person = session.get(Duty, staff_id), session.get_one(StaffRow, staff_id)
            address = presence.address_of(row, person) if row is not None else person.phone or ""
        if wish is None or not address:
            return False
        url, status_url = self._markup.call_back_url(number, staff_id), self._markup.nothing_url()
        self._carrier.ring_operator(address, wish.line, url, status_url, RING_S)
        return True

    def wish(self, number: int) -> Wish | None:
        """The callback with this id, or None if there is none or its caller was reached."""
        with reading(self._sessions) as session:
            return self._wish(session, number)

    def note(self, number: int, staff_id: int, reached: bool) -> None:
        """Record whether the operator reached the caller."""
        with transaction(self._sessions) as session:
            callbacks.note(session, number, reached, staff_id, self._clock())

    def _wish(self, session: Session, number: int) -> Wish | None:
        row = session.get(CallBack, number)
        if row is None or row.state == "reached":
            return None
        name = session.scalar(select(RetailerRow.name).where(RetailerRow.customer_code == row.customer_code))
        return Wish(row.phone, session.get_one(Call, row.call_sid).called, name or "")


def add_call_back_routes(
    routes: Blueprint, calling_back: CallingBack, markup: PeopleMarkup, words: PeopleWords
) -> None:
    """Add the webhooks of the operator's call that leads to a callback."""

    @routes.post("/call-back")
    def call_back() -> Response:
        number, staff_id = _count("wish"), _count("staff")
        wish = calling_back.wish(number)
        if wish is None:
            return _xml(markup.hang_up([words.over]))
        if request.form.get("To", "").startswith("client:"):
            return _xml(markup.dial_back(wish.phone, wish.line, number, staff_id))
        return _xml(markup.ask_to_dial_back(words.call_back(wish.name), number, staff_id))

    @routes.post("/call-back/key")
    def key() -> Response:
        number, staff_id = _count("wish"), _count("staff")
        wish = calling_back.wish(number)
        if wish is None or request.form.get("Digits", "") != YES_KEY:
            return _xml(markup.hang_up([words.over]))
        return _xml(markup.dial_back(wish.phone, wish.line, number, staff_id))

    @routes.post("/call-back/over")
    def over() -> Response:
        reached = request.form.get("DialCallStatus") == "completed"
        calling_back.note(_count("wish"), _count("staff"), reached)
        return _xml(markup.hang_up([words.over if reached else words.not_reached]))

    @routes.post("/nothing")
    def nothing() -> Response:
        return _xml(markup.nothing())


def _count(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _xml(markup: str) -> Response:
    return Response(markup, mimetype="text/xml")
