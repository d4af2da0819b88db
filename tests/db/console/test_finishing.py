"""The end of a call at the desk: unsaved lines are asked about, wrap-up has its time, a lost call is taken back."""

from __future__ import annotations

import json

import pytest
from flask import Flask

from ivr.line import LineServices
from ivr.models import Call
from ivr.operators import presence
from ivr.operators.models import Presence, Ticket
from ivr.services import services
from orders.book.models import OrderRow
from tests.db.console.test_desk import stuck_caller, text
from tests.support.console_client import SignedIn, Visitor, shown_version
from tests.support.desk_world import CLASSIC, CRANE, World

LI = 1


@pytest.fixture
def line(application: Flask) -> LineServices:
    return services(application).line


@pytest.fixture
def redirected(line: LineServices, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The calls redirected at the carrier, which is replaced in these tests."""
    sent: list[str] = []
    monkeypatch.setattr(line.carrier, "redirect_to_turn", lambda key, turn: sent.append(f"{key} to the line"))
    monkeypatch.setattr(line.carrier, "redirect_to_queue", lambda key: sent.append(f"{key} to the queue"))
    monkeypatch.setattr(line.carrier, "dial_operator", lambda address, shown, attempt: f"{address} is dialled")
    return sent


@pytest.fixture
def operator(signed_in: SignedIn, redirected: list[str]) -> Visitor:
    return signed_in("operator")


@pytest.fixture
def taken(operator: Visitor, line: LineServices) -> Visitor:
    """An operator who has taken a call and entered five cartons."""
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    seen = shown_version(text(operator.get("/desk/orders/CA1")))
    operator.post("/desk/orders/CA1/lines", barcode=CRANE, cartons="5", version=seen)
    return operator


def order_of(world: World) -> OrderRow:
    with world.session() as session:
        return session.query(OrderRow).one()


def ticket_of(world: World) -> Ticket:
    with world.session() as session:
        return session.query(Ticket).one()


def test_a_call_with_unsaved_lines_is_not_ended_before_the_operator_has_answered(
    taken: Visitor, redirected: list[str], world: World
) -> None:
    asked = taken.post("/desk/tickets/1/finish")
    assert asked.status_code == 200
    assert "订货单还没有保存" in text(asked)
    assert "单上有1种5条，821.50元。" in text(asked)
    assert redirected[1:] == []
    assert ticket_of(world).state == "taken"


def test_saving_and_ending_says_the_number_of_the_order(
    taken: Visitor, line: LineServices, redirected: list[str], world: World
) -> None:
    taken.post("/desk/tickets/1/finish")
    done = taken.post("/desk/tickets/1/finish", unsaved="save", version=f"draft,{CRANE}:50")
    assert json.loads(done.headers["HX-Location"])["path"] == "/desk"
    assert (order_of(world).state, ticket_of(world).state) == ("confirmed", "finished")
    assert line.calls.snapshot("CA1").reply.say[0].startswith("您的订货已经保存")
    assert redirected[-1] == "CA1 to the line"


def test_ending_without_saving_leaves_the_order_for_the_callers_next_call(
    taken: Visitor, line: LineServices, world: World
) -> None:
    assert taken.post("/desk/tickets/1/finish", unsaved="leave").status_code == 204
    assert (order_of(world).state, ticket_of(world).state) == ("draft", "finished")
    assert list(line.calls.snapshot("CA1").reply.say) == ["谢谢您的合作，再见。"]


def test_an_order_that_changed_while_the_question_was_shown_is_shown_again_and_not_saved(
    taken: Visitor, world: World
) -> None:
    taken.post("/desk/tickets/1/finish")
    taken.post("/desk/orders/CA1/lines", barcode=CLASSIC, cartons="1", version=f"draft,{CRANE}:50")
    asked = taken.post("/desk/tickets/1/finish", unsaved="save", version=f"draft,{CRANE}:50")
    assert "订单刚才变了，请看清楚再选。" in text(asked)
    assert "单上有2种6条" in text(asked)
    assert (order_of(world).state, ticket_of(world).state) == ("draft", "taken")


def test_an_order_that_cannot_be_saved_says_why_and_the_call_goes_on(taken: Visitor, world: World) -> None:
    world.department_rule("order_min_packs", 60)
    asked = taken.post("/desk/tickets/1/finish", unsaved="save", version=f"draft,{CRANE}:50")
    assert "没有达到起订量" in text(asked)
    assert (order_of(world).state, ticket_of(world).state) == ("draft", "taken")


def test_a_call_without_lines_ends_at_once(operator: Visitor, line: LineServices) -> None:
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    operator.get("/desk/orders/CA1")
    assert operator.post("/desk/tickets/1/finish").status_code == 204


# --- wrap-up


def hangs_up(line: LineServices) -> None:
    """The caller hangs up, and with that the operator's own call is over, if there is one."""
    line.operators.dispatcher.accept(1)
    line.calls.end("CA1", "completed")
    line.operators.dispatcher.end_attempt(1, "completed")


def free(world: World) -> list[int | None]:
    """The operators who would be rung now."""
    with world.session() as session:
        return [one.staff_id for one in presence.available_operators(session, (), world.clock())]


@pytest.fixture
def ready(operator: Visitor, world: World) -> Visitor:
    """An operator who is ready in the browser, and whose caller has hung up."""
    operator.post("/desk/ready", device="browser")
    return operator


def test_after_the_caller_hung_up_the_operator_has_time_for_the_order_and_is_free_by_itself(
    ready: Visitor, line: LineServices, world: World
) -> None:
    stuck_caller(line.calls)
    ready.post("/desk/tickets/1/take")
    world.clock.move(minutes=3)
    assert free(world) == []
    hangs_up(line)
    assert "整理中" in text(ready.get("/desk"))
    world.clock.move(seconds=29)
    assert free(world) == []
    world.clock.move(seconds=1)
    assert free(world) == [LI]
    line.operators.dispatcher.end_wrap_ups()
    assert "整理中" not in text(ready.get("/desk"))
    assert ticket_of(world).state == "finished"


@pytest.mark.parametrize("seconds", [0, 45])
def test_the_department_sets_how_long_wrap_up_is(
    ready: Visitor, line: LineServices, world: World, seconds: int
) -> None:
    world.department_rule("wrap_up_seconds", seconds)
    stuck_caller(line.calls)
    ready.post("/desk/tickets/1/take")
    hangs_up(line)
    if seconds:
        world.clock.move(seconds=seconds - 1)
        assert free(world) == []
        world.clock.move(seconds=1)
    assert free(world) == [LI]


def test_who_is_done_earlier_takes_the_next_call_at_once(ready: Visitor, line: LineServices, world: World) -> None:
    stuck_caller(line.calls)
    ready.post("/desk/tickets/1/take")
    hangs_up(line)
    assert free(world) == []
    assert ready.post("/desk/end-wrap-up").status_code == 204
    assert free(world) == [LI]
    assert ticket_of(world).state == "finished"


def test_an_unsaved_order_stays_in_its_operators_hands_after_wrap_up(
    taken: Visitor, line: LineServices, world: World
) -> None:
    taken.post("/desk/ready", device="browser")
    hangs_up(line)
    world.clock.move(seconds=31)
    line.operators.dispatcher.end_wrap_ups()
    assert free(world) == [LI]
    assert "客户已挂机" in text(taken.get("/desk"))
    sheet = text(taken.get("/desk/orders/CA1"))
    assert taken.post("/desk/orders/CA1/save", version=shown_version(sheet)).status_code == 200
    assert (order_of(world).state, ticket_of(world).state) == ("confirmed", "finished")


def test_two_processes_end_one_wrap_up_once(ready: Visitor, line: LineServices, world: World) -> None:
    stuck_caller(line.calls)
    ready.post("/desk/tickets/1/take")
    hangs_up(line)
    world.clock.move(seconds=30)
    with world.session() as session:
        assert presence.end_wrap_ups(session, world.clock())
    with world.session() as session:
        assert not presence.end_wrap_ups(session, world.clock())
        assert session.get_one(Presence, LI).idle_since == world.clock()


# --- a telephone that was cut off


def test_an_operator_whose_telephone_was_cut_off_takes_the_caller_back(
    ready: Visitor, line: LineServices, redirected: list[str], world: World
) -> None:
    stuck_caller(line.calls)
    ready.post("/desk/tickets/1/take")
    dispatcher = line.operators.dispatcher
    assert dispatcher.accept(1) == "CA1"
    assert "接回</button>" not in text(ready.get("/desk"))
    dispatcher.end_attempt(1, "completed")
    assert "电话断了，客户还在线上。" in text(ready.get("/desk"))
    assert ready.post("/desk/tickets/1/reconnect").status_code == 204
    assert redirected[-1] == "CA1 to the queue"
    assert dispatcher.accept(2) == "CA1"
    assert "电话断了" not in text(ready.get("/desk"))


def test_nobody_is_rung_for_a_caller_who_has_gone_or_whom_another_operator_has(
    ready: Visitor, line: LineServices, signed_in: SignedIn, world: World
) -> None:
    stuck_caller(line.calls)
    ready.post("/desk/tickets/1/take")
    line.operators.dispatcher.accept(1)
    # Still connected.
    assert ready.post("/desk/tickets/1/reconnect").status_code == 409
    line.operators.dispatcher.end_attempt(1, "completed")
    other = signed_in("operator2")
    assert other.post("/desk/tickets/1/reconnect").status_code == 409
    line.calls.end("CA1", "completed")
    assert ready.post("/desk/tickets/1/reconnect").status_code == 409
    with world.session() as session:
        assert session.get_one(Call, "CA1").ended_at is not None
