"""The callback: an operator's call first, from which the caller is dialled."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Final

from ivr.asterisk import talks
from ivr.asterisk.channels import ChannelPurpose, talk_of
from ivr.asterisk.leg import Event, Interpreter, Leg
from ivr.carrier import CALLER_RING_S, CallStatus
from ivr.instructions import DialCaller, EndCall, Nothing, WhisperCallback
from ivr.line import LineServices


class Callback:
    """The role of an operator who is dialled for a callback."""

    def __init__(self, line: LineServices) -> None:
        self._callbacks = line.operators.callback_calls

    def begun(self, leg: Leg) -> Event:
        """The operator, or a machine, has answered."""
        callback, staff, in_browser = leg.purpose.number(0), leg.purpose.number(1), leg.purpose.in_browser
        return lambda: self._callbacks.answered(callback, staff, in_browser=in_browser)

    def adopted(self, leg: Leg) -> Event:
        """A talk goes on to its end; otherwise the operator is asked again."""
        if (call_key := talk_of(leg.bridge)) is not None:
            return lambda: talks.TalkAndEnd(call_key)
        return self.begun(leg)

    def redirected(self, leg: Leg, name: str, arguments: Mapping[str, str]) -> Event:
        """Callbacks are never redirected."""
        raise ValueError(f"callbacks are not redirected to {name}")

    def ended(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        """Nothing is left to report."""


class CalledBack:
    """The role of a caller who is called back."""

    def begun(self, leg: Leg) -> Event:
        """The caller has answered."""
        agreed = leg.exchange.callees.get(leg.call_key)
        if agreed is None or agreed.done():
            return EndCall
        agreed.set_result(True)
        return Nothing

    def adopted(self, leg: Leg) -> Event:
        """A talk goes on to its end; who was dialled by a process that was killed waits for nobody."""
        if (call_key := talk_of(leg.bridge)) is not None:
            return lambda: talks.TalkAndEnd(call_key)
        return EndCall

    def redirected(self, leg: Leg, name: str, arguments: Mapping[str, str]) -> Event:
        """Callers who are called back are never redirected."""
        raise ValueError(f"callers who are called back are not redirected to {name}")

    def ended(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        """Whoever dialled notices it."""


async def whisper_callback(leg: Leg, instruction: WhisperCallback) -> Event | None:
    """Say who is to be called back, and wait for the operator's answer."""
    callbacks = leg.exchange.line.operators.callback_calls
    pressed = partial(callbacks.key_pressed, instruction.callback_id, instruction.staff_id)
    return await leg.ask_key_or_hang_up(instruction.sentences, pressed)


async def dial_caller(leg: Leg, instruction: DialCaller) -> Event:
    """Dial the caller, and let the two talk. That the caller was reached is recorded at once, so that it is known
    whatever happens to the talk."""
    callback, staff = instruction.callback_id, instruction.staff_id
    callbacks, caller = leg.exchange.line.operators.callback_calls, None
    try:
        caller = await talks.dial(leg, instruction.phone, instruction.line, "dialled", CALLER_RING_S)
    finally:
        # An operator who hangs up has tried, too.
        over = leg.exchange.run(lambda: callbacks.over(callback, staff, reached=caller is not None), call=leg.call_key)
        end = await over
    if caller is not None:
        await talks.connect(leg, caller, leg.call_key, talks.TalkAndEnd(leg.call_key))
    return lambda: end


INTERPRETERS: Final[Mapping[type, Interpreter]] = {WhisperCallback: whisper_callback, DialCaller: dial_caller}
