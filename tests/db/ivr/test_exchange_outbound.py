"""Outbound calls over an exchange of one's own: what its channels tell of them is recorded with their attempts."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask

from app import create_app
from ivr.asterisk.channels import new_channel_id, purpose_of
from ivr.asterisk.retailer import TRUNK_PAUSE_S, Retailer
from ivr.call_pace import AS_THEY_COME, CallPace
from ivr.carrier import CarrierBusy
from ivr.instructions import Ask, EndCall, Instruction
from settings import Settings
from tests.support.desk_world import STATION, World
from tests.support.outbound_world import FakeOutboundCarrier, OutboundWorld


class ExchangeCarrier(FakeOutboundCarrier):
    """A carrier whose calls are keyed as the exchange's channels are named."""

    def dial_retailer(self, phone: str, line: str, attempt_key: str) -> str:
        super().dial_retailer(phone, line, attempt_key)
        call_key = new_channel_id("retailer", attempt_key)
        self.known[call_key], self.numbers[phone] = "ringing", call_key
        return call_key


class ExchangeDay:
    """A morning on which one retailer is called over an exchange."""

    def __init__(self, application: Flask, world: World) -> None:
        world.change_retailer(STATION, status="suspended")
        self.day = OutboundWorld(application, world)
        self.day.carrier = ExchangeCarrier()
        self.day.dialler = self.day.new_dialler()
        self.waits: list[float] = []
        self.pace = CallPace(world.sessions, world.clock, self.waits.append, AS_THEY_COME)
        self.role = Retailer(self.day.line, self.pace)

    def dial(self) -> str:
        assert self.day.dialler.poll() == 1
        return self.call_key

    @property
    def call_key(self) -> str:
        (attempt,) = self.day.attempts()
        assert attempt.call_key is not None
        return attempt.call_key

    def answered(self, verdict: str = "HUMAN", *, adopted: bool = False) -> Instruction:
        """The instruction after the call was answered, or once another process leads it."""
        leg: Any = SimpleNamespace(
            call_key=self.call_key,
            purpose=purpose_of(self.call_key),
            variables={"AMDSTATUS": verdict},
            exchange=SimpleNamespace(line=self.day.line),
            bridge="",
        )
        instruction = (self.role.adopted(leg) if adopted else self.role.begun(leg))()
        assert isinstance(instruction, Ask | EndCall)
        return instruction

    def ends(self, status: Any) -> None:
        self.role.ended(self.call_key, purpose_of(self.call_key), status)


@pytest.fixture
def day(application: Flask, world: World) -> ExchangeDay:
    return ExchangeDay(application, world)


def test_a_person_who_answers_is_greeted(day: ExchangeDay) -> None:
    day.role.progressed(day.dial(), purpose_of(day.call_key), "ringing")
    day.role.progressed(day.call_key, purpose_of(day.call_key), "in_progress")
    assert day.day.attempts()[0].answered_at is not None
    greeting = day.answered()
    assert isinstance(greeting, Ask)
    assert "今天是您的订货日" in "".join(greeting.sentences)
    day.ends("completed")
    assert day.day.outcomes() == ["answered"]


@pytest.mark.parametrize("status", ["busy", "no_answer", "failed", "cancelled"])
def test_a_call_that_nobody_answers_ends_with_its_status(day: ExchangeDay, status: str) -> None:
    day.dial()
    day.ends(status)
    assert day.day.outcomes() == [status]


def test_a_machine_gets_the_message_and_again_from_the_process_that_takes_over(day: ExchangeDay) -> None:
    day.dial()
    message = day.answered("MACHINE")
    assert isinstance(message, EndCall)
    assert "订货" in "".join(message.sentences)
    assert day.answered("MACHINE", adopted=True) == message
    day.ends("completed")
    assert day.day.outcomes() == ["machine"]


def test_another_process_goes_on_with_the_question_that_was_asked(day: ExchangeDay) -> None:
    day.dial()
    greeting = day.answered()
    taken_over = day.answered(adopted=True)
    assert isinstance(greeting, Ask)
    assert isinstance(taken_over, Ask)
    assert taken_over.sentences == greeting.sentences


def test_who_answered_while_no_process_ran_is_greeted_by_the_next(day: ExchangeDay) -> None:
    day.dial()
    assert isinstance(day.answered(adopted=True), Ask)


def test_a_call_the_trunk_did_not_take_is_taken_back_and_the_trunk_is_left_alone(day: ExchangeDay) -> None:
    call_key = day.dial()
    day.role.not_placed(call_key, purpose_of(call_key))
    assert day.day.attempts() == []
    with pytest.raises(CarrierBusy):
        day.pace.await_turn()
    day.day.clock.move(seconds=TRUNK_PAUSE_S)
    day.pace.await_turn()
    assert day.waits == []
    day.dial()


def test_a_refusal_that_comes_late_takes_back_no_call_that_is_over(day: ExchangeDay) -> None:
    call_key = day.dial()
    day.ends("busy")
    day.role.not_placed(call_key, purpose_of(call_key))
    assert day.day.outcomes() == ["busy"]


def test_a_call_that_was_answered_and_is_gone_is_over(day: ExchangeDay) -> None:
    call_key = day.dial()
    day.answered()
    day.day.carrier.known.pop(call_key)
    day.day.advance(seconds=100)
    assert day.day.outcomes() == ["answered"]


def test_a_call_that_is_gone_unanswered_is_lost(day: ExchangeDay) -> None:
    call_key = day.dial()
    day.day.carrier.known.pop(call_key)
    day.day.advance(seconds=100)
    day.day.advance(seconds=100)
    assert day.day.outcomes() == ["lost"]
    assert day.day.clock() - day.day.attempts()[0].dialled_at >= timedelta(minutes=3)


def test_the_demo_on_an_exchange_calls_nobodys_telephone(database_url: str) -> None:
    demo = create_app(Settings(database_url=database_url, demo=True, carrier="asterisk"))
    refused = demo.test_cli_runner().invoke(args=["outbound", "run"])
    assert refused.exit_code == 1
    assert "The demo calls no real telephone" in refused.output
