"""Calls to retailers that are due: placed over the trunk, and led like a caller's once they are answered.

The dialplan's context `placed` finds out if a person has answered or a machine, before the call comes to the line.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import structlog

from ivr.asterisk.caller import Caller
from ivr.asterisk.channels import ChannelPurpose
from ivr.asterisk.leg import Event, Interpreter, Leg
from ivr.call_pace import CallPace
from ivr.carrier import AnsweredBy, CallStatus
from ivr.instructions import AnswerAgain, Instruction
from ivr.line import LineServices

# https://docs.asterisk.org/Latest_API/API_Documentation/Dialplan_Applications/AMD/
_MACHINE: Final = "MACHINE"
# A trunk that takes no more calls is left alone for so long, in seconds.
TRUNK_PAUSE_S: Final = 10.0

log = structlog.get_logger(__name__)


class Retailer(Caller):
    """The role of a retailer that the line has called."""

    def __init__(self, line: LineServices, pace: CallPace | None = None) -> None:
        super().__init__(line)
        self._pace = pace

    def begun(self, leg: Leg) -> Event:
        return answered(leg)

    def progressed(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        self._line.automatic.outbound_status(attempt_key(purpose), call_key, status)

    def not_placed(self, call_key: str, purpose: ChannelPurpose) -> None:
        log.info("a retailer is dialled later: the trunk takes no more calls", call=call_key)
        if self._pace is not None:
            self._pace.hold_off(TRUNK_PAUSE_S)
        self._line.outbound_calls.withdraw(attempt_key(purpose), call_key)

    def ended(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        self._line.automatic.outbound_status(attempt_key(purpose), call_key, status)

    def _unknown(self, leg: Leg) -> Instruction:
        return _answer(leg, 0)


def attempt_key(purpose: ChannelPurpose) -> str:
    """The key of the attempt that a retailer's channel belongs to."""
    # A key has hyphens of its own.
    return "-".join(purpose.ids)


def answered_by(variables: Mapping[str, str]) -> AnsweredBy:
    """The person or machine that answered a channel with these variables; a person, if the detection does not know."""
    return "machine" if variables.get("AMDSTATUS") == _MACHINE else "person"


def answered(leg: Leg, failures: int = 0) -> Event:
    """The event that the retailer's call was answered."""
    return lambda: _answer(leg, failures)


def _answer(leg: Leg, failures: int) -> Instruction:
    automatic, by = leg.exchange.line.automatic, answered_by(leg.variables)
    return automatic.outbound_answered(attempt_key(leg.purpose), leg.call_key, by, failures)


async def answer_again(leg: Leg, instruction: AnswerAgain) -> Event:
    """Report the call as answered once more."""
    await leg.say(instruction.sentences)
    return answered(leg, instruction.failures)


INTERPRETERS: Final[Mapping[type, Interpreter]] = {AnswerAgain: answer_again}
