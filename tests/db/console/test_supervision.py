"""A live call is taken over by who reaches for it, from the automatic line or from an operator, and the caller notices
no more of it than a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from ivr.carrier import CarrierError
from ivr.instructions import Ask, AskKey, AwaitCaller, AwaitTalk, Bridge, Coach, EndCall, EnterQueue, JoinTalk
from ivr.line import LineServices
from ivr.operators import presence
from ivr.operators.models import RingAttempt, Ticket
from ivr.services import services
from ivr.turns.calls import TurnRequest
from orders.audit_log import entries
from orders.staff.models import StaffRow
from speech.utterance import Utterance
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import MAIN, World

CALLER = "+8613800000012"
YES, OPERATOR = Utterance(command="yes", text="是的"), Utterance(command="operator", text="人工")


class RecordingCarrier:
    """What is asked of the carrier, in order; with `fails` it does nothing of it."""

    def __init__(self, line: LineServices, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked: list[tuple[str, object]] = []
        self.fails = False
        commands = ("redirect_to_turn", "redirect_to_queue", "redirect_to_hold", "redirect_to_talk", "end_call")
        for name in (*commands, "dial_operator", "dial_coach"):
            monkeypatch.setattr(line.carrier, name, self._command(name))

    def _command(self, name: str) -> Callable[..., str]:
        def command(subject: str, *_: object) -> str:
            if self.fails:
                raise CarrierError("the carrier is not there")
            self.asked.append((name, subject))
            return f"CAoperator{len(self.asked)}"

        return command


@pytest.fixture
def line(application: Flask) -> LineServices:
    return services(application).line


@pytest.fixture
def carrier(line: LineServices, monkeypatch: pytest.MonkeyPatch) -> RecordingCarrier:
    return RecordingCarrier(line, monkeypatch)


@pytest.fixture
def desk_of(signed_in: SignedIn, carrier: RecordingCarrier, world: World) -> SignedIn:
    """The desk of this member of staff, who has a telephone."""

    def desk(login: str) -> Visitor:
        visitor = signed_in(login)
        with world.session() as session:
            person = session.scalars(select(StaffRow).where(StaffRow.login == login)).one()
            person.phone = f"+861370000000{person.id}"
            presence.check_in(session, person.id, world.clock())
        return visitor

    return desk


def ticket_of(world: World, call_key: str = "CA1") -> Ticket:
    with world.session() as session:
        own = select(Ticket).where(Ticket.call_key == call_key).order_by(Ticket.id.desc())
        return session.scalars(own).first() or Ticket()


def attempts(world: World) -> list[tuple[int | None, str, bool]]:
    with world.session() as session:
        rows = session.scalars(select(RingAttempt).order_by(RingAttempt.id))
        return [(row.staff_id, row.state, row.ended_at is None) for row in rows]


def ordering_caller(line: LineServices, call_key: str = "CA1") -> int:
    """A caller whom the automatic line has just asked what they want; the turn it waits for."""
    n = line.calls.begin(call_key, CALLER, MAIN).turn_number
    snapshot = line.calls.take_turn(call_key, TurnRequest(n, utterance=YES))
    return snapshot.turn_number  # type: ignore[union-attr]


def test_a_call_of_the_automatic_line_is_the_operators_who_reaches_for_it(
    desk_of: Callable[[str], Visitor], line: LineServices, carrier: RecordingCarrier, world: World
) -> None:
    ordering_caller(line)
    desk = desk_of("operator")
    assert "接管" in desk.get("/desk").get_data(as_text=True)
    answer = desk.post("/desk/calls/CA1/take")
    assert json.loads(answer.headers["HX-Location"])["path"] == "/desk/orders/CA1"
    assert carrier.asked == [("dial_operator", "+8613700000001"), ("redirect_to_queue", "CA1")]
    assert line.operators.handover.sent_to_queue("CA1") == EnterQueue("CA1", ("订货员来了，正在为您接通。",))
    assert line.operators.handover.operator_key(1, "1") == AwaitCaller(1, 1), "the caller still hears the sentence"
    line.operators.queue.record_in_queue("CA1")
    assert line.operators.handover.operator_waited(1, 1) == Bridge("CA1", 1, 2)
    assert (ticket_of(world).reason, ticket_of(world).taken_by) == ("taken_over", 1)
    assert "人工接管" in desk.get("/desk/orders/CA1").get_data(as_text=True)


def test_of_two_who_reach_for_one_call_the_second_is_told(
    desk_of: Callable[[str], Visitor], line: LineServices, world: World
) -> None:
    ordering_caller(line)
    assert desk_of("operator").post("/desk/calls/CA1/take").status_code == 204
    assert desk_of("operator").post("/desk/calls/CA1/take").get_data(as_text=True) == "这通电话已经在您手里。"


def test_a_turn_under_way_is_taken_once_before_the_takeover_or_not_at_all(
    desk_of: Callable[[str], Visitor], line: LineServices, world: World
) -> None:
    """The caller says 玉溪 as the operator reaches for the call: what comes after it changes nothing, and leads the
    caller to the queue with a sentence."""
    turn = ordering_caller(line)
    desk_of("operator").post("/desk/calls/CA1/take")
    for late in (TurnRequest(turn, utterance=YES), TurnRequest(turn, keys="1"), TurnRequest(turn, waited_s=6)):
        instruction = line.automatic.turn_taken("CA1", late)
        assert instruction == EnterQueue("CA1", ("您好，订货员来接您的电话，请稍候。",))
    assert line.calls.snapshot("CA1").turn_number == turn + 1


def test_a_caller_whose_taker_does_not_answer_is_back_with_the_line(
    desk_of: Callable[[str], Visitor], line: LineServices, world: World
) -> None:
    ordering_caller(line)
    desk_of("operator").post("/desk/calls/CA1/take")
    line.operators.handover.operator_call_ended(1, "no_answer")
    assert ticket_of(world).state == "returned"
    instruction = line.operators.handover.left_queue("CA1", "left", "")
    assert isinstance(instruction, Ask)


def test_a_caller_stays_with_the_line_if_the_operator_cannot_be_dialled(
    desk_of: Callable[[str], Visitor], line: LineServices, carrier: RecordingCarrier, world: World
) -> None:
    ordering_caller(line)
    desk, carrier.fails = desk_of("operator"), True
    answer = desk.post("/desk/calls/CA1/take")
    assert (answer.status_code, "现在接不过来" in answer.get_data(as_text=True)) == (409, True)
    assert ticket_of(world).state == "returned"
    assert isinstance(line.automatic.turn_taken("CA1", TurnRequest(1)), Ask)


def test_who_has_no_telephone_or_another_caller_takes_nothing_over(
    desk_of: Callable[[str], Visitor], line: LineServices, world: World
) -> None:
    ordering_caller(line)
    ordering_caller(line, "CA2")
    desk = desk_of("operator")
    with world.session() as session:
        session.get_one(StaffRow, 1).phone = None
    assert "请先选用" in desk.post("/desk/calls/CA1/take").get_data(as_text=True)
    desk = desk_of("operator")
    assert desk.post("/desk/calls/CA1/take").status_code == 204
    assert "您正在接另一通电话" in desk.post("/desk/calls/CA2/take").get_data(as_text=True)


def talking(desk: Visitor, line: LineServices) -> None:
    """A caller who asked for an operator and talks with this one, whose telephone was answered."""
    n = line.calls.begin("CA1", CALLER, MAIN).turn_number
    line.calls.take_turn("CA1", TurnRequest(n, utterance=OPERATOR))
    desk.post("/desk/tickets/1/take")
    line.operators.queue.record_in_queue("CA1")
    assert isinstance(line.operators.handover.operator_key(1, "1"), Bridge)


def test_the_leader_takes_over_an_operators_call(
    desk_of: Callable[[str], Visitor], line: LineServices, carrier: RecordingCarrier, world: World
) -> None:
    operator = desk_of("operator")
    talking(operator, line)
    leader = desk_of("leader")
    assert "接管李晓燕正在接的电话吗？" in leader.get("/desk").get_data(as_text=True)
    assert leader.post("/desk/calls/CA1/take").status_code == 204
    leader_id = ticket_of(world).taken_by
    assert leader_id not in (None, 1)
    assert carrier.asked[-2:] == [("redirect_to_queue", "CA1"), ("dial_operator", f"+861370000000{leader_id}")]
    # The operator's call ends with the talk, and the caller hears that somebody comes.
    assert line.operators.handover.operator_left_caller(1, talked=True, tries=1) == EndCall(("通话结束。",))
    assert line.operators.handover.sent_to_queue("CA1") == EnterQueue("CA1", ("订货员来了，正在为您接通。",))
    assert line.operators.handover.operator_key(2, "1") == Bridge("CA1", 2, 1)
    assert operator.get("/desk/orders/CA1").status_code == 409
    assert attempts(world) == [(1, "over", False), (leader_id, "accepted", True)]


def test_an_operator_is_told_who_took_the_call(
    desk_of: Callable[[str], Visitor], line: LineServices, world: World
) -> None:
    operator = desk_of("operator")
    talking(operator, line)
    desk_of("leader").post("/desk/calls/CA1/take")
    page = operator.get("/desk").get_data(as_text=True)
    assert "接管了您正在接的电话" in page
    world.clock.move(seconds=61)
    assert "接管了您正在接的电话" not in operator.get("/desk").get_data(as_text=True)


def test_an_operator_on_hold_is_hung_up_when_the_call_is_taken_over(
    desk_of: Callable[[str], Visitor], line: LineServices, carrier: RecordingCarrier, world: World
) -> None:
    operator = desk_of("operator")
    talking(operator, line)
    operator.post("/desk/tickets/1/hold")
    desk_of("leader").post("/desk/calls/CA1/take")
    assert ("end_call", "CAoperator1") in carrier.asked
    assert ticket_of(world).held_at is None


def test_two_who_talk_go_on_talking_if_the_caller_cannot_be_redirected(
    desk_of: Callable[[str], Visitor], line: LineServices, carrier: RecordingCarrier, world: World
) -> None:
    operator = desk_of("operator")
    talking(operator, line)
    leader, carrier.fails = desk_of("leader"), True
    assert leader.post("/desk/calls/CA1/take").status_code == 409
    assert ticket_of(world).taken_by == 1
    assert attempts(world)[0] == (1, "accepted", True)
    assert operator.get("/desk/orders/CA1").status_code == 200


def test_the_audit_log_says_who_took_which_call_from_whom(
    desk_of: Callable[[str], Visitor], line: LineServices, world: World
) -> None:
    ordering_caller(line)
    desk_of("operator").post("/desk/calls/CA1/take")
    line.operators.handover.operator_key(1, "1")
    leader = desk_of("leader")
    leader.post("/desk/calls/CA1/take")
    with world.session() as session:
        logged = [(e.by, e.before, e.after) for e in entries(session, subject="call")]
    name = logged[0][0]
    assert logged == [
        (name, {"in_hands_of": "李晓燕"}, {"in_hands_of": name}),
        ("李晓燕", {"in_hands_of": "line"}, {"in_hands_of": "李晓燕"}),
    ]
    assert "自动订货" in leader.get("/audit-log").get_data(as_text=True)


def whispers(desk_of: Callable[[str], Visitor], line: LineServices) -> Visitor:
    """A leader whose telephone was answered, to whisper to the operator of the call; the leader's desk."""
    talking(desk_of("operator"), line)
    leader = desk_of("leader")
    assert leader.post("/desk/calls/CA1/whisper").status_code == 204
    return leader


