"""The line calls due retailers: one call at a time each, whatever the carrier, the dialler or the retailer does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest
from flask import Flask
from sqlalchemy import select

import storage
from clock import SHANGHAI
from ivr.carrier import CarrierBusy, CarrierError, CarrierRefused
from ivr.outbound.dialler import Dialler
from ivr.services import services
from orders.book.models import OrderRow
from orders.outbound import campaign
from orders.outbound.models import MissedCall, OutboundWindow
from orders.retailers.models import RetailerPhone
from orders.windows import business_day
from tests.support.desk_world import MAIN, MovingClock, World
from tests.support.outbound_world import SHOP_PHONE, STATION_PHONE, FakeOutboundCarrier, OutboundWorld, PlacedCall

MACHINE = "您好，这里是演示烟草订货热线。请您今天打零三七二，五五五五，零零零零订货。谢谢您的合作，再见。"


# Whole calls.


def test_who_is_due_is_called_says_yes_orders_and_is_not_called_again(
    one_retailer: OutboundWorld, world: World
) -> None:
    assert one_retailer.dialler.poll() == 1
    call = one_retailer.call()
    call.post_status("ringing")
    assert call.answer().said == [
        "您好，这里是演示烟草订货热线，我是一号订货员。今天是您的订货日。是店12请按一，不是请按二，今天不用订请按三。"
    ]
    for keys in ("1", "101*5", "#"):
        call.keys(keys)
    assert "您的订货已经保存" in "".join(call.keys("1").said)
    call.post_status("completed")
    assert one_retailer.outcomes() == ["ordered"]
    with world.session() as session:
        assert session.scalars(select(OrderRow.channel)).all() == ["outbound"]
    assert one_retailer.advance(hours=3) == 0
    assert one_retailer.missed() == []


def test_busy_then_busy_again_then_missed_with_the_remedy(one_retailer: OutboundWorld) -> None:
    one_retailer.rule("outbound_attempts_max", 2)
    one_retailer.dialler.poll()
    one_retailer.call().post_status("busy")
    assert one_retailer.advance(minutes=9) == 0
    assert one_retailer.advance(minutes=1) == 1
    assert one_retailer.missed() == []
    one_retailer.call().post_status("busy")
    assert one_retailer.advance(minutes=30) == 0
    assert one_retailer.outcomes() == ["busy", "busy"]
    assert one_retailer.missed() == [("busy", "supplementary")]
    assert one_retailer.advance(minutes=1) == 0
    assert len(one_retailer.missed()) == 1


def test_a_machine_is_left_a_message_once_that_names_nobody(one_retailer: OutboundWorld) -> None:
    one_retailer.dialler.poll()
    markup = one_retailer.call().answer("machine_end_beep")
    assert (markup.said, markup.verbs[-1]) == ([MACHINE], "Hangup")
    assert "店12" not in MACHINE
    one_retailer.call().post_status("completed")
    assert one_retailer.advance(minutes=30) == 1
    assert one_retailer.call().answer("machine_end_beep").verbs == ["Hangup"]
    one_retailer.call().post_status("completed")
    assert one_retailer.outcomes() == ["machine", "machine"]


def test_who_declines_is_left_alone_for_the_day_and_is_not_missed(one_retailer: OutboundWorld) -> None:
    one_retailer.dialler.poll()
    call = one_retailer.call()
    call.answer()
    assert call.keys("3").said[0].startswith("好的，不打扰您了。")
    call.post_status("completed")
    assert one_retailer.outcomes() == ["declined"]
    assert one_retailer.advance(hours=9) == 0
    assert one_retailer.missed() == []


def test_where_a_stranger_picks_up_the_number_is_not_called_again_and_the_shop_is_visited(
    one_retailer: OutboundWorld,
) -> None:
    one_retailer.dialler.poll()
    call = one_retailer.call()
    call.answer()
    call.keys("2")
    call.post_status("completed")
    assert one_retailer.advance(hours=1) == 0
    assert (one_retailer.outcomes(), one_retailer.missed()) == (["wrong_person"], [("wrong_number", "visit")])


def test_who_wants_an_operator_gets_one_and_is_not_called_again(one_retailer: OutboundWorld) -> None:
    one_retailer.dialler.poll()
    call = one_retailer.call()
    call.answer()
    assert "Enqueue" in call.keys("0").verbs
    call.post_status("completed")
    assert one_retailer.outcomes() == ["operator"]
    assert one_retailer.advance(hours=1) == 0


def test_a_call_that_breaks_off_is_tried_again_with_what_was_ordered_so_far(one_retailer: OutboundWorld) -> None:
    one_retailer.dialler.poll()
    call = one_retailer.call()
    call.answer()
    call.keys("1")
    call.keys("101*5")
    call.post_status("completed")
    assert one_retailer.outcomes() == ["answered"]
    assert one_retailer.advance(minutes=30) == 1
    again = one_retailer.call()
    again.answer()
    assert "您上次没有订完" in "".join(again.keys("1").said)


# Exactly once.


def test_of_two_diallers_one_dials_and_the_other_takes_over_when_it_is_gone(day: OutboundWorld) -> None:
    other = day.new_dialler()
    day.rule("outbound_lines", 1)
    assert day.dialler.poll() == 1
    day.call().post_status("busy")
    assert other.poll() == 0
    day.clock.move(seconds=29)
    assert other.poll() == 0
    day.clock.move(seconds=2)
    assert other.poll() == 1
    assert day.dialler.poll() == 0


def test_told_twice_and_late_changes_nothing(one_retailer: OutboundWorld) -> None:
    one_retailer.dialler.poll()
    call = one_retailer.call()
    call.orders()
    for status in ("completed", "ringing", "in-progress", "busy"):
        call.post_status(status)
    assert one_retailer.outcomes() == ["ordered"]
    first = one_retailer.attempts()[0].ended_at
    one_retailer.clock.move(minutes=1)
    call.post_status("completed")
    assert one_retailer.attempts()[0].ended_at == first


def test_a_repeated_picking_up_begins_no_second_call(one_retailer: OutboundWorld) -> None:
    one_retailer.dialler.poll()
    call = one_retailer.call()
    first = call.answer().said
    assert call.answer().said == first
    call.keys("1")
    assert "请按烟的代码" in "".join(call.answer().said)


def test_a_call_with_somebody_elses_key_or_none_is_hung_up(one_retailer: OutboundWorld) -> None:
    one_retailer.dialler.poll()
    one_retailer.call().answer()
    phone, key = one_retailer.carrier.placed_calls[0]
    assert PlacedCall(one_retailer, "CA" + "9" * 32, phone, key).answer().verbs == ["Hangup"]
    assert PlacedCall(one_retailer, "CA" + "8" * 32, phone, "made-up").answer().verbs == ["Hangup"]


def test_the_line_says_nothing_to_who_cannot_sign(one_retailer: OutboundWorld) -> None:
    one_retailer.dialler.poll()
    call = one_retailer.call()
    call.telephone.token = "somebody else's"
    assert call.telephone.post(f"/voice/outbound?attempt={call.key}").status_code == 403
    assert call.telephone.post(f"/voice/outbound/status?attempt={call.key}", CallStatus="busy").status_code == 403
    assert one_retailer.outcomes() == [None]


@pytest.fixture
def broken(one_retailer: OutboundWorld) -> Callable[[bool], None]:
    """A function that makes the dialler's request fail; the carrier placed the call nevertheless, or not."""

    def breaks(placed: bool) -> None:
        one_retailer.carrier.error = CarrierError("the line to the carrier is down")
        one_retailer.carrier.places_despite_error = placed
        one_retailer.dialler.poll()
        one_retailer.carrier.error = None

    return breaks


