"""Diaries and reports go up from their author: each signs them, or returns them with a reason (AY 4.4)."""

from __future__ import annotations

from datetime import date, timedelta
from types import SimpleNamespace

import pytest
from sqlalchemy import Engine, delete, select
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import storage
from ivr.figures import call_figures
from orders.reporting import signed_reports as department
from orders.reporting.models import DepartmentReport, ReportKind, ReportStep
from orders.reporting.period import Period
from orders.reporting.signed_reports import ReportRefused
from orders.retailers.models import RetailerRow
from orders.staff.accounts import create_staff
from orders.staff.feedback import record_request
from orders.staff.models import Role, StaffRow
from orders.windows import NATIONAL, Calendar
from tests.support.desk_world import CHINA, MAIN, SHOP, MovingClock, World

TODAY = date(2026, 11, 23)


class ReportingOffice:
    """The order department with its staff; each operation is a transaction of its own."""

    def __init__(self, world: World) -> None:
        self.world = world
        with world.session() as session:
            for role in ("operator", "leader", "clerk", "manager", "director"):
                self.engage(session, role, role)

    def engage(self, session: Session, login: str, role: Role) -> None:
        now = self.world.clock()
        create_staff(session, now, login=login, name=login.title(), role=role, password_hash="")

    def person(self, session: Session, login: str) -> StaffRow:
        return session.scalars(select(StaffRow).where(StaffRow.login == login)).one()

    def draft(self, login: str = "operator", kind: ReportKind = "diary", day: date = TODAY) -> int:
        with self.world.session() as session:
            author = self.person(session, login)
            now = self.world.clock()
            return department.draft(session, kind, day, author=author, now=now, calls=call_figures.figures).id

    def submit(self, report: int, login: str = "operator") -> None:
        with self.world.session() as session:
            department.submit(session, report, by=self.person(session, login), now=self.world.clock())

    def sign(self, report: int, login: str, comment: str = "") -> None:
        with self.world.session() as session:
            person = self.person(session, login)
            department.approve(session, report, by=person, now=self.world.clock(), comment=comment)

    def send_back(self, report: int, login: str, why: str) -> None:
        with self.world.session() as session:
            person = self.person(session, login)
            department.send_back(session, report, by=person, now=self.world.clock(), comment=why)

    def write(self, report: int, text: str, login: str = "operator") -> None:
        with self.world.session() as session:
            department.save_text(session, report, text, by=self.person(session, login))

    def state(self, report: int) -> tuple[str, str | None]:
        with self.world.session() as session:
            row = session.get_one(DepartmentReport, report)
            return row.state, row.waits_for

    def steps(self, report: int) -> list[tuple[str, str, str]]:
        with self.world.session() as session:
            return [
                (person.login, step.step, step.comment) for step, person in department.report_steps(session, report)
            ]

    def overdue(self, today: date) -> list[tuple[str, date, str, bool]]:
        with self.world.session() as session:
            return [
                (one.kind, one.period.first, one.author.login, one.report is not None)
                for one in department.overdue(session, today)
            ]


@pytest.fixture
def office(world: World) -> ReportingOffice:
    return ReportingOffice(world)


def order(world: World) -> None:
    with world.desk() as desk:
        shop = desk.retailer(SHOP)
        assert shop is not None
        desk.open_draft("a call", shop, desk.hotline(MAIN))
        desk.draft("a call").set_line(CHINA, 10)
        desk.draft("a call").confirm()


def test_an_operators_diary_is_the_leaders_to_sign_and_a_leaders_the_clerks(office: ReportingOffice) -> None:
    order(office.world)
    diary = office.draft()
    office.submit(diary)
    assert office.state(diary) == ("submitted", "leader")
    office.sign(diary, "leader", "好")
    assert office.state(diary) == ("approved", None)
    of_leader = office.draft("leader")
    office.submit(of_leader, "leader")
    assert office.state(of_leader) == ("submitted", "clerk")
    office.sign(of_leader, "clerk")
    assert office.state(of_leader) == ("approved", None)
    assert office.steps(diary) == [
        ("operator", "drafted", ""),
        ("operator", "submitted", ""),
        ("leader", "signed", "好"),
    ]
    with office.world.session() as session:
        assert "订单 1 份" in session.get_one(DepartmentReport, diary).text