def test_who_whispers_joins_once_the_two_have_moved(
    desk_of: Callable[[str], Visitor], line: LineServices, carrier: RecordingCarrier, world: World
) -> None:
    leader = whispers(desk_of, line)
    handover, whispering = line.operators.handover, line.operators.whispering
    assert carrier.asked[-1] == ("dial_coach", "+8613700000003")
    assert "您的电话正占用着" in leader.post("/desk/calls/CA1/whisper").get_data(as_text=True)
    assert whispering.coach_key(1, "1") == AwaitTalk(1, 2, 0)
    assert carrier.asked[-1] == ("redirect_to_talk", "CA1")
    assert handover.sent_to_talk("CA1") == JoinTalk("CA1")
    assert whispering.coach_waited(1, 0) == AwaitTalk(1, 2, 1)
    assert handover.operator_left_caller(1, talked=True, tries=1) == JoinTalk("CA1", 1)
    assert whispering.coach_waited(1, 1) == Coach(1, "CA1", "CAoperator1", 1)
    # The caller hangs up: the operator's call ends, and is not kept waiting in a talk alone.
    assert handover.operator_left_talk(1) == EndCall(("通话结束。",))
    with world.session() as session:
        assert [entry.after for entry in entries(session, subject="call")] == [{"whispers": "赵红霞"}]


