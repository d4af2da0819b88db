"""A carrier without markup: events of calls are answered with instructions that any carrier can carry out."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from callflows.replies import HangUp, Transfer
from ivr.instructions import (
    AnswerAgain,
    Ask,
    AskKey,
    AwaitCaller,
    BeginAgain,
    Bridge,
    EndCall,
    EnterHold,
    EnterQueue,
    HoldMusic,
    KeepListening,
    KeepOperator,
    LeaveQueue,
    Listening,
    Nothing,
    QueueMusic,
    TakeTurnAgain,
)
from ivr.operators import presence, ring_attempts, tickets
from ivr.operators.models import RingAttempt
from ivr.streams.jitter_buffer import Frame
from ivr.turns.calls import TurnRequest
from orders.demo.demo_staff import seed_demo_staff
from speech.listening import Items
from speech.utterance import Utterance
from storage import SessionFactory
from tests.support.carrier_client import CALLED, CALLER
from tests.support.line_world import LineWorld
from tests.support.operators import wait_until

KEY, LI = "a-channel-7", 1


@pytest.fixture
def world(sessions: SessionFactory) -> LineWorld:
    return LineWorld(sessions)


def listening(turn_number: int, failures: int = 0) -> Listening:
    return Listening(turn_number, Items(), 6_000, failures=failures)


def test_a_turn_is_asked_waited_for_and_taken(world: LineWorld) -> None:
    line = world.line.automatic
    assert line.call_started(KEY, CALLER, CALLED) == Ask(KEY, ("turn 1",), listening(1))
    assert line.turn_taken(KEY, TurnRequest(1, waited_s=3)) == KeepListening(KEY, listening(1), 3)
    assert line.turn_taken(KEY, TurnRequest(1, keys="5")) == Ask(KEY, ("turn 2",), listening(2))
    world.conversation.then = HangUp()
    assert line.turn_taken(KEY, TurnRequest(2, keys="5")) == EndCall(("turn 3",))
    line.call_ended(KEY, "completed")
    assert line.turn_taken(KEY, TurnRequest(2)) == EndCall()


def test_a_stream_is_asked_for_and_its_frames_take_the_turn(sessions: SessionFactory) -> None:
    class HearsFive:
        speaking, sound, since_key_ms = False, b"", None

        def listen(self, listen: object) -> None: ...

        def feed(self, mulaw: bytes) -> Utterance | None:
            return Utterance(text="五条", command="yes")

    world = LineWorld(sessions, HearsFive(), listen_mode="stream")
    ask = world.line.automatic.call_started(KEY, CALLER, CALLED)
    assert isinstance(ask, Ask)
    assert ask.listening.stream is not None
    listener = world.line.media_streams.open(KEY, ask.listening.stream)
    assert listener.feed([Frame(0, b"\xff" * 160)])
    listener.close()
    ask = world.line.automatic.turn_taken(KEY, TurnRequest(1))
    assert isinstance(ask, Ask)
    assert ask.sentences == ("turn 2",)


def test_a_failure_is_tried_again_and_then_given_to_an_operator(
    world: LineWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = world.line.automatic
    line.call_started(KEY, CALLER, CALLED)
    monkeypatch.setattr(world.calls, "_sessions", lambda: 1 / 0)
    monkeypatch.setattr(world.line.outbound_calls, "_sessions", lambda: 1 / 0)
    again = line.turn_taken(KEY, TurnRequest(1, keys="5"))
    assert isinstance(again, TakeTurnAgain)
    assert (again.turn_number, again.failures) == (1, 1)
    assert isinstance(line.turn_taken(KEY, TurnRequest(1, keys="5"), again.failures), EnterQueue)
    assert isinstance(line.call_started(KEY, CALLER, CALLED), BeginAgain)
    assert isinstance(line.outbound_answered("attempt", KEY, "person"), AnswerAgain)


def test_a_caller_waits_is_bridged_held_and_given_back(world: LineWorld) -> None:
    handover, now = world.operators.handover, world.now
    with world.sessions() as session, session.begin():
        seed_demo_staff(session, now)
        presence.set_ready(session, LI, "browser", now)
    world.conversation.then = Transfer("asked")
    assert world.line.automatic.call_started(KEY, CALLER, CALLED) == EnterQueue(KEY, ("turn 1",))
    waiting = handover.queue_round(KEY, "", 0)
    assert isinstance(waiting, QueueMusic)
    assert waiting.sentences
    assert handover.queue_round(KEY, waiting.announced, waiting.round_number) == QueueMusic((), waiting.announced, 2)
    # Each round in the queue dials the operators who are free, in a thread of its own.
    wait_until(lambda: world.carrier.dialled_operators == ["browser:staff-1"], "the operator to be dialled")
    with world.sessions() as session:
        ticket = tickets.of_call(session, KEY)
        assert ticket is not None
        attempt = ring_attempts.open_attempt_of(session, ticket.id)
        assert attempt is not None
        ticket_id, attempt_id = ticket.id, attempt.id
    assert handover.operator_answered(attempt_id, in_browser=True) == Bridge(KEY, attempt_id, 1)
    assert handover.left_queue(KEY, "elsewhere", "") == Nothing()
    assert world.operators.dispatcher.put_on_hold(ticket_id)
    assert isinstance(handover.sent_to_hold(KEY), EnterHold)
    assert isinstance(handover.hold_round(KEY), HoldMusic)
    assert isinstance(handover.operator_left_caller(attempt_id, talked=True, tries=1), KeepOperator)
    assert handover.operator_hold_check(attempt_id) == KeepOperator(attempt_id)
    assert handover.operator_hold_key(attempt_id, "1") == Bridge(KEY, attempt_id, 1)
    handover.operator_call_ended(attempt_id, "completed")
    question = handover.left_queue(KEY, "bridged", "")
    assert isinstance(question, AskKey)
    assert question.question == "operator_gone"
    world.now += timedelta(seconds=30)
    assert handover.question_answered(KEY, "operator_gone", "0") == EnterQueue(KEY)
    assert handover.queue_key(KEY, "1") == LeaveQueue()
    assert isinstance(handover.left_queue(KEY, "left", ""), EndCall)


def test_an_operator_waits_until_the_caller_has_come_to_the_queue(world: LineWorld) -> None:
    """A carrier may fail to connect to a queue that nobody has entered yet."""
    handover, now = world.operators.handover, world.now
    with world.sessions() as session, session.begin():
        seed_demo_staff(session, now)
        presence.set_ready(session, LI, "browser", now)
    world.conversation.then = Transfer("asked")
    world.line.automatic.call_started(KEY, CALLER, CALLED)
    with world.sessions() as session, session.begin():
        ticket = tickets.of_call(session, KEY)
        assert ticket is not None
        assert tickets.take(session, ticket.id, LI, now)
        ticket_id = ticket.id
    assert world.operators.dispatcher.dial_taker(ticket_id)
    assert handover.operator_answered(1, in_browser=True) == AwaitCaller(1, 1)
    assert handover.operator_waited(1, 1) == AwaitCaller(1, 2)
    assert handover.queue_round(KEY, "", 0) == QueueMusic((), "", 0)
    assert handover.operator_waited(1, 2) == Bridge(KEY, 1, 3)
    # The caller has left for a moment: the carrier has connected nobody, and says so at once.
    assert handover.operator_left_caller(1, talked=False, tries=3) == AwaitCaller(1, 4)
    assert handover.operator_waited(1, 4) == Bridge(KEY, 1, 5)
    assert isinstance(handover.operator_left_caller(1, talked=False, tries=20), EndCall), "not for ever"
    assert isinstance(handover.operator_left_caller(1, talked=True, tries=5), EndCall)


def test_operators_stay_ready_where_the_carrier_has_had_enough(world: LineWorld) -> None:
    """They are rung with the next try, as nobody has missed anything."""
    now = world.now
    with world.sessions() as session, session.begin():
        seed_demo_staff(session, now)
        presence.set_ready(session, LI, "browser", now)
    world.conversation.then = Transfer("asked")
    world.line.automatic.call_started(KEY, CALLER, CALLED)
    with world.sessions() as session, session.begin():
        ticket = tickets.of_call(session, KEY)
        assert ticket is not None
        ticket.queued_at = now
    world.carrier.busy = True
    world.operators.dispatcher.dispatch_now()
    with world.sessions() as session:
        assert session.scalars(select(RingAttempt)).all() == []
        assert [one.staff_id for one in presence.available_operators(session, (), now)] == [LI]
    world.carrier.busy = False
    world.operators.dispatcher.dispatch_now()
    assert world.carrier.dialled_operators == ["browser:staff-1"]