def test_one_sent_back_is_mended_and_submitted_again(office: ReportingOffice) -> None:
    diary = office.draft()
    office.submit(diary)
    office.send_back(diary, "leader", "缺客户反映")
    assert office.state(diary) == ("sent_back", None)
    office.write(diary, "补充:客户反映两条。\r\n完")
    office.submit(diary)
    assert office.state(diary) == ("submitted", "leader")
    with office.world.session() as session:
        sent = [step.text for step, _ in department.report_steps(session, diary) if step.step == "submitted"]
    assert sent[0] != sent[1] == "补充:客户反映两条。\n完"


def test_nobody_signs_out_of_turn(office: ReportingOffice) -> None:
    diary = office.draft()
    with pytest.raises(ReportRefused, match="nothing to sign"):
        office.sign(diary, "leader")
    office.submit(diary)
    for login in ("operator", "clerk", "director", "manager"):
        with pytest.raises(ReportRefused, match="waits for the leader"):
            office.sign(diary, login)
    with pytest.raises(ReportRefused, match="Say why"):
        office.send_back(diary, "leader", " ")
    assert office.state(diary) == ("submitted", "leader")


def test_only_its_author_writes_it_and_only_while_it_is_there(office: ReportingOffice) -> None:
    diary = office.draft()
    with pytest.raises(ReportRefused, match="Only its author"):
        office.write(diary, "x", "leader")
    with pytest.raises(ReportRefused, match="has a text"):
        office.write(diary, "  ")
    office.submit(diary)
    for again in (lambda: office.write(diary, "x"), lambda: office.submit(diary)):
        with pytest.raises(ReportRefused, match="on its way"):
            again()


def test_weekly_and_monthly_reports_are_the_directors_to_sign(office: ReportingOffice) -> None:
    kinds: tuple[ReportKind, ...] = ("weekly", "monthly")
    for login in ("operator", "leader", "clerk"):
        for kind in kinds:
            report = office.draft(login, kind)
            office.submit(report, login)
            assert office.state(report) == ("submitted", "director")
            office.sign(report, "director")
            assert office.state(report) == ("approved", None)


def test_a_customer_managers_diary_is_signed_by_the_clerk_of_the_county(office: ReportingOffice) -> None:
    with office.world.session() as session:
        shop = session.scalars(select(RetailerRow).where(RetailerRow.customer_code == SHOP)).one()
        shop.county, shop.manager = "文峰", "刘经理"
        for login, role, county, manager in (
            ("liu", "customer_manager", "文峰", "刘经理"),
            ("he", "customer_manager", "北关", "何经理"),
            ("wenfeng", "county_clerk", "文峰", ""),
        ):
            create_staff(
                session,
                office.world.clock(),
                login=login,
                name=login.title(),
                role=role,  # type: ignore[arg-type]
                password_hash="",
                county=county,
                manager=manager,
            )
    order(office.world)
    own, others = office.draft("liu"), office.draft("he")
    for report, login in ((own, "liu"), (others, "he")):
        office.submit(report, login)
    assert office.state(own) == ("submitted", "county_clerk")
    assert office.state(others) == ("submitted", "clerk"), "北关 has no clerk of its own"
    with office.world.session() as session:
        clerk = office.person(session, "wenfeng")
        assert [row.id for row in department.find_reports(session, signer=clerk)] == [own]
        assert [row.id for row in department.find_reports(session, seen_by=clerk)] == [own]
        text = session.get_one(DepartmentReport, own).text
        assert "文峰 刘经理：1 户，订货 1 户，订单 1 份，1 条" in text
        assert "北关" not in text
        clerk.county = "北关"
    with pytest.raises(ReportRefused, match="no customer manager of Wenfeng's county"):
        office.sign(own, "wenfeng")
    county = office.draft("wenfeng", "weekly")
    office.submit(county, "wenfeng")
    assert office.state(county) == ("submitted", "director")


def test_a_draft_has_its_authors_own_requests(office: ReportingOffice) -> None:
    with office.world.session() as session:
        for login, text in (("operator", "想要中华"), ("leader", "早点送货")):
            shop = session.scalars(select(RetailerRow.id).where(RetailerRow.customer_code == SHOP)).one()
            record_request(
                session,
                shop,
                "supply",
                text,
                pass_to=None,
                by=office.person(session, login),
                now=office.world.clock(),
            )
    drafts = {login: office.draft(login) for login in ("operator", "leader", "clerk")}
    with office.world.session() as session:
        texts = {login: session.get_one(DepartmentReport, number).text for login, number in drafts.items()}
    assert "想要中华（当时办好）" in texts["operator"]
    assert "早点送货" not in texts["operator"]
    assert "早点送货（当时办好）" in texts["leader"]
    assert "本人没有登记客户要求" in texts["clerk"]