def test_a_crash_between_asking_and_writing_down_rings_nobody_twice(
    one_retailer: OutboundWorld, broken: Callable[[bool], None]
) -> None:
    broken(True)
    assert one_retailer.attempts()[0].call_key is None
    one_retailer.dialler = one_retailer.new_dialler()
    for _ in range(20):
        one_retailer.advance(seconds=7)
    assert len(one_retailer.carrier.placed_calls) == 1
    one_retailer.call().orders()
    assert one_retailer.outcomes() == ["ordered"]
    assert one_retailer.attempts()[0].call_key == one_retailer.call().call_key


def test_a_call_that_was_never_placed_is_found_out_and_tried_again(
    one_retailer: OutboundWorld, broken: Callable[[bool], None]
) -> None:
    broken(False)
    assert one_retailer.advance(minutes=2) == 0
    assert one_retailer.outcomes() == [None]
    one_retailer.advance(minutes=2)
    assert one_retailer.outcomes() == ["lost"]
    assert one_retailer.advance(minutes=30) == 1


def test_an_end_that_was_never_told_is_asked_for(one_retailer: OutboundWorld) -> None:
    one_retailer.dialler.poll()
    call = one_retailer.call()
    call.answer()
    one_retailer.advance(minutes=2)
    assert one_retailer.outcomes() == [None]
    one_retailer.carrier.known[call.call_key] = "completed"
    one_retailer.advance(minutes=2)
    assert one_retailer.outcomes() == ["answered"]


