"""The page of the reports: the same retailers due as everywhere, calls, operators, charts to read and to click."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from fractions import Fraction

import pytest

from clock import SHANGHAI
from console.day.day_list import DayList
from console.day.outbound_pages import outbound_status
from ivr.figures import call_figures
from ivr.figures.operator_figures import operator_figures
from ivr.models import Call
from ivr.operators import ring_attempts, tickets
from ivr.operators.models import RingAttempt, Ticket
from orders.book.due import due_count
from orders.reporting.calls import CallFigures
from orders.reporting.figures import read_figures
from orders.reporting.period import Period
from orders.staff.accounts import create_staff
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CARTON, CHINA, CLASSIC, MAIN, SHOP, STATION, MovingClock, World

TODAY = date(2026, 11, 23)
DAY = Period(TODAY, TODAY)
NINE = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)


@pytest.fixture
def manager(signed_in: SignedIn) -> Visitor:
    return signed_in("manager")


def seconds(count: float) -> timedelta:
    return timedelta(seconds=count)


def orders(world: World, code: str, cartons: dict[str, int], *, saves: bool = True) -> None:
    with world.desk() as desk:
        desk.open_draft(code, world.retailer(code), desk.hotline(MAIN))
        for barcode, wanted in cartons.items():
            desk.draft(code).set_line(barcode, wanted * CARTON)
        if saves:
            desk.draft(code).confirm()


@pytest.mark.parametrize("suspended", [SHOP, STATION])
def test_all_pages_count_the_same_retailers_as_due(world: World, suspended: str) -> None:
    """One has ordered before it was suspended, or has not: it is no part of those due in either case."""
    orders(world, SHOP, {CHINA: 1})
    orders(world, STATION, {CHINA: 1}, saves=False)
    world.change_retailer(suspended, status="suspended")
    with world.session() as session:
        counts = due_count(session, TODAY)
        listed = DayList(session, world.clock()).counts()
        outbound = outbound_status(session, world.clock())
        [report] = read_figures(session, DAY, TODAY).days
    has_ordered = suspended != SHOP
    assert (counts.due, counts.ordered, counts.suspended, counts.waiting) == (1, has_ordered, 1, not has_ordered)
    assert (report.due, report.due_ordered, report.suspended) == (1, has_ordered, 1)
    assert (outbound.due, outbound.ordered, outbound.suspended) == (1, has_ordered, 1)
    assert (listed.due, listed.ordered) == (1, has_ordered)


def text_of(visitor: Visitor, path: str) -> str:
    answer = visitor.get(path)
    assert answer.status_code == 200
    return str(answer.get_data(as_text=True))


# --- calls


class Switchboard:
    """Callers who wait for an operator, by the clock of the day."""

    def __init__(self, world: World) -> None:
        self.world = world
        with world.session() as session:
            person = create_staff(session, NINE, login="chen", name="Chen", role="operator", password_hash="", seat="1")
            session.flush()
            self.chen = person.id

    def waits(self, key: str, *, at: datetime = NINE) -> int:
        """A caller rings and asks for an operator; returns the number of the ticket."""
        with self.world.session() as session:
            session.add(Call(call_key=key, caller="+86", called=MAIN, started_at=at, turn_number=0, state={}, reply={}))
            session.flush()
            return tickets.open_ticket(session, key, "asked", at).id

    def answers(self, ticket: int, *, at: datetime) -> int:
        """Chen's telephone rings for the caller and is answered at this time."""
        with self.world.session() as session:
            found = session.get_one(Ticket, ticket)
            attempt = ring_attempts.open_attempt(session, found, self.chen, f"chen {ticket}", found.opened_at)
            assert attempt is not None
            assert ring_attempts.accept(session, attempt, at)
            return attempt.id

    def hangs_up(self, key: str, *, at: datetime) -> None:
        with self.world.session() as session:
            session.get_one(Call, key).ended_at = at
            tickets.close_for_hang_up(session, key, at)

    def finishes(self, ticket: int, *, at: datetime) -> None:
        with self.world.session() as session:
            assert tickets.close(session, ticket, "finished", at)

    def figures(self) -> CallFigures:
        with self.world.session() as session:
            return call_figures.figures(session, DAY, self.world.clock())


@pytest.fixture
def switchboard(world: World) -> Switchboard:
    return Switchboard(world)


def test_four_of_five_callers_answered_within_20_seconds_are_80_percent(switchboard: Switchboard) -> None:
    for number, waited in enumerate((3, 10, 19, 20, 75)):
        ticket = switchboard.waits(f"answered {number}")
        switchboard.answers(ticket, at=NINE + seconds(waited))
    switchboard.waits("misdialled")
    switchboard.hangs_up("misdialled", at=NINE + seconds(4))
    switchboard.waits("still waiting")
    service = switchboard.figures().service
    assert (service.answered, service.in_time, service.abandoned, service.at_once) == (5, 4, 1, 1)
    assert (service.level, service.abandonment) == (Fraction(4, 5), 0)
    assert (service.mean_wait, service.longest_wait) == (seconds(25.4), seconds(75))


def test_who_gives_up_after_a_minute_was_not_served(switchboard: Switchboard) -> None:
    switchboard.answers(switchboard.waits("answered"), at=NINE + seconds(5))
    switchboard.waits("gave up")
    switchboard.hangs_up("gave up", at=NINE + seconds(60))
    service = switchboard.figures().service
    assert (service.level, service.abandonment, service.mean_abandoned) == (0.5, 0.5, seconds(60))


