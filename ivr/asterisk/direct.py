"""Operators dialled from a caller's own call, without the database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ivr.asterisk import talks
from ivr.asterisk.channels import ChannelPurpose, talk_of
from ivr.asterisk.leg import Event, Interpreter, Leg
from ivr.carrier import OPERATOR_RING_S, CallStatus
from ivr.instructions import DialNumber, EndCall, Nothing, WhisperDirectly
from ivr.line import LineServices


class DirectOperator:
    """The role of an operator who is dialled directly."""

    def __init__(self, line: LineServices) -> None:
        self._direct = line.operators.direct_dial

    def begun(self, leg: Leg) -> Event:
        """The operator, or a machine, has answered."""
        return self._direct.answered

    def adopted(self, leg: Leg) -> Event:
        """A talk goes on to its end; an operator dialled by a process that was killed waits for nobody."""
        if (call_key := talk_of(leg.bridge)) is not None:
            return lambda: talks.TalkAndEnd(call_key)
        return EndCall

    def redirected(self, leg: Leg, name: str, arguments: Mapping[str, str]) -> Event:
        """Operators dialled directly are never redirected."""
        raise ValueError(f"operators dialled directly are not redirected to {name}")

    def ended(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        """The caller's call notices it."""


async def dial_number(leg: Leg, instruction: DialNumber) -> Event:
    """Dial the operator, and let the two talk."""
    await leg.say(instruction.sentences)
    operator = await talks.dial(leg, instruction.number, leg.called, "direct", OPERATOR_RING_S)
    talked = operator is not None and await talks.connect(leg, operator, leg.call_key, talks.TalkAndEnd(leg.call_key))
    direct = leg.exchange.line.operators.direct_dial
    return lambda: direct.over(leg.call_key, instruction.tried, talked=talked)


async def whisper_directly(leg: Leg, instruction: WhisperDirectly) -> Event | None:
    """Say that a caller waits, and wait for the operator's answer; a yes connects the two."""
    direct, agreed = leg.exchange.line.operators.direct_dial, leg.exchange.callees.get(leg.call_key)
    key = await leg.ask_key(instruction.sentences)
    answer = await leg.ask(lambda: direct.key_pressed(key)) if key is not None else EndCall()
    if isinstance(answer, Nothing) and agreed is not None and not agreed.done():
        agreed.set_result(True)
        return None
    await leg.hang_up()
    return None


INTERPRETERS: Final[Mapping[type, Interpreter]] = {DialNumber: dial_number, WhisperDirectly: whisper_directly}
