"""A hang-up whose report was lost is found out: the carrier reports again, or is asked what became of the call."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from callflows.replies import Transfer
from ivr.models import Call
from ivr.operators.models import Ticket
from ivr.turns.quiet_calls import QUIET_AFTER
from logs import configure_logs
from storage import SessionFactory
from tests.support.carrier_client import Telephone
from tests.support.line_world import LineWorld

OTHER = "CA00000000000000000000000000000002"


@pytest.fixture(autouse=True)
def short_tracebacks() -> None:
    configure_logs()


@pytest.fixture
def line(sessions: SessionFactory) -> LineWorld:
    return LineWorld(sessions)


@pytest.fixture
def phone(line: LineWorld) -> Telephone:
    return line.telephone()


def is_over(line: LineWorld, phone: Telephone) -> bool:
    with line.sessions() as session:
        return session.get_one(Call, phone.sid).ended_at is not None


@pytest.mark.parametrize("path", ["/voice/status", "/voice/outbound/status?attempt=a", "/voice/ring-attempt/status"])
def test_a_hang_up_that_cannot_be_stored_is_answered_so_that_the_carrier_reports_it_again(
    line: LineWorld, phone: Telephone, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    phone.dial()
    with monkeypatch.context() as broken:
        broken.setattr(line.calls, "_sessions", lambda: 1 / 0)
        broken.setattr(line.operators.dispatcher, "_sessions", lambda: 1 / 0)
        assert phone.post(path, CallStatus="completed").status_code == 503
    assert not is_over(line, phone)
    assert phone.post("/voice/status", CallStatus="completed").status_code == 200
    assert is_over(line, phone)


def test_a_call_whose_end_was_never_reported_ends_when_the_carrier_says_so(line: LineWorld, phone: Telephone) -> None:
    phone.dial()
    line.carrier.statuses[phone.sid] = "completed"
    assert line.line.quiet_calls.sweep() == 0
    line.now += QUIET_AFTER + timedelta(seconds=1)
    assert line.line.quiet_calls.sweep() == 1
    assert is_over(line, phone)
    assert line.conversation.ended_calls == [phone.sid]


def test_a_call_the_carrier_does_not_know_is_over(line: LineWorld, phone: Telephone) -> None:
    phone.dial()
    line.now += QUIET_AFTER + timedelta(seconds=1)
    assert line.line.quiet_calls.sweep() == 1
    assert is_over(line, phone)


def test_a_quiet_call_that_goes_on_is_left_alone_and_asked_about_again_later(line: LineWorld, phone: Telephone) -> None:
    phone.dial()
    line.carrier.statuses[phone.sid] = "in_progress"
    line.now += QUIET_AFTER + timedelta(seconds=1)
    assert line.line.quiet_calls.sweep() == 0
    line.carrier.statuses[phone.sid] = "completed"
    assert line.line.quiet_calls.sweep() == 0
    line.now += QUIET_AFTER + timedelta(seconds=1)
    assert line.line.quiet_calls.sweep() == 1


def test_a_call_is_not_ended_because_the_carrier_cannot_be_asked(line: LineWorld, phone: Telephone) -> None:
    phone.dial()
    line.carrier.refuses = True
    line.now += QUIET_AFTER + timedelta(seconds=1)
    assert line.line.quiet_calls.sweep() == 0
    assert not is_over(line, phone)


def test_a_call_that_is_heard_of_is_not_asked_about(line: LineWorld, phone: Telephone) -> None:
    answer = phone.dial()
    for _ in range(3):
        line.now += timedelta(seconds=40)
        answer = phone.request(answer.action, Digits="5")
        assert line.line.quiet_calls.sweep() == 0
    line.streams.register(phone.sid, "MZ1")
    line.now += QUIET_AFTER - timedelta(seconds=1)
    line.streams.record_heartbeats(["MZ1"])
    line.now += timedelta(seconds=10)
    assert line.line.quiet_calls.sweep() == 0


def test_who_was_cut_off_and_calls_again_ends_the_call_before_at_once(line: LineWorld, phone: Telephone) -> None:
    phone.dial()
    line.carrier.statuses[phone.sid] = "completed"
    line.now += timedelta(seconds=15)
    again = line.telephone(OTHER)
    again.dial()
    line.carrier.statuses[again.sid] = "in_progress"
    assert line.line.quiet_calls.sweep() == 1
    assert (is_over(line, phone), is_over(line, again)) == (True, False)


def test_two_telephones_of_one_number_may_be_in_calls_at_once(line: LineWorld, phone: Telephone) -> None:
    phone.dial()
    line.now += timedelta(seconds=15)
    again = line.telephone(OTHER)
    again.dial()
    line.carrier.statuses = {phone.sid: "in_progress", again.sid: "in_progress"}
    for _ in range(2):
        assert line.line.quiet_calls.sweep() == 0
    assert (is_over(line, phone), is_over(line, again)) == (False, False)


def test_nobody_is_rung_for_a_caller_who_is_found_to_have_gone(line: LineWorld, phone: Telephone) -> None:
    line.conversation.then = Transfer("asked")
    phone.dial()
    line.now += QUIET_AFTER + timedelta(seconds=1)
    line.line.quiet_calls.sweep()
    with line.sessions() as session:
        assert session.scalars(select(Ticket.state)).all() == ["abandoned"]
