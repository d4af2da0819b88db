"""The call before its last turn: a caller who goes on after an early answer is heard as if there had been none."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from pydantic import TypeAdapter
from sqlalchemy import select
from sqlalchemy.orm import Session

from callflows.state import CallState
from ivr.models import Call, TurnRow
from orders.book.desk import Desk
from orders.book.draft_lines import KeptLine


class ReversibleConversation(Protocol):
    """The part of the conversation that takes a turn back."""

    def go_back(self, state: CallState, lines: tuple[KeptLine, ...] | None, since: datetime, desk: Desk, /) -> bool: ...


@dataclass(frozen=True, slots=True)
class TurnBefore:
    """A call at the moment before the turn with this number was taken. `lines` are those of its draft, None if it had
    none."""

    turn_number: int
    state: dict[str, Any]
    reply: dict[str, Any]
    lines: tuple[KeptLine, ...] | None
    at: datetime


_STORED = TypeAdapter(TurnBefore)


def as_it_is(call: Call, lines: tuple[KeptLine, ...] | None, now: datetime) -> dict[str, Any]:
    """The call as it is, as plain JSON, to go back to; `lines` are those of its draft."""
    before = TurnBefore(call.turn_number, call.state, call.reply, lines, now)
    stored: dict[str, Any] = _STORED.dump_python(before, mode="json")
    return stored


def go_back(session: Session, call: Call, conversation: ReversibleConversation, desk: Desk) -> bool:
    """Take the last turn of a call back, which is locked. The turn's row is kept, marked as continued by the next one.
    False, and nothing changed, if the turn was not spoken or there is no going back."""
    if call.turn_before is None:
        return False
    before = _STORED.validate_python(call.turn_before)
    if before.turn_number != call.turn_number - 1:
        return False
    if not conversation.go_back(CallState.from_json(call.state), before.lines, before.at, desk):
        return False
    call.state, call.reply = before.state, before.reply
    turn = session.scalars(
        select(TurnRow).where(TurnRow.call_key == call.call_key, TurnRow.turn_number == before.turn_number)
    ).one()
    turn.turn_input = {**turn.turn_input, "continued": True}
    return True
