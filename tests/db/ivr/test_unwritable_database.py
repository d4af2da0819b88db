"""A database that takes no writes, as on a full disk, or that is gone: callers reach a person all the same. The disk is
SQLite's; PostgreSQL's is filled by `make faults`."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Engine, event

from callflows.replies import Transfer
from logs import configure_logs
from storage import SessionFactory, open_engine, open_sessions
from tests.support.carrier_client import Telephone, TwimlAnswer, is_speakable
from tests.support.line_world import LineWorld

NUMBERS = ("+8613700000001", "+8613700000002")
TO_AN_OPERATOR = "对不起，系统出了点问题，给您转人工，请稍候。"


@contextmanager
def full_disk(engine: Engine) -> Iterator[None]:
    """Everything can be read and nothing written."""
    writes = (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_UPDATE, sqlite3.SQLITE_DELETE)

    def refuse(connection: Any, *_: object) -> None:
        connection.set_authorizer(lambda action, *_: sqlite3.SQLITE_DENY if action in writes else sqlite3.SQLITE_OK)

    def allow(connection: Any, *_: object) -> None:
        connection.set_authorizer(None)

    event.listen(engine, "checkout", refuse)
    try:
        yield
    finally:
        event.remove(engine, "checkout", refuse)
        event.listen(engine, "checkout", allow)


@pytest.fixture
def engine(sqlite_url: str) -> Iterator[Engine]:
    engine = open_engine(sqlite_url)
    yield engine
    engine.dispose()


@pytest.fixture
def sessions(engine: Engine) -> SessionFactory:
    return open_sessions(engine)


@pytest.fixture(autouse=True)
def short_tracebacks() -> None:
    configure_logs()


@pytest.fixture
def line(sessions: SessionFactory) -> LineWorld:
    return LineWorld(sessions, operator_numbers=NUMBERS)


@pytest.fixture
def phone(line: LineWorld) -> Telephone:
    return line.telephone()


def waited_out(phone: Telephone, answer: TwimlAnswer) -> TwimlAnswer:
    """The answer after the line has tried again for as long as it does."""
    tries = 0
    while "Pause" in answer.verbs:
        assert answer.said == ["请稍等。"]
        answer, tries = phone.request(answer.redirect), tries + 1
    assert tries == 3
    return answer


def dialled(answer: TwimlAnswer) -> str:
    assert answer.verbs[-1] == "Dial", answer.verbs
    return answer.xml.findtext("Dial/Number") or ""


def test_a_caller_in_the_conversation_reaches_a_person_at_the_second_failure(engine: Engine, phone: Telephone) -> None:
    first = phone.dial()
    with full_disk(engine):
        sorry = phone.request(first.action, Digits="5")
        again = phone.request(sorry.redirect)
        assert again.said == ["turn 1"]
        answer = phone.request(again.action, Digits="5")
        assert answer.said == [TO_AN_OPERATOR]
        assert dialled(answer) in NUMBERS
    assert phone.request(again.action, Digits="5").said == ["turn 2"]


def test_a_database_that_is_back_in_a_moment_costs_a_caller_that_moment(
    line: LineWorld, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = phone.dial()
    with monkeypatch.context() as gone:
        gone.setattr(line.calls, "_sessions", lambda: 1 / 0)
        waiting = phone.request(phone.request(first.action, Digits="5").redirect)
        assert (waiting.said, waiting.verbs) == (["请稍等。"], ["Say", "Pause", "Redirect"])
        waiting = phone.request(waiting.redirect)
    answer = phone.request(waiting.redirect)
    assert answer.said == ["turn 1"]
    assert phone.request(answer.action, Digits="5").said == ["turn 2"]


def test_a_database_that_stays_away_leads_to_a_person(
    line: LineWorld, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = phone.dial()
    monkeypatch.setattr(line.calls, "_sessions", lambda: 1 / 0)
    answer = waited_out(phone, phone.request(phone.request(first.action, Digits="5").redirect))
    assert dialled(answer) in NUMBERS


def test_a_call_that_cannot_even_begin_reaches_a_person(engine: Engine, phone: Telephone) -> None:
    with full_disk(engine):
        sorry = phone.dial()
        assert is_speakable(sorry)
        assert dialled(waited_out(phone, phone.request(sorry.redirect))) in NUMBERS


def test_a_caller_who_asked_for_an_operator_before_does_not_wait_for_ever(
    engine: Engine, line: LineWorld, phone: Telephone
) -> None:
    line.conversation.then = Transfer("asked")
    queue = phone.dial().attributes("Enqueue")
    with full_disk(engine):
        music = phone.request(queue["waitUrl"])
        assert music.verbs == ["Gather", "Redirect"]
        assert phone.request(music.redirect).verbs == ["Leave"]
        answer = phone.request(queue["action"], QueueResult="leave")
        assert answer.said == [TO_AN_OPERATOR]
        assert dialled(answer) in NUMBERS


def test_one_round_in_trouble_costs_no_caller_their_place(engine: Engine, line: LineWorld, phone: Telephone) -> None:
    line.conversation.then = Transfer("asked")
    queue = phone.dial().attributes("Enqueue")
    with full_disk(engine):
        music = phone.request(queue["waitUrl"])
    assert phone.request(music.redirect).verbs == ["Gather", "Redirect"]


def test_the_operator_hears_that_the_system_is_down_and_takes_the_call_by_a_key(phone: Telephone) -> None:
    whisper = phone.request("/voice/direct")
    assert whisper.said[0] == "订货热线。系统暂时不能用，请您用笔记下客户要的货。"
    assert whisper.verbs == ["Gather", "Hangup"]
    assert phone.request(whisper.action, Digits="1").verbs == []
    assert phone.request(whisper.action, Digits="2").verbs == ["Hangup"]


def test_one_operator_after_another_is_dialled_and_then_the_caller_is_told(phone: Telephone) -> None:
    numbers = []
    answer = phone.request("/voice/direct/over?tried=0", DialCallStatus="no-answer")
    while "Dial" in answer.verbs:
        numbers.append(dialled(answer))
        answer = phone.request(answer.action, DialCallStatus="no-answer")
    assert sorted(numbers) == sorted(NUMBERS)
    assert answer.said == ["对不起，现在没有订货员能接听，请您过一会儿再打，再见。"]


def test_after_a_talk_the_call_ends(phone: Telephone) -> None:
    answer = phone.request("/voice/direct/over?tried=1", DialCallStatus="completed")
    assert (answer.said, answer.verbs[-1]) == (["谢谢您的合作，再见。"], "Hangup")


class TestWithoutNumbers:
    @pytest.fixture
    def line(self, sessions: SessionFactory) -> LineWorld:
        return LineWorld(sessions)

    def test_a_caller_waits_as_the_database_may_be_back_and_is_then_asked_to_call_later(
        self, engine: Engine, phone: Telephone
    ) -> None:
        first = phone.dial()
        with full_disk(engine):
            again = phone.request(phone.request(first.action, Digits="5").redirect)
            waiting = phone.request(again.action, Digits="5")
            assert waiting.said == ["请稍等。"]
            queue = waiting.attributes("Enqueue")
            music = phone.request(queue["waitUrl"])
            assert phone.request(music.redirect).verbs == ["Leave"]
            last = phone.request(queue["action"], QueueResult="leave")
            assert last.said == ["对不起，系统出了点问题，请您过一会儿再打，再见。"]
            assert last.verbs[-1] == "Hangup"

    def test_a_caller_whose_wait_outlasts_the_trouble_goes_on(self, engine: Engine, phone: Telephone) -> None:
        first = phone.dial()
        with full_disk(engine):
            again = phone.request(phone.request(first.action, Digits="5").redirect)
            queue = phone.request(again.action, Digits="5").attributes("Enqueue")
        assert phone.request(queue["waitUrl"]).verbs == ["Leave"]
        assert phone.request(queue["action"], QueueResult="leave").said == ["turn 1"]

    def test_a_call_that_cannot_begin_is_not_sent_round_in_a_circle(self, engine: Engine, phone: Telephone) -> None:
        with full_disk(engine):
            answer = waited_out(phone, phone.request(phone.dial().redirect))
            queue = answer.attributes("Enqueue")
            assert phone.request(phone.request(queue["waitUrl"]).redirect).verbs == ["Leave"]
            last = phone.request(queue["action"], QueueResult="leave")
            assert last.said == ["对不起，系统出了点问题，请您过一会儿再打，再见。"]
            assert last.verbs[-1] == "Hangup"
        begun = phone.request(phone.request(queue["action"], QueueResult="leave").redirect)
        assert begun.said == ["turn 1"]