def test_a_caller_whose_operator_hangs_up_at_that_moment_has_the_choice(
    desk_of: Callable[[str], Visitor], line: LineServices, carrier: RecordingCarrier
) -> None:
    whispers(desk_of, line)
    line.operators.whispering.coach_key(1, "1")
    line.operators.handover.operator_call_ended(1, "completed")
    assert carrier.asked[-1] == ("redirect_to_queue", "CA1")
    instruction = line.operators.handover.sent_to_queue("CA1")
    assert isinstance(instruction, AskKey)
    assert instruction.question == "operator_gone"


def test_two_who_cannot_be_moved_talk_on(
    desk_of: Callable[[str], Visitor], line: LineServices, carrier: RecordingCarrier
) -> None:
    whispers(desk_of, line)
    carrier.fails = True
    assert isinstance(line.operators.whispering.coach_key(1, "1"), EndCall)
    # When the caller hangs up later, the operator follows nowhere.
    assert line.operators.handover.operator_left_caller(1, talked=True, tries=1) == EndCall(("通话结束。",))


def test_there_is_no_whispering_where_no_operator_talks(desk_of: Callable[[str], Visitor], line: LineServices) -> None:
    ordering_caller(line)
    leader = desk_of("leader")
    assert "现在没有订货员" in leader.post("/desk/calls/CA1/whisper").get_data(as_text=True)
    assert desk_of("operator").post("/desk/calls/CA1/whisper").status_code == 403
