"""The outbound page: the roles that may start and stop it, and the state it shows."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import get_args

import pytest
from flask import Flask
from sqlalchemy import delete

from clock import SHANGHAI
from console.day.outbound_pages import IdleReason, outbound_status
from orders.book.models import Channel
from orders.models import HotlineRow
from orders.outbound import campaign
from orders.outbound.models import OutboundWindow
from orders.reporting.labels import CHANNELS
from orders.windows import business_day
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import MAIN, SHOP, STATION, World
from tests.support.outbound_world import OutboundWorld


@pytest.fixture
def leader(day: OutboundWorld, visitor: Visitor) -> Visitor:
    visitor.sign_in("leader")
    return visitor


def page(visitor: Visitor) -> str:
    return visitor.get("/outbound").get_data(as_text=True)


def quiet(day: OutboundWorld) -> IdleReason:
    with day.world.session() as session:
        return outbound_status(session, day.clock()).idle_reason


def test_only_the_leader_and_up_may_see_start_and_stop_it(
    day: OutboundWorld, new_visitor: Callable[[], Visitor], signed_in: SignedIn
) -> None:
    for login, may in (("operator", False), ("manager", False), ("leader", True), ("clerk", True), ("director", True)):
        visitor = signed_in(login)
        assert (visitor.get("/outbound").status_code == 200) is may, login
        for button in ("start", "stop", "not-today"):
            answer = visitor.post(f"/outbound/{button}", customer_code=SHOP)
            assert (answer.status_code == 204) is may, (login, button)
    assert new_visitor().get("/outbound").status_code == 302


def test_it_takes_a_page_of_ours_to_start_it(leader: Visitor, day: OutboundWorld) -> None:
    day.stop()
    assert leader.post("/outbound/start", token=False).status_code == 400
    assert day.dialler.poll() == 0


def test_started_and_stopped_by_the_page_says_who_and_when(leader: Visitor, day: OutboundWorld) -> None:
    assert leader.post("/outbound/stop").status_code == 204
    stopped = page(leader)
    assert "赵红霞在09:00:00停止" in stopped
    assert "开始外呼" in stopped
    assert day.dialler.poll() == 0
    day.clock.move(minutes=1)
    assert leader.post("/outbound/start").status_code == 204
    started = page(leader)
    assert "赵红霞在09:01:00开始" in started
    assert "停止外呼" in started
    assert day.advance(minutes=0) == 2


def test_the_figures_and_every_attempt_with_its_outcome_are_shown(leader: Visitor, day: OutboundWorld) -> None:
    day.dialler.poll()
    calls = [day.call(0), day.call(1)]
    calls[1].post_status("busy")
    calls[0].orders()
    shown = page(leader)
    assert "…0012" in shown
    assert "+8613800000012" not in shown
    for words in ("已订货", "占线", "店12", "店37"):
        assert words in shown
    with day.world.session() as session:
        now = outbound_status(session, day.clock())
    assert (now.due, now.ordered, now.remaining, now.ringing, now.talking) == (2, 1, 1, 0, 0)
    assert [(one.attempt.outcome, one.order is not None) for one in now.attempts] == [
        ("busy", False),
        ("ordered", True),
    ]


def test_those_missed_are_shown_with_reason_and_remedy(leader: Visitor, one_retailer: OutboundWorld) -> None:
    one_retailer.rule("outbound_attempts_max", 1)
    one_retailer.dialler.poll()
    one_retailer.call().post_status("no-answer")
    one_retailer.advance(minutes=1)
    shown = page(leader)
    assert "没人接" in shown
    assert "打补货热线" in shown


def test_a_call_the_line_placed_is_told_from_one_that_came_in_and_its_order_counts_in_the_report(
    leader: Visitor, one_retailer: OutboundWorld
) -> None:
    one_retailer.dialler.poll()
    one_retailer.call().orders()
    assert '<span class="tag">外呼</span>' in leader.get("/calls").get_data(as_text=True)
    report = leader.get("/reports?span=day").get_data(as_text=True)
    assert "外呼" in report[report.index("<main") :]
    assert set(CHANNELS) == set(get_args(Channel))


def test_a_retailer_that_asked_is_not_called_today(leader: Visitor, day: OutboundWorld) -> None:
    assert "店12今天不打" in page(leader)
    assert leader.post("/outbound/not-today", customer_code=SHOP).status_code == 204
    assert "店12今天不打" not in page(leader)
    assert day.dialler.poll() == 1
    assert leader.post("/outbound/not-today", customer_code="410599999999").status_code == 404


def test_the_page_says_why_nobody_is_called(day: OutboundWorld, world: World) -> None:
    # No dialler has polled yet, so none holds the lease.
    assert quiet(day) == "no_dialler"
    day.dialler.poll()
    assert quiet(day) == "all_done"
    day.call(0).post_status("busy")
    assert quiet(day) == "pause"
    day.rule("outbound_lines", 1)
    day.advance(minutes=10)
    assert quiet(day) == "lines"
    day.call(1).post_status("no-answer")
    day.clock.move(minutes=21)
    day.dialler.poll()
    assert quiet(day) == "no_operator"
    with world.session() as session:
        session.add(OutboundWindow(batch="", opens=14 * 60, closes=15 * 60))
    assert quiet(day) == "window"
    world.hours(MAIN, "14:00", "15:00")
    assert quiet(day) == "closed"
    day.stop()
    assert quiet(day) == "stopped"


def test_the_page_says_when_which_batch_is_called(leader: Visitor, world: World) -> None:
    assert "全部批次 09:00–17:00" in page(leader)
    with world.session() as session:
        session.add(OutboundWindow(batch="东一线", opens=10 * 60, closes=11 * 60 + 30))
    shown = page(leader)
    assert "东一线 10:00–11:30" in shown
    assert "其他批次 09:00–17:00" in shown


def test_the_page_says_so_where_there_is_no_line_to_ring_from(day: OutboundWorld, world: World) -> None:
    day.dialler.poll()
    with world.session() as session:
        session.execute(delete(HotlineRow).where(HotlineRow.number == MAIN))
    assert quiet(day) == "no_line"


def test_nobody_is_due_on_a_day_off(application: Flask, world: World) -> None:
    today = business_day(world.clock())
    world.day_off(today)
    with world.session() as session:
        assert campaign.candidates(session, today, world.clock()) == []


def test_the_part_that_keeps_itself_up_to_date_is_sent_at_once(leader: Visitor, day: OutboundWorld) -> None:
    day.clock.move_to(datetime(2026, 11, 23, 9, 5, tzinfo=SHANGHAI))
    with leader.client.get("/outbound/events") as answer:
        assert answer.mimetype == "text/event-stream"
        first = next(iter(answer.response))
    assert isinstance(first, bytes)
    assert first.startswith(b"event: outbound\ndata: ")


def test_who_was_called_in_vain_waits_with_the_time_of_the_next_try(
    leader: Visitor, one_retailer: OutboundWorld
) -> None:
    one_retailer.dialler.poll()
    one_retailer.call().post_status("busy")
    assert "09:10:00以后" in page(leader)


def test_a_suspended_retailer_is_not_due_and_never_left_to_ring(day: OutboundWorld, world: World) -> None:
    world.change_retailer(STATION, status="suspended")
    with day.world.session() as session:
        now = outbound_status(session, day.clock())
    assert (now.due, now.suspended, now.remaining) == (1, 1, 1)
    assert [one.retailer.customer_code for one in now.upcoming] == [SHOP]