def test_what_the_carrier_refuses_has_failed_and_the_shop_is_visited(one_retailer: OutboundWorld) -> None:
    one_retailer.rule("outbound_attempts_max", 1)
    one_retailer.carrier.error = CarrierRefused("the call was refused: the number is not valid")
    assert one_retailer.dialler.poll() == 0
    assert (one_retailer.outcomes(), one_retailer.attempts()[0].detail) == (["failed"], str(one_retailer.carrier.error))
    one_retailer.advance(minutes=1)
    assert one_retailer.missed() == [("phone_fault", "visit")]


def test_a_carrier_that_has_had_enough_is_asked_again_later_and_the_shop_was_not_called(
    one_retailer: OutboundWorld,
) -> None:
    one_retailer.rule("outbound_attempts_max", 1)
    one_retailer.carrier.error = CarrierBusy("the carrier has had too many requests", 5)
    assert one_retailer.dialler.poll() == 0
    assert one_retailer.attempts() == [], "no attempt of the retailer's"
    one_retailer.carrier.error = None
    assert one_retailer.advance(seconds=4) == 0, "not before its time"
    assert one_retailer.advance(seconds=1) == 1
    assert [phone for phone, _key in one_retailer.carrier.placed_calls] == [SHOP_PHONE]
    assert one_retailer.missed() == []


def test_a_failure_of_ours_is_told_in_a_sentence_and_the_call_goes_on(
    one_retailer: OutboundWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    one_retailer.dialler.poll()
    call = one_retailer.call()
    with monkeypatch.context() as patch:
        patch.setattr(one_retailer.line.outbound_calls, "on_answer", lambda *_: 1 / 0)
        markup = call.answer()
    assert markup.said == ["对不起，刚才出了点问题，请您再来一次。"]
    again = call.telephone.request(markup.redirect, AnsweredBy="human", **call.numbers)
    assert "请按" in "".join(again.said)


# After the window has closed.


def test_at_the_windows_end_everybody_not_reached_is_missed_with_a_reason(day: OutboundWorld, world: World) -> None:
    with world.session() as session:
        session.add(OutboundWindow(batch="", opens=9 * 60, closes=10 * 60))
        session.delete(session.get_one(RetailerPhone, STATION_PHONE))
    assert day.dialler.poll() == 1
    day.call().post_status("no-answer")
    day.clock.move_to(datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI))
    day.advance(minutes=0)
    assert sorted(day.missed()) == [("absent", "supplementary"), ("no_number", "visit")]


@pytest.mark.parametrize(
    "ends",
    [lambda world: world.hours(MAIN, "08:00", "09:10"), lambda world: world.day_step("balances")],
    ids=["the line closes", "the day's end begins"],
)
def test_what_ends_before_the_window_ends_the_ringing_as_well(
    day: OutboundWorld, world: World, ends: Callable[[World], None]
) -> None:
    day.dialler.poll()
    day.call(0).post_status("no-answer")
    day.call(1).post_status("busy")
    day.advance(minutes=1)
    assert day.missed() == []
    ends(world)
    day.advance(minutes=9)
    assert sorted(day.missed()) == [("absent", "supplementary"), ("busy", "supplementary")]
    assert day.advance(hours=1) == 0


def test_nobody_is_missed_on_a_day_on_which_nobody_was_called(application: Flask, world: World) -> None:
    with storage.transaction(world.sessions) as session:
        today = business_day(world.clock())
        assert not campaign.was_started(session, today)
    world.clock.move(hours=9)
    network, line = FakeOutboundCarrier(), services(application).line
    Dialler(world.sessions, world.clock, network, line.outbound_calls).poll()
    with storage.transaction(world.sessions) as session:
        assert session.scalars(select(MissedCall)).all() == []


def test_the_lease_is_anybodys_once_its_holder_has_gone(world: World, clock: MovingClock) -> None:
    with world.session() as session:
        assert campaign.acquire_lease(session, "one", clock())
        assert campaign.dialler_is_running(session, clock())
        assert not campaign.acquire_lease(session, "two", clock())
        campaign.release_lease(session, "two", clock())
        assert not campaign.acquire_lease(session, "two", clock())
        campaign.release_lease(session, "one", clock())
        assert campaign.acquire_lease(session, "two", clock())
        assert campaign.dialler_is_running(session, clock() + timedelta(seconds=29))
        assert not campaign.dialler_is_running(session, clock() + timedelta(seconds=30))
