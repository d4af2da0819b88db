"""Talks: two calls in one bridge, named after the call of the caller.

Who is in a bridge is known from Asterisk, which reports everyone who enters and leaves. So a talk goes on whatever
happens to the process that leads its calls, and any other one may watch it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

import structlog

from ivr.asterisk.ari import AriError
from ivr.asterisk.channels import Kind, new_channel_id, talk_bridge, talk_of
from ivr.asterisk.leg import Event, ExchangeInstruction, Interpreter, Leg
from ivr.asterisk.media import MediaClosed
from ivr.asterisk.telephones import origination
from ivr.carrier import CarrierError
from ivr.instructions import BRIDGE_WAIT_S, JoinTalk

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class LeaveQueueToTalk(ExchangeInstruction):
    """Leave the queue to talk with the operator who has come to the talk named after the call. Event: `left_queue`."""

    call_key: str


@dataclass(frozen=True, slots=True)
class TalkAndEnd(ExchangeInstruction):
    """Talk with the call that this one was dialled for, and end when that one leaves."""

    call_key: str


async def leave_queue_to_talk(leg: Leg, instruction: LeaveQueueToTalk) -> Event:
    """Talk until the operator has left."""
    await talk(leg, instruction.call_key)
    handover = leg.exchange.line.operators.handover
    return lambda: handover.left_queue(leg.call_key, "bridged", "")


async def talk_and_end(leg: Leg, instruction: TalkAndEnd) -> None:
    """Talk until the other one has left, and hang up."""
    await talk(leg, instruction.call_key)
    await leg.hang_up()


async def join_talk(leg: Leg, instruction: JoinTalk) -> Event:
    """Talk until the other one has left: every talk on the exchange can be joined by a supervisor."""
    await talk(leg, instruction.call_key)
    handover, attempt = leg.exchange.line.operators.handover, instruction.attempt_id
    if attempt is None:
        return lambda: handover.left_talk(leg.call_key)
    return lambda: handover.operator_left_talk(attempt)


INTERPRETERS: Final[Mapping[type, Interpreter]] = {
    JoinTalk: join_talk,
    LeaveQueueToTalk: leave_queue_to_talk,
    TalkAndEnd: talk_and_end,
}


async def talk(leg: Leg, call_key: str) -> bool:
    """Be in the talk named after this call until nobody else is; False if nobody came for `BRIDGE_WAIT_S`."""
    bridge, ari = talk_bridge(call_key), leg.exchange.ari
    leg.accompanied.clear()
    leg.alone.clear()
    if leg.bridge != bridge:
        await ari.make_bridge(bridge)
        await leg.join(bridge)
    # Who was there before is not reported.
    if len((await ari.get(f"/bridges/{bridge}"))["channels"]) > 1:
        leg.accompanied.set()
    with suppress(TimeoutError):
        async with asyncio.timeout(BRIDGE_WAIT_S):
            await leg.accompanied.wait()
    if not leg.accompanied.is_set() and not leg.alone.is_set():
        return False
    await leg.alone.wait()
    return True


async def connect(leg: Leg, other: Leg, call_key: str, instruction: ExchangeInstruction) -> bool:
    """Talk with this other leg, which is told to come by this instruction; False if it did not."""
    await leg.exchange.ari.make_bridge(talk_bridge(call_key))
    other.go_on(lambda: instruction)
    return await talk(leg, call_key)


async def dial(leg: Leg, address: str, line: str, kind: Kind, ring_s: int) -> Leg | None:
    """Dial a telephone for this leg, which hears the ringing tone meanwhile. Return the other leg once that one has
    agreed to talk; None if it did not."""
    exchange, channel = leg.exchange, new_channel_id(kind)
    agreed = exchange.callees[channel] = asyncio.get_running_loop().create_future()
    reached = False
    try:
        parameters = origination(address, line, channel, ring_s, exchange.line.settings)
        await exchange.ari.post("/channels", None, **parameters)
        reached = await _with_ringing_tone(leg, agreed)
    except (CarrierError, AriError) as error:
        log.warning("a telephone could not be dialled", call=leg.call_key, reason=str(error))
    finally:
        exchange.callees.pop(channel, None)
        if not reached:
            await exchange.ari.delete(f"/channels/{channel}")
    return exchange.legs.get(channel) if reached else None


async def _with_ringing_tone(leg: Leg, agreed: asyncio.Future[bool]) -> bool:
    async def play() -> None:
        with suppress(MediaClosed, AriError):
            while True:
                await leg.play_ringing_tone()

    ringing = asyncio.create_task(play())
    try:
        return await agreed
    finally:
        ringing.cancel()
        await asyncio.wait([ringing])


# --- what Asterisk reports of bridges


def entered(legs: Mapping[str, Leg], bridge: Mapping[str, Any]) -> None:
    """Tell those in a talk that they are not alone any more."""
    present = bridge["channels"]
    if talk_of(bridge["id"]) is not None and len(present) > 1:
        for leg in _those(legs, present):
            leg.accompanied.set()


def left(legs: Mapping[str, Leg], bridge: Mapping[str, Any], channel: str) -> None:
    """Tell those who are left in a talk that it is over: the caller has left it, or all others have."""
    caller, present = talk_of(bridge["id"]), [one for one in bridge["channels"] if one != channel]
    if caller is not None and (channel == caller or len(present) < 2):
        for leg in _those(legs, present):
            leg.alone.set()
        for leg in legs.values():
            if leg.overhears == bridge["id"]:
                leg.alone.set()


def part(leg: Leg) -> None:
    """Tell those who talk with this leg that it goes to another talk, although they stay in the same bridge."""
    for other in leg.exchange.legs.values():
        if other is not leg and other.bridge == leg.bridge:
            other.alone.set()


def _those(legs: Mapping[str, Leg], channels: list[str]) -> list[Leg]:
    return [legs[channel] for channel in channels if channel in legs]
