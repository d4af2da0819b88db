"""Calls that are placed over a pretended Asterisk: what its events report of them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

import pytest

from ivr.asterisk import exchange as exchange_module
from ivr.asterisk.channels import ChannelPurpose
from ivr.asterisk.exchange import Exchange
from ivr.asterisk.leg import Event, Leg
from ivr.asterisk.roles import INTERPRETERS
from ivr.carrier import CallStatus, Nothing
from tests.support.plain_voice import PlainVoice
from tests.support.pretended_ari import LOOP_TURNS_MAX, AtOnce, PretendedAri, until
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
        self.ari = PretendedAri()
        self.role = Reports()
        self.ari.channels[CALL] = {
            "id": CALL,
            "state": "Down",
            "caller": {"number": "+8637255550000"},
            "dialplan": {"exten": "s", "app_name": "AppDial2", "app_data": ""},
            "channelvars": {"AMDSTATUS": ""},
        }

    def becomes(self, state: str) -> None:
        self.ari.channels[CALL] = self.ari.channels[CALL] | {"state": state}
        self.ari.emit("ChannelStateChange", CALL)

    def comes_to_the_line(self, verdict: str) -> None:
        channel = self.ari.channels[CALL]
        self.ari.channels[CALL] = channel | {
            "state": "Up",
            "channelvars": {"AMDSTATUS": verdict},
            "dialplan": {"exten": "s", "app_name": "Stasis", "app_data": "hotline"},
        }
        self.ari.emit("StasisStart", CALL, args=[])

    def ends(self, cause: int, **more: int) -> None:
        self.ari.emit("ChannelDestroyed", CALL, cause=cause, **more)

    async def is_reported(self, *reports: str) -> None:
        await until(lambda: self.role.reported == list(reports))


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange_module, "LOOK_EVERY_S", 0)


def play(story: Callable[[CalledRetailer], Awaitable[None]]) -> None:
    async def played() -> None:
        retailer, line = CalledRetailer(), cast(Any, PretendedLine())
        ari, roles = cast(Any, retailer.ari), {"retailer": retailer.role}
        exchange = Exchange(
            ari, line, PlainVoice(str.encode), cast(Any, roles), INTERPRETERS, AtOnce(), AtOnce(), AtOnce()
        )
        leading = asyncio.create_task(exchange.lead())
        await until(lambda: retailer.ari._events is not None)
        # The calls there are have been adopted by then.
        for _turn in range(LOOP_TURNS_MAX):
            await asyncio.sleep(0)
        try:
            await story(retailer)
        finally:
            leading.cancel()
            await asyncio.wait([leading])

    asyncio.run(played())


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
    ("cause", "more", "report"),
    [
        (17, {"tech_cause": 486}, "over: busy"),
        (19, {"tech_cause": 480}, "over: no_answer"),
        (16, {}, "over: cancelled"),
        (34, {"tech_cause": 503}, "not placed"),
    ],
)
def test_a_call_that_is_not_answered_is_reported_once(cause: int, more: dict[str, int], report: str) -> None:
    async def story(retailer: CalledRetailer) -> None:
        retailer.ends(cause, **more)
        await retailer.is_reported(report)

    play(story)


def test_a_call_that_rings_is_left_alone_when_the_process_begins_and_an_answered_one_adopted() -> None:
    async def story(retailer: CalledRetailer) -> None:
        retailer.ari.lose_events()
        retailer.comes_to_the_line("MACHINE")
        await retailer.is_reported("adopted: MACHINE")

    play(story)
