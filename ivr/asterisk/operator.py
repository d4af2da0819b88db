"""The operator's own call: dialled for a caller who waits, asked to take them, and connected to them."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from functools import partial
from typing import Final

from ivr.asterisk import talks
from ivr.asterisk.channels import ChannelPurpose, talk_of
from ivr.asterisk.leg import Event, Interpreter, Leg
from ivr.carrier import CallStatus
from ivr.instructions import (
    BRIDGE_WAIT_S,
    CALLER_CHECK_S,
    HOLD_CHECK_S,
    AwaitCaller,
    Bridge,
    Instruction,
    JoinTalk,
    KeepOperator,
    Whisper,
)
from ivr.line import LineServices


class Operator:
    """The role of an operator who is dialled for a ring attempt."""

    def __init__(self, line: LineServices) -> None:
        self._operators = line.operators
        self._forks = line.sound_forks

    def begun(self, leg: Leg) -> Event:
        """The operator, or a machine, has answered."""
        attempt, in_browser = leg.purpose.number(), leg.purpose.in_browser
        return lambda: self._operators.handover.operator_answered(attempt, in_browser=in_browser)

    def adopted(self, leg: Leg) -> Event:
        """A talk goes on as it is; otherwise the ring attempt says what is next."""
        attempt, in_browser = leg.purpose.number(), leg.purpose.in_browser
        caller = talk_of(leg.bridge)
        if caller is None:
            return lambda: self._operators.handover.operator_goes_on(attempt, in_browser=in_browser)
        return lambda: self._talk_on(caller, attempt)

    def redirected(self, leg: Leg, name: str, arguments: Mapping[str, str]) -> Event:
        """The operator is to be connected to the caller again."""
        if name != "reconnect":
            raise ValueError(f"operators are not redirected to {name}")
        attempt = int(arguments["attempt"])
        return lambda: self._operators.handover.operator_reconnects(attempt)

    def ended(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        """The operator's call is over."""
        self._operators.handover.operator_call_ended(purpose.number(), status)

    def _talk_on(self, caller: str, attempt: int) -> Instruction:
        # A supervisor may have come at the very moment.
        self._operators.whispering.operator_follows(attempt)
        # A recording whose process stopped in good order has ended.
        self._forks.record_talk(caller)
        return JoinTalk(caller, attempt)


async def whisper(leg: Leg, instruction: Whisper) -> Event | None:
    """Say who is calling, and wait for the operator's answer."""
    handover = leg.exchange.line.operators.handover
    pressed = partial(handover.operator_key, instruction.attempt_id)
    return await leg.ask_key_or_hang_up(instruction.sentences, pressed)


async def bridge(leg: Leg, instruction: Bridge) -> Event:
    """Connect the operator to the caller, and wait until one of them leaves."""
    talked = await _talk_with_caller(leg, instruction.call_key)
    handover = leg.exchange.line.operators.handover
    return lambda: handover.operator_left_caller(instruction.attempt_id, talked=talked, tries=instruction.tries)


async def await_caller(leg: Leg, instruction: AwaitCaller) -> Event:
    """Wait for the caller to come to the queue."""
    await asyncio.sleep(CALLER_CHECK_S)
    handover = leg.exchange.line.operators.handover
    return lambda: handover.operator_waited(instruction.attempt_id, instruction.tries)


async def keep_operator(leg: Leg, instruction: KeepOperator) -> Event:
    """Keep the operator while the caller is on hold."""
    await leg.leave()
    key = await leg.ask_key(instruction.sentences, HOLD_CHECK_S)
    handover = leg.exchange.line.operators.handover
    if key is None:
        return lambda: handover.operator_hold_check(instruction.attempt_id)
    return lambda: handover.operator_hold_key(instruction.attempt_id, key)


INTERPRETERS: Final[Mapping[type, Interpreter]] = {
    Whisper: whisper,
    Bridge: bridge,
    AwaitCaller: await_caller,
    KeepOperator: keep_operator,
}


async def _talk_with_caller(leg: Leg, call_key: str) -> bool:
    caller = leg.exchange.legs.get(call_key)
    if caller is None:
        return False
    with suppress(TimeoutError):
        async with asyncio.timeout(BRIDGE_WAIT_S):
            await caller.in_queue.wait()
    if not caller.in_queue.is_set():
        return False
    return await talks.connect(leg, caller, call_key, talks.LeaveQueueToTalk(call_key))