def test_who_signs_everything_writes_nothing(office: ReportingOffice) -> None:
    for login in ("director", "manager"):
        with pytest.raises(ReportRefused, match="written by operator, leader, clerk"):
            office.draft(login)


def test_a_level_nobody_holds_is_passed_over(office: ReportingOffice) -> None:
    with office.world.session() as session:
        for login in ("leader", "clerk"):
            office.person(session, login).active = False
    diary = office.draft()
    office.submit(diary)
    assert office.state(diary) == ("submitted", "director")


def test_one_report_of_a_period_is_enough_for_each_author(office: ReportingOffice) -> None:
    assert office.draft() == office.draft()
    assert office.draft("operator", "weekly", date(2026, 11, 24)) == office.draft("operator", "weekly", TODAY)
    assert office.draft("leader") != office.draft()


def test_drafted_again_a_diary_has_the_figures_of_now(office: ReportingOffice) -> None:
    diary = office.draft()
    order(office.world)
    with office.world.session() as session:
        assert "订单 0 份" in session.get_one(DepartmentReport, diary).text
        person = office.person(session, "operator")
        department.redraft(session, diary, by=person, now=office.world.clock(), calls=call_figures.figures)
        assert "订单 1 份" in session.get_one(DepartmentReport, diary).text


def test_a_report_is_due_on_the_next_working_day() -> None:
    friday = date(2026, 11, 27)
    assert department.due_on(Period(TODAY, TODAY), NATIONAL) == date(2026, 11, 24)
    assert department.due_on(Period(friday, friday), NATIONAL) == date(2026, 11, 30)
    assert department.due_on(Period.around(friday, "week"), NATIONAL) == date(2026, 11, 30)
    assert department.due_on(Period.around(friday, "week"), Calendar({date(2026, 11, 30): False})) == date(2026, 12, 1)
    # The eve of the National Day holiday: due on the first day after it (AY 4.4.5).
    assert department.due_on(Period(date(2026, 9, 30), date(2026, 9, 30)), NATIONAL) == date(2026, 10, 8)


def test_what_is_late_is_listed_by_name_whether_begun_or_not(office: ReportingOffice) -> None:
    order(office.world)
    assert office.overdue(date(2026, 11, 24)) == []
    none_yet = [("diary", TODAY, login, False) for login in ("leader", "operator")]
    assert office.overdue(date(2026, 11, 25)) == none_yet
    diary = office.draft()
    office.submit(diary)
    assert office.overdue(date(2026, 11, 25)) == [("diary", TODAY, "operator", True), none_yet[0]]
    office.sign(diary, "leader")
    assert office.overdue(date(2026, 11, 25)) == [none_yet[0]], "the leader's own is still to be written"
    with office.world.session() as session:
        office.engage(session, "new", "operator")
        office.person(session, "new").created_at += timedelta(days=1)
        office.person(session, "leader").active = False
    assert office.overdue(date(2026, 12, 2)) == [
        ("weekly", TODAY, "new", False),
        ("weekly", TODAY, "operator", False),
        ("monthly", date(2026, 11, 1), "new", False),
        ("monthly", date(2026, 11, 1), "operator", False),
    ]


def test_each_sees_what_waits_for_it(office: ReportingOffice) -> None:
    diary, weekly = office.draft(), office.draft("leader", "weekly")
    office.submit(diary)
    office.submit(weekly, "leader")
    with office.world.session() as session:
        found = SimpleNamespace(
            leader=department.find_reports(session, signer=office.person(session, "leader")),
            director=department.find_reports(session, signer=office.person(session, "director")),
            own=department.find_reports(session, author=office.person(session, "operator")),
        )
    assert [row.id for row in found.leader] == [row.id for row in found.own] == [diary]
    assert [row.id for row in found.director] == [weekly]


def test_the_database_refuses_to_rewrite_what_was_signed(engine: Engine, clock: MovingClock) -> None:
    office = ReportingOffice(World.build(storage.open_sessions(engine), clock))
    diary = office.draft()
    with pytest.raises(DBAPIError, match="only appended"), office.world.session() as session:
        session.execute(delete(ReportStep))
    assert len(office.steps(diary)) == 1
