"""A call that an operator ends: a saved order is saved, and an unsaved one is the shop's own in its next call."""

from __future__ import annotations

from sqlalchemy import select

from callflows.state import CallState
from orders.book.models import OrderHistory, OrderRow
from tests.support.desk_world import CLASSIC, SHOP, World
from tests.support.dialogue import STRANGER, Dialogue, add, signed_in

THANKS = "谢谢您的合作，再见。"


def with_operator(world: World, *, key: str = "call-1") -> Dialogue:
    """A call with three cartons on its draft, in an operator's hands."""
    call = signed_in(world, key=key)
    call.caller_says("红塔山硬经典三条", add(CLASSIC, 3))
    call.caller_says("转人工")
    return call


def events(world: World) -> list[str]:
    """The events of all orders, in the order they were recorded."""
    with world.session() as session:
        return list(session.scalars(select(OrderHistory.event).order_by(OrderHistory.id)))


def test_a_draft_the_operator_did_not_save_is_resumed_in_the_next_call(world: World) -> None:
    world.limit(CLASSIC, 20)
    call = with_operator(world)
    call.operator_finishes(THANKS)
    call.line_says(THANKS)
    call.line_hangs_up()
    assert not call.state.saved
    assert call.saved_cartons == {}

    again = signed_in(world, key="call-2")
    again.line_says("您上次没有订完：红塔山硬经典三条。接着订吗？")
    again.caller_says("对")
    assert again.draft_cartons == {CLASSIC: 3}
    again.caller_says("红塔山硬经典再来十七条", add(CLASSIC, 17))
    assert again.draft_cartons == {CLASSIC: 20}, "nothing of the limit is held by the call that ended"
    again.caller_says("就这些")
    again.caller_says("对")
    assert again.saved_cartons == {CLASSIC: 20}
    world.check_books()


def test_who_starts_over_after_an_operator_finished_has_the_whole_limit(world: World) -> None:
    world.limit(CLASSIC, 20)
    with_operator(world).operator_finishes(THANKS)
    again = signed_in(world, key="call-2")
    again.caller_says("不要")
    again.caller_says("红塔山硬经典二十条", add(CLASSIC, 20))
    assert again.draft_cartons == {CLASSIC: 20}
    world.check_books()


def test_the_draft_is_abandoned_once_although_the_carrier_reports_the_end_as_well(world: World) -> None:
    with_operator(world).operator_finishes(THANKS)
    assert events(world).count("abandoned") == 1


def test_an_order_the_operator_saved_ends_the_call_as_saved(world: World) -> None:
    call = with_operator(world)
    with world.desk() as desk:
        desk.draft(call.key).confirm()
    call.operator_finishes("您的订货已经保存，订单号一。", THANKS)
    assert call.state.saved
    assert "abandoned" not in events(world)
    with world.session() as session:
        assert [(row.state, row.abandoned_at) for row in session.scalars(select(OrderRow))] == [("confirmed", None)]
    assert call.saved_cartons == {CLASSIC: 3}
    world.check_books()


def test_a_caller_an_operator_identified_is_signed_in_and_keeps_the_draft(world: World) -> None:
    call = Dialogue(world, caller=STRANGER)
    call.caller_says("转人工")
    before = call.state.to_json()
    call.operator_identifies(SHOP)
    assert call.state == CallState.from_json(before | {"customer_code": SHOP, "signed_in": True, "proved": True})
    with world.desk() as desk:
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        desk.open_draft(call.key, retailer, desk.hotline(""), channel="operator").set_line(CLASSIC, 30)
    call.operator_finishes(THANKS)
    again = signed_in(world, key="call-2")
    again.line_says("您上次没有订完：红塔山硬经典三条。接着订吗？")
