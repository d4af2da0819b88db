"""Who asked for a callback, or gave up waiting, is rung with one click; their sheet opens, and what came of it is
seen."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select

from ivr.line import LineServices
from ivr.operators import callbacks, presence
from ivr.operators.models import Callback
from ivr.services import services
from ivr.turns.calls import TurnRequest
from orders.book.models import OrderRow
from orders.staff.models import StaffRow
from speech.utterance import Utterance
from tests.support.console_client import Visitor, shown_version
from tests.support.desk_world import CLASSIC, MAIN, SHOP, World

CALLER = "+8613800000012"
YES, OPERATOR = Utterance(command="yes", text="是的"), Utterance(command="operator", text="人工")


@pytest.fixture
def line(application: Flask) -> LineServices:
    return services(application).line


@pytest.fixture
def rung(line: LineServices, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The operators' telephones that rang, each with its callback."""
    sent: list[tuple[str, int]] = []

    def dial(address: str, _line: str, callback_id: int, _staff: int) -> str:
        sent.append((address, callback_id))
        return "CAcallback"

    monkeypatch.setattr(line.carrier, "dial_operator_for_callback", dial)
    return sent


@pytest.fixture
def operator(visitor: Visitor, rung: list[tuple[str, int]], world: World) -> Visitor:
    visitor.sign_in("operator")
    with world.session() as session:
        session.get_one(StaffRow, 1).phone = "+8613700000001"
        presence.check_in(session, 1, world.clock())
    return visitor


def caller_waits(line: LineServices, call_key: str = "CA1", caller: str = CALLER) -> None:
    """A caller who asked for an operator after the line knew who they are."""
    n = line.calls.begin(call_key, caller, MAIN).turn_number
    if caller == CALLER:
        line.calls.take_turn(call_key, TurnRequest(n, utterance=YES))
        n += 1
    line.calls.take_turn(call_key, TurnRequest(n, utterance=OPERATOR))


def text(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined,no-any-return]


def test_a_callback_opens_the_shops_sheet_and_knows_what_came_of_it(
    operator: Visitor, line: LineServices, rung: list[tuple[str, int]], world: World
) -> None:
    caller_waits(line)
    assert line.operators.queue.request_callback("CA1")
    answer = operator.post("/desk/callbacks/1/dial")
    assert rung == [("+8613700000001", 1)]
    sheet = json.loads(answer.headers["HX-Location"])["path"]
    assert sheet == f"/desk/orders/{callbacks.order_key(1)}"
    page = text(operator.get(sheet))
    assert "店12" in page
    assert "给客户回电" in page
    line.operators.callback_calls.over(1, 1, reached=True)
    assert "没有订货" in text(operator.get("/desk"))

    version = shown_version(page)
    entered = operator.post(f"{sheet}/lines", barcode=CLASSIC, cartons="2", version=version)
    assert entered.status_code == 200
    assert operator.post(f"{sheet}/save", version=shown_version(text(entered))).status_code == 200
    with world.session() as session:
        number = session.scalars(select(OrderRow.number).where(OrderRow.call_key == callbacks.order_key(1))).one()
    listed = text(operator.get("/desk"))
    assert "已订货：2条" in listed
    assert number in listed


def test_who_is_unknown_is_identified_on_the_sheet_of_the_callback(
    operator: Visitor, line: LineServices, rung: list[tuple[str, int]]
) -> None:
    caller_waits(line, caller="+8613911112222")
    assert line.operators.queue.request_callback("CA1")
    sheet = json.loads(operator.post("/desk/callbacks/1/dial").headers["HX-Location"])["path"]
    assert "是哪一户？" in text(operator.get(sheet))
    key = sheet.rpartition("/")[2]
    begun = operator.post("/desk/orders", customer_code=SHOP, key=key)
    assert json.loads(begun.headers["HX-Location"])["path"] == sheet
    assert "店12" in text(operator.get(sheet))


def test_who_gave_up_waiting_is_rung_with_one_click(
    operator: Visitor, line: LineServices, rung: list[tuple[str, int]], world: World
) -> None:
    caller_waits(line)
    line.calls.end("CA1", "completed")
    page = text(operator.get("/desk"))
    assert "放弃等候" in page
    assert "/desk/tickets/1/ring" in page
    answer = operator.post("/desk/tickets/1/ring")
    assert json.loads(answer.headers["HX-Location"])["path"] == f"/desk/orders/{callbacks.order_key(1)}"
    assert rung == [("+8613700000001", 1)]
    # From now on it is a callback, which stays until the shop is reached; a second click asks for no second one.
    page = text(operator.get("/desk"))
    assert "放弃等候" not in page
    assert "要回电的客户" in page
    operator.post("/desk/tickets/1/ring")
    with world.session() as session:
        assert len(session.scalars(select(Callback)).all()) == 1


def test_who_gave_up_and_called_again_is_no_longer_listed(operator: Visitor, line: LineServices, world: World) -> None:
    caller_waits(line)
    line.calls.end("CA1", "completed")
    world.clock.move(seconds=30)
    line.calls.begin("CA2", CALLER, MAIN)
    assert "放弃等候" not in text(operator.get("/desk"))


def test_a_number_that_may_not_be_dialled_has_no_button(
    operator: Visitor, line: LineServices, rung: list[tuple[str, int]]
) -> None:
    caller_waits(line, caller="")
    line.calls.end("CA1", "completed")
    assert "/desk/tickets/1/ring" not in text(operator.get("/desk"))
    assert operator.post("/desk/tickets/1/ring").status_code == 409
    assert rung == []


def test_an_order_the_shop_placed_by_itself_counts_too(
    operator: Visitor, new_visitor: Callable[[], Visitor], line: LineServices, world: World
) -> None:
    caller_waits(line)
    assert line.operators.queue.request_callback("CA1")
    world.clock.move(seconds=60)
    begun = operator.post("/desk/orders", customer_code=SHOP)
    sheet = begun.headers["HX-Redirect"]
    version = shown_version(text(operator.get(sheet)))
    entered = operator.post(f"{sheet}/lines", barcode=CLASSIC, cartons="1", version=version)
    operator.post(f"{sheet}/save", version=shown_version(text(entered)))
    assert "已订货：1条" in text(operator.get("/desk"))