def test_a_caller_who_was_put_back_was_answered_when_an_operator_first_talked_to_them(
    switchboard: Switchboard, world: World
) -> None:
    ticket = switchboard.waits("put back")
    attempt = switchboard.answers(ticket, at=NINE + seconds(12))
    with world.session() as session:
        ring_attempts.end(session.get_one(RingAttempt, attempt), "over", NINE + seconds(100))
        tickets.put_back(session, ticket)
    switchboard.answers(ticket, at=NINE + seconds(400))
    assert (switchboard.figures().service.in_time, switchboard.figures().service.answered) == (1, 1)


def test_a_conversation_ends_when_the_caller_has_gone(switchboard: Switchboard) -> None:
    """The operator's own call is never reported as over, and the sheet is left open until the evening."""
    ticket = switchboard.waits("CA1")
    switchboard.answers(ticket, at=NINE + seconds(10))
    switchboard.hangs_up("CA1", at=NINE + seconds(130))
    [chen] = switchboard.figures().operators
    assert (chen.taken, chen.talk_time, chen.mean_talk, chen.mean_wrap_up) == (1, seconds(120), seconds(120), None)
    switchboard.finishes(ticket, at=NINE + timedelta(hours=9))
    [chen] = switchboard.figures().operators
    assert (chen.talk_time, chen.finished) == (seconds(120), 1)


def test_a_call_that_goes_on_has_no_outcome_yet(switchboard: Switchboard, clock: MovingClock) -> None:
    switchboard.answers(switchboard.waits("CA1"), at=NINE + seconds(10))
    calls = switchboard.figures()
    assert (sum(calls.outcomes.values()), calls.under_way) == (0, 1)
    # Nothing was heard of its end: two hours later it is over.
    clock.move(hours=3)
    calls = switchboard.figures()
    assert (calls.outcomes["operator"], calls.under_way) == (1, 0)


def test_an_operators_orders_are_those_saved_in_calls_and_at_the_desk(switchboard: Switchboard, world: World) -> None:
    switchboard.answers(switchboard.waits(SHOP), at=NINE + seconds(10))
    orders(world, SHOP, {CHINA: 2})
    orders(world, STATION, {CHINA: 3}, saves=False)
    with world.session() as session:
        [chen] = operator_figures(session, DAY)
    assert (chen.orders, chen.packs) == (1, 2 * CARTON)


# --- the page


def test_the_page_shows_service_outcomes_and_operators(
    manager: Visitor, switchboard: Switchboard, clock: MovingClock
) -> None:
    switchboard.answers(switchboard.waits("CA1"), at=NINE + seconds(10))
    switchboard.hangs_up("CA1", at=NINE + seconds(70))
    page = text_of(manager, "/reports")
    assert '服务水平<b class="reached">100.0%</b>' in page
    assert "目标：20秒内接通80.0%" in page
    assert "转订货员未订货" in page
    assert "<td>Chen</td>" in page
    assert "这段时间还没有结束" in page
    assert "Chen,1,0,0,0,0,0,0,60,60," in text_of(manager, "/reports/operators.csv")
    assert "来电,转订货员未订货,1" in text_of(manager, "/reports/calls.csv")
    assert "服务水平%,100.0" in text_of(manager, "/reports/service.csv")


def test_a_click_on_a_bar_shows_that_spec_or_that_day_only(manager: Visitor, world: World) -> None:
    world.limit(CHINA, 6)
    orders(world, SHOP, {CHINA: 8, CLASSIC: 2})
    page = text_of(manager, "/reports?span=month")
    address = f"/reports?span=month&amp;day=2026-11-23&amp;spec={CHINA}"
    assert f'href="{address}"' in page
    assert "需求8条，满足6条，未满足2条，订足率75.0%" in page
    assert 'class="bar-part" x="0%" width="60.0%"' in page or 'class="bar-part" x="0%" width="75.0%"' in page
    assert "应订2户，已订1户，成功率50.0%" in page
    assert 'href="/reports?span=day&amp;day=2026-11-23"' in page
    of_china = text_of(manager, address.replace("&amp;", "&"))
    assert "只看中华(硬)" in of_china
    assert "红塔山(硬经典)</td>" not in of_china
    assert "2026-11-23,8.00,6.00,2.00,75.0" in text_of(manager, f"/reports/days.csv?span=month&spec={CHINA}")
    # The day before, nobody asked for it.
    assert "只看中华(硬)" in text_of(manager, f"/reports?day=2026-11-20&spec={CHINA}")


def test_the_page_names_what_is_not_counted_yet(manager: Visitor, world: World) -> None:
    orders(world, SHOP, {CHINA: 2})
    orders(world, STATION, {CHINA: 500}, saves=False)
    page = text_of(manager, "/reports?span=month")
    assert "订足率<b>100.0%</b>" in page
    assert "未保存（不计入）<b>1份 20条</b>" in page
    assert "这段时间还没有到。" in text_of(manager, "/reports?span=month&day=2026-12-24")


def test_the_list_of_orders_shows_the_cartons_of_drafts(manager: Visitor, world: World) -> None:
    orders(world, STATION, {CHINA: 4}, saves=False)
    assert '<td class="number">4</td><td class="number">1,526.40</td>' in text_of(manager, "/orders")
