"""Calls that are placed over a pretended Asterisk: what its events report of them."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, cast

import pytest

from ivr.asterisk.channels import ChannelPurpose
from ivr.asterisk.exchange import Exchange
from ivr.asterisk.leg import Event, Leg
from ivr.asterisk.roles import INTERPRETERS
from ivr.carrier import CallStatus
from ivr.instructions import Nothing
from tests.support.jumping_loop import AtOnce, JumpingLoop, until
from tests.support.jumping_loop import play as run
from tests.support.plain_voice import PlainVoice
from tests.support.pretended_exchange import Channel, PretendedAri, PretendedExchange
from tests.support.pretended_media import spoken
from tests.unit.ivr.asterisk.test_exchange import PretendedLine

CALL = "hotline-retailer-a-key-0a1b2c3d"
PURPOSE = ChannelPurpose("retailer", ("a", "key"))


class Reports:
    """The role of a called retailer, which only keeps what is reported."""

    def __init__(self) -> None:
        self.reported: list[str] = []

    def begun(self, leg: Leg) -> Event:
        self.reported.append(f"begun: {leg.variables['AMDSTATUS']}")
        return Nothing

    def adopted(self, leg: Leg) -> Event:
        self.reported.append(f"adopted: {leg.variables['AMDSTATUS']}")
        return Nothing

    def redirected(self, leg: Leg, name: str, arguments: Mapping[str, str]) -> Event:
        raise AssertionError(name)

    def progressed(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        assert (call_key, purpose) == (CALL, PURPOSE)
        self.reported.append(status)

    def not_placed(self, call_key: str, purpose: ChannelPurpose) -> None:
        assert (call_key, purpose) == (CALL, PURPOSE)
        self.reported.append("not placed")

    def ended(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        assert (call_key, purpose) == (CALL, PURPOSE)
        self.reported.append(f"over: {status}")


class CalledRetailer:
    """A channel that was made for a retailer, and what becomes of it."""

    def __init__(self) -> None:
        self.exchange = PretendedExchange()
        self.role = Reports()
        self.channel = Channel(CALL, "PJSIP/trunk-1", "Down", variables={"AMDSTATUS": ""})
        self.exchange.channels[CALL] = self.channel

    def becomes(self, state: str) -> None:
        self.exchange.change_state(CALL, state)

    def comes_to_the_line(self, verdict: str) -> None:
        self.channel.state, self.channel.variables = "Up", {"AMDSTATUS": verdict}
        self.exchange.enter_application(self.channel)

    def ends(self, cause: int, sip_status: int | None = None) -> None:
        self.exchange.destroy(CALL, cause, sip_status)

    async def is_reported(self, *reports: str) -> None:
        await until(lambda: self.role.reported == list(reports), f"{reports}")


def play(story: Callable[[CalledRetailer], Coroutine[Any, Any, None]]) -> None:
    async def played() -> None:
        retailer, line = CalledRetailer(), cast(Any, PretendedLine())
        ari, roles = PretendedAri(retailer.exchange), cast(Any, {"retailer": retailer.role})
        exchange = Exchange(ari, line, PlainVoice(spoken), roles, INTERPRETERS, AtOnce(), AtOnce(), AtOnce())
        leading = asyncio.create_task(exchange.lead())
        # The calls there are have been adopted by then.
        await asyncio.sleep(1)
        try:
            await story(retailer)
        finally:
            leading.cancel()
            await asyncio.wait([leading])

    run(JumpingLoop(), played())


def test_ringing_answer_and_end_are_reported() -> None:
    async def story(retailer: CalledRetailer) -> None:
        retailer.becomes("Ringing")
        await retailer.is_reported("ringing")
        retailer.becomes("Up")
        await retailer.is_reported("ringing", "in_progress")
        retailer.comes_to_the_line("HUMAN")
        await retailer.is_reported("ringing", "in_progress", "begun: HUMAN")
        retailer.ends(16)
        await retailer.is_reported("ringing", "in_progress", "begun: HUMAN", "over: completed")

    play(story)


@pytest.mark.parametrize(
    ("cause", "sip_status", "report"),
    [
        (17, 486, "over: busy"),
        (19, 480, "over: no_answer"),
        (16, None, "over: cancelled"),
        (34, 503, "not placed"),
    ],
)
def test_a_call_that_is_not_answered_is_reported_once(cause: int, sip_status: int | None, report: str) -> None:
    async def story(retailer: CalledRetailer) -> None:
        retailer.ends(cause, sip_status)
        await retailer.is_reported(report)

    play(story)


def test_a_call_that_rings_is_left_alone_when_the_process_begins_and_an_answered_one_adopted() -> None:
    async def story(retailer: CalledRetailer) -> None:
        retailer.exchange.lose_events()
        retailer.comes_to_the_line("MACHINE")
        await retailer.is_reported("adopted: MACHINE")

    play(story)
