"""Callback calls placed from the desk: the operator is dialled first and, once that call is answered, the caller.

The number is that of the call in which the caller asked for it, so nobody is dialled who did not call the line.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from clock import Clock
from ivr.carrier import Carrier
from ivr.instructions import DialCaller, EndCall, Instruction, WhisperCallback
from ivr.models import Call
from ivr.operators import callbacks, presence
from ivr.operators.models import Callback
from ivr.operators.operator_prompts import OperatorPrompts
from ivr.turns.recovery import on_failure
from orders.retailers.dialling import may_be_dialled
from orders.retailers.models import RetailerRow
from orders.staff.models import StaffRow
from storage import SessionFactory, read_only, transaction

YES_KEY = "1"


@dataclass(frozen=True, slots=True)
class CallbackTarget:
    """A callback to make: the caller's number, the line they had called, and the retailer's name, empty if unknown."""

    phone: str
    line: str
    name: str


class CallbackCalls:
    """The callback calls of one line: placed from the desk, and led by the carrier's events."""

    def __init__(
        self,
        sessions: SessionFactory,
        clock: Clock,
        carrier: Carrier,
        prompts: OperatorPrompts,
        dialled_prefixes: Collection[str] = ("+86",),
    ) -> None:
        self._sessions = sessions
        self._clock = clock
        self._carrier = carrier
        self._prompts = prompts
        self._prefixes = tuple(dialled_prefixes)

    def dial_operator(self, callback_id: int, staff_id: int) -> bool:
        """Dial this operator, to be connected to the caller of this callback request. False if the operator has no
        address to be dialled at, or the caller was reached already. Raises CarrierError if the operator cannot be
        dialled."""
        with read_only(self._sessions) as session:
            target = self._target(session, callback_id)
            address = presence.operator_address(session, session.get_one(StaffRow, staff_id))
        if target is None or not address:
            return False
        self._carrier.dial_operator_for_callback(address, target.line, callback_id, staff_id)
        return True

    # --- events

    def _end_call(self) -> Instruction:
        return EndCall((self._prompts.failure,))

    @on_failure(_end_call)
    def answered(self, callback_id: int, staff_id: int, *, in_browser: bool) -> Instruction:
        """The operator's call was answered: in a browser by the operator, on a telephone perhaps by a machine."""
        target = self._open_target(callback_id)
        if target is None:
            return EndCall((self._prompts.call_over,))
        if in_browser:
            return DialCaller(callback_id, staff_id, target.phone, target.line)
        return WhisperCallback(callback_id, staff_id, 2 * self._prompts.callback(target.name))

    @on_failure(_end_call)
    def key_pressed(self, callback_id: int, staff_id: int, key: str) -> Instruction:
        """The operator pressed a key after the whisper."""
        target = self._open_target(callback_id)
        if target is None or key != YES_KEY:
            return EndCall((self._prompts.call_over,))
        return DialCaller(callback_id, staff_id, target.phone, target.line)

    @on_failure(_end_call)
    def over(self, callback_id: int, staff_id: int, *, reached: bool) -> Instruction:
        """The call to the caller is over; `reached` if it was answered."""
        with transaction(self._sessions) as session:
            callbacks.record_attempt(session, callback_id, reached, staff_id, self._clock())
        return EndCall((self._prompts.call_over if reached else self._prompts.not_reached,))

    def _open_target(self, callback_id: int) -> CallbackTarget | None:
        with read_only(self._sessions) as session:
            return self._target(session, callback_id)

    def _target(self, session: Session, callback_id: int) -> CallbackTarget | None:
        """The callback with this id, or None if there is none, its caller was reached, or its number may not be called:
        the setting may have changed since it was asked for."""
        row = session.get(Callback, callback_id)
        if row is None or row.state == "reached" or not may_be_dialled(row.phone, self._prefixes):
            return None
        name = session.scalar(select(RetailerRow.name).where(RetailerRow.customer_code == row.customer_code))
        return CallbackTarget(row.phone, session.get_one(Call, row.call_key).called, name or "")
