"""The supervisor's call: whispers to an operator who talks with a caller, heard by nobody else.

The way to the operator's ear is a channel of Asterisk's that spies on the operator's: it brings both voices of the
talk, and takes the supervisor's to the operator alone.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Final

import structlog

from ivr.asterisk import talks
from ivr.asterisk.ari import APPLICATION, AriError
from ivr.asterisk.channels import ChannelPurpose, new_channel_id, talk_bridge
from ivr.asterisk.leg import Event, Interpreter, Leg
from ivr.asterisk.media import STARTS_WITHIN_S
from ivr.carrier import CallStatus
from ivr.instructions import AskCoach, AwaitTalk, Coach
from ivr.line import LineServices

log = structlog.get_logger(__name__)


class Supervisor:
    """The role of a supervisor who is dialled to whisper."""

    def __init__(self, line: LineServices) -> None:
        self._whispering = line.operators.whispering

    def begun(self, leg: Leg) -> Event:
        """The supervisor, or a machine, has answered."""
        supervision, in_browser = leg.purpose.number(), leg.purpose.in_browser
        return lambda: self._whispering.coach_answered(supervision, in_browser=in_browser)

    def adopted(self, leg: Leg) -> Event:
        """The supervisor joins the talk again, if they had joined one, or is asked again."""
        supervision, in_browser = leg.purpose.number(), leg.purpose.in_browser
        if leg.bridge == talk_bridge(leg.call_key):
            return lambda: self._whispering.coach_waited(supervision, 0)
        return lambda: self._whispering.coach_answered(supervision, in_browser=in_browser)

    def redirected(self, leg: Leg, name: str, arguments: Mapping[str, str]) -> Event:
        """Supervisors are never redirected."""
        raise ValueError(f"supervisors are not redirected to {name}")

    def ended(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        """The supervisor's call is over."""
        self._whispering.coach_call_ended(purpose.number())


async def ask_coach(leg: Leg, instruction: AskCoach) -> Event | None:
    """Ask the supervisor for a key."""
    whispering = leg.exchange.line.operators.whispering
    pressed = partial(whispering.coach_key, instruction.supervision_id)
    return await leg.ask_key_or_hang_up(instruction.sentences, pressed)


async def await_talk(leg: Leg, instruction: AwaitTalk) -> Event:
    """Wait until the talk can be joined."""
    await asyncio.sleep(instruction.pause_s)
    whispering = leg.exchange.line.operators.whispering
    return lambda: whispering.coach_waited(instruction.supervision_id, instruction.tries)


async def coach(leg: Leg, instruction: Coach) -> Event:
    """Whisper until the talk is over."""
    exchange = leg.exchange
    channel = new_channel_id("whisper", instruction.supervision_id)
    leg.overhears = talk_bridge(instruction.call_key)
    # It may come before anything else is answered.
    started = asyncio.create_task(exchange.started(channel))
    try:
        async with asyncio.timeout(STARTS_WITHIN_S):
            await exchange.ari.post(
                f"/channels/{instruction.operator_call_key}/snoop",
                spy="both",
                whisper="out",
                app=APPLICATION,
                snoopId=channel,
            )
            await started
            await exchange.ari.make_bridge(talk_bridge(leg.call_key))
            await exchange.ari.post(f"/bridges/{talk_bridge(leg.call_key)}/addChannel", channel=channel)
        await talks.talk(leg, leg.call_key)
    except (AriError, TimeoutError) as error:
        log.warning("a supervisor could not join a talk", call=leg.call_key, reason=str(error))
    finally:
        started.cancel()
        leg.overhears = ""
        await exchange.ari.delete(f"/channels/{channel}")
    whispering = exchange.line.operators.whispering
    return lambda: whispering.coach_left(instruction.supervision_id, instruction.tries)


INTERPRETERS: Final[Mapping[type, Interpreter]] = {AskCoach: ask_coach, AwaitTalk: await_talk, Coach: coach}
