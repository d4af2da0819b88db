"""The dialler and the ringing of operators share the calls that the carrier places in a second."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from ivr.call_pace import CallPace
from ivr.carrier import CarrierBusy
from storage import SessionFactory


class Seconds:
    """A clock that goes on where a call waits for its turn."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)
        self.waits: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += timedelta(seconds=seconds)


def test_each_call_has_its_second_whichever_process_places_it(sessions: SessionFactory) -> None:
    clock = Seconds()
    dialler, web = (CallPace(sessions, clock, clock.wait) for _process in range(2))
    dialler.await_turn()
    dialler.await_turn()
    web.await_turn()
    assert clock.waits == [1.0, 1.0]
    clock.now += timedelta(seconds=10)
    web.await_turn()
    assert clock.waits == [1.0, 1.0], "nothing is waited for after a pause"


def test_those_who_ask_at_once_are_served_in_turn_and_nobody_waits_for_long(sessions: SessionFactory) -> None:
    clock, waits = Seconds(), list[float]()
    pace = CallPace(sessions, clock, waits.append)
    for _call in range(6):
        pace.await_turn()
    assert waits == [1.0, 2.0, 3.0, 4.0, 5.0]
    with pytest.raises(CarrierBusy) as busy:
        pace.await_turn()
    assert busy.value.retry_after_s == 6.0


def test_after_too_many_requests_all_processes_hold_off(sessions: SessionFactory) -> None:
    clock = Seconds()
    dialler, web = (CallPace(sessions, clock, clock.wait) for _process in range(2))
    dialler.hold_off(30)
    with pytest.raises(CarrierBusy):
        web.await_turn()
    clock.now += timedelta(seconds=28)
    web.await_turn()
    assert clock.waits == [2.0]
