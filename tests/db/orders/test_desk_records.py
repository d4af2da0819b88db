"""The desk's records beside orders are kept on every database, and are never rewritten."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import DBAPIError

import storage
from orders.channels import follow_ups, web_orders
from orders.channels.follow_ups import FollowUpClaimed
from orders.channels.web_orders import WebOrder
from orders.demo.demo_staff import seed_demo_staff
from orders.outbound import missed_calls
from orders.outbound.missed_calls import MissedRefused
from orders.outbound.models import MissedCallNote
from orders.retailers.models import RetailerRow
from orders.staff import feedback, notices
from orders.staff.feedback import FeedbackRefused
from orders.staff.models import FeedbackStep, StaffRow
from orders.windows import business_day
from tests.support.desk_world import CARTON, CHINA, SHOP, MovingClock, World


@pytest.fixture
def desk(engine: Engine, clock: MovingClock) -> World:
    """The small order desk with its staff, on each of the databases."""
    world = World.build(storage.open_sessions(engine), clock)
    with world.session() as session:
        seed_demo_staff(session, clock())
    return world


def person(world: World, login: str) -> StaffRow:
    with world.session() as session:
        return session.scalars(select(StaffRow).where(StaffRow.login == login)).one()


def shop(world: World) -> RetailerRow:
    with world.session() as session:
        return session.scalars(select(RetailerRow).where(RetailerRow.customer_code == SHOP)).one()


def test_notices_are_in_force_on_their_days_and_until_they_are_taken_down(desk: World) -> None:
    today, now = business_day(desk.clock()), desk.clock()
    tomorrow = today + timedelta(days=1)
    with desk.session() as session:
        note = notices.post(session, "note", "停电", today, today, by="Zhao", now=now)
        notices.post(session, "promotion", "买一送一", tomorrow, tomorrow, by="Zhao", now=now)
        assert [one.text for one in notices.in_force(session, today)] == ["停电"]
        assert [one.text for one in notices.upcoming(session, today)] == ["买一送一"]
        notices.change(session, note.id, "note", "停电到十点", today, tomorrow, by="Zhao", now=now)
        assert [one.text for one in notices.in_force(session, today)] == ["停电到十点"]
        assert [one.text for one in notices.in_force(session, tomorrow)] == ["买一送一", "停电到十点"]
        with pytest.raises(ValueError, match="ends after it begins"):
            notices.post(session, "note", "停电", tomorrow, today, by="Zhao", now=now)


def test_a_missed_call_is_recorded_once_and_its_notes_stand(desk: World) -> None:
    today, now, row = business_day(desk.clock()), desk.clock(), shop(desk)
    with desk.session() as session:
        for reason, remedy, day in (("absent", "visit", today), ("phone_fault", "next_cycle", None)):
            missed_calls.record_missed_call(session, row, today, reason, remedy, day, note="", by="Li", now=now)
        [one] = missed_calls.unreached_retailers(session, today)
        assert (one.row.reason, one.row.remedy_day) == ("phone_fault", date(2026, 11, 30))
        assert [note.reason for note in one.notes] == ["absent", "phone_fault"]
        with pytest.raises(MissedRefused):
            missed_calls.record_missed_call(
                session, row, today, "absent", "visit", today - timedelta(days=1), note="", by="Li", now=now
            )


def test_a_request_waits_for_a_role_until_that_role_answers(desk: World) -> None:
    operator, leader = person(desk, "operator"), person(desk, "leader")
    now, whose = desk.clock(), shop(desk).id
    with desk.session() as session:
        row = feedback.record_request(session, whose, "delivery", "想上午送货", pass_to="leader", by=operator, now=now)
        with pytest.raises(FeedbackRefused, match="does not wait for"):
            feedback.answer(session, row.id, "好", by=operator, now=now)
        with pytest.raises(FeedbackRefused, match="not to the operator"):
            feedback.pass_up(session, row.id, "operator", "", by=leader, now=now)
        feedback.answer(session, row.id, "下周起", by=leader, now=now)
        [one] = feedback.requests(session, retailer_id=row.retailer_id)
        assert (one.row.state, one.answer, len(one.steps)) == ("answered", "下周起", 2)


def test_of_operators_reaching_for_one_failed_web_order_one_gets_it(desk: World) -> None:
    today, now = business_day(desk.clock()), desk.clock()
    desk.stock(CHINA, 0)
    with desk.desk() as open_desk:
        order = WebOrder(SHOP, {CHINA: CARTON}, now)
        web_orders.enter_order(open_desk, "web", "page", "1", order, now)
    operators, row = [person(desk, login) for login in ("operator", "operator2", "leader")], shop(desk)

    def reach(who: StaffRow) -> bool:
        try:
            with desk.session() as session:
                follow_ups.claim(session, today, row.id, who, now)
        except FollowUpClaimed:
            return False
        return True

    with ThreadPoolExecutor(len(operators)) as at_once:
        assert sorted(at_once.map(reach, operators)) == [False, False, True]
    with desk.session() as session:
        [one] = follow_ups.due_follow_ups(session, today)
        assert one.claimed_by is not None
        assert follow_ups.requested_packs(session, today, row.id, one.claimed_by.id) == {CHINA: CARTON}


def test_the_database_refuses_to_rewrite_what_was_recorded(desk: World) -> None:
    today, now = business_day(desk.clock()), desk.clock()
    row, operator = shop(desk), person(desk, "operator")
    with desk.session() as session:
        missed_calls.record_missed_call(session, row, today, "absent", "visit", today, note="", by="Li", now=now)
        feedback.record_request(session, row.id, "other", "发票", pass_to=None, by=operator, now=now)
    for table in (MissedCallNote, FeedbackStep):
        for statement in (delete(table), update(table).values(at=now)):
            with pytest.raises(DBAPIError, match="only appended"), desk.session() as session:
                session.execute(statement)
