"""Retailers that the line does not call: too early or too late, not due, served already, or without a free operator."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import select

from clock import SHANGHAI
from ivr.models import Call
from ivr.operators.models import Callback
from orders.channels import follow_ups
from orders.outbound import campaign
from orders.outbound.models import OutboundWindow
from orders.outbound.pacing import Dial
from orders.staff.models import StaffRow
from orders.windows import business_day
from tests.support.carrier_client import Telephone
from tests.support.desk_world import CLASSIC, MAIN, SHOP, World
from tests.support.dialogue import Dialogue, add
from tests.support.outbound_world import SHOP_PHONE, STATION_PHONE, OutboundWorld

MACHINE = "您好，这里是演示烟草订货热线。请您今天打零三七二，五五五五，零零零零订货。谢谢您的合作，再见。"


def test_nobody_is_called_before_it_is_started_or_after_it_is_stopped(day: OutboundWorld) -> None:
    day.stop()
    assert day.dialler.poll() == 0
    day.start()
    assert day.dialler.poll() == 2
    day.call(0).answer()
    day.stop()
    assert day.advance(minutes=40) == 0
    # The answered call continues; the one still ringing is cancelled.
    assert day.carrier.cancelled == [day.call(1).call_key]
    day.call(1).post_status("canceled")
    assert day.outcomes() == [None, "cancelled"]
    talking = day.call(0)
    talking.heard = talking.answer()
    assert "请按" in "".join(talking.keys("1").said)


def test_each_new_day_has_to_be_started(day: OutboundWorld) -> None:
    day.clock.move(days=7)
    day.world.supply()
    assert day.advance(minutes=1) == 0
    day.start()
    assert day.dialler.poll() == 2


def test_nobody_is_called_outside_the_window_the_hours_and_the_working_days(day: OutboundWorld, world: World) -> None:
    with world.session() as session:
        session.add(OutboundWindow(batch="", opens=10 * 60, closes=11 * 60))
    assert day.dialler.poll() == 0
    world.hours(MAIN, "08:00", "09:30")
    day.clock.move_to(datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI))
    assert day.advance(minutes=0) == 0
    world.hours(MAIN, "08:00", "18:00")
    world.day_off(business_day(day.clock()))
    assert day.advance(minutes=1) == 0


def test_nobody_is_called_once_the_days_end_has_begun(day: OutboundWorld, world: World) -> None:
    world.day_step("balances")
    assert day.dialler.poll() == 0


def test_who_is_not_due_suspended_or_without_a_number_is_never_called(day: OutboundWorld) -> None:
    day.world.change_retailer(SHOP, status="suspended")
    assert day.dialler.poll() == 1
    assert [phone for phone, _ in day.carrier.placed_calls] == [STATION_PHONE]


def test_who_ordered_meanwhile_or_is_ordering_or_in_a_call_is_not_called(
    one_retailer: OutboundWorld, world: World
) -> None:
    call = Dialogue(world)
    call.caller_says("对")
    call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
    assert one_retailer.dialler.poll() == 0
    call.caller_says("就这些")
    call.caller_says("对")
    assert one_retailer.advance(hours=1) == 0


def test_who_is_talking_to_the_line_already_is_not_called(one_retailer: OutboundWorld) -> None:
    Telephone(one_retailer.application.test_client(), token="demo-auth-token", base="http://127.0.0.1:8000").dial()
    assert one_retailer.dialler.poll() == 0


def test_who_orders_between_the_poll_and_the_call_is_not_called(one_retailer: OutboundWorld, world: World) -> None:
    dial = Dial(world.retailer().id, SHOP_PHONE)
    today = business_day(world.clock())
    with world.session() as session:
        assert (
            campaign.create_attempt(session, Dial(dial.retailer_id, STATION_PHONE), today, MAIN, world.clock()) is None
        )
        campaign.opt_out(session, today, dial.retailer_id, "李晓燕", world.clock())
        assert campaign.create_attempt(session, dial, today, MAIN, world.clock()) is None


def test_who_asked_not_to_be_called_today_is_not(one_retailer: OutboundWorld, world: World) -> None:
    with world.session() as session:
        campaign.opt_out(session, business_day(world.clock()), world.retailer().id, "李晓燕", world.clock())
    assert one_retailer.dialler.poll() == 0


def test_whom_an_operator_rings_or_has_promised_to_call_back_is_not_called(
    one_retailer: OutboundWorld, world: World
) -> None:
    today, shop = business_day(world.clock()), world.retailer().id
    with world.session() as session:
        operator = session.scalars(select(StaffRow).where(StaffRow.login == "operator")).one()
        follow_ups.claim(session, today, shop, operator, world.clock())
    assert one_retailer.dialler.poll() == 0
    with world.session() as session:
        follow_ups.close(session, today, shop, operator, "declined", "", world.clock())
    assert one_retailer.dialler.poll() == 0
    with world.session() as session:
        follow_ups.close(session, today, shop, operator, "not_reached", "", world.clock())
        session.add(
            Call(
                call_key="CA9",
                caller=SHOP_PHONE,
                called=MAIN,
                started_at=world.clock(),
                ended_at=world.clock(),
                turn_number=1,
                state={},
                reply={},
            )
        )
        session.flush()
        session.add(
            Callback(call_key="CA9", phone=SHOP_PHONE, reason="asked", requested_at=world.clock(), state="open")
        )
    assert one_retailer.dialler.poll() == 0
    with world.session() as session:
        session.scalars(select(Callback)).one().state = "reached"
    assert one_retailer.dialler.poll() == 1


def test_without_a_free_operator_nobody_is_called(day: OutboundWorld) -> None:
    day.clock.move(minutes=31)
    assert day.dialler.poll() == 0
    assert day.advance(minutes=0) == 2


def test_no_more_are_called_than_there_are_lines(day: OutboundWorld) -> None:
    day.rule("outbound_lines", 1)
    assert day.dialler.poll() == 1
    assert day.advance(minutes=1) == 0
    day.call().post_status("no-answer")
    assert day.advance(minutes=0) == 1
    assert len({phone for phone, _ in day.carrier.placed_calls}) == 2
