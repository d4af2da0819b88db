"""Every change of supply, limits, rules, hotlines, hours, days and retailers is logged: user, time, reason, before and
after."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, delete, select, update
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session

import storage
from clock import SHANGHAI
from orders import audit_log, hotline_settings
from orders.audit_log import AuditEntry
from orders.channels import tokens
from orders.department_rules import UnknownRule, set_rule
from orders.hotline_settings import SettingRefused
from orders.models import SettingChange, Subject
from orders.retailers.importing import import_retailers
from orders.supply import limits
from orders.supply.allocate import SpecSupply, allocate_day
from orders.supply.models import Limit, LimitBatch, LimitChange
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, MAIN, SHOP, MovingClock, World

TODAY, TOMORROW = date(2026, 11, 23), date(2026, 11, 24)
EVENING = datetime(2026, 11, 23, 18, 0, tzinfo=SHANGHAI)


class SettingsOffice:
    """The order department on the evening before, changing settings."""

    def __init__(self, world: World) -> None:
        self.world = world
        world.clock.move_to(EVENING)

    def allocate(self, *supplies: SpecSupply, why: str = "plan") -> None:
        with self.world.session() as session:
            allocate_day(session, supplies, TOMORROW, self.world.clock(), by="Sun", why=why, source="supply.csv")

    def set_limit(self, path: Path, cartons: int, *, by: str, why: str) -> None:
        write(path, limits.COLUMNS, (CORNER, "中华(硬)", cartons))
        with self.world.session() as session:
            limits.stage(session, limits.read_limits(path, session, self.world.catalog, TOMORROW))
            limits.apply_limits(session, TOMORROW, self.world.clock(), by, why, path.name)

    def rule(self, name: str, value: int | None, *, by: str = "Zhou", why: str = "as agreed") -> None:
        with self.world.session() as session:
            set_rule(session, name, value, by=by, why=why, now=self.world.clock())

    def entries(self, subject: Subject | None = None) -> Sequence[AuditEntry]:
        with self.world.session() as session:
            return audit_log.entries(session, subject=subject)


@pytest.fixture
def office(world: World) -> SettingsOffice:
    return SettingsOffice(world)


def write(path: Path, *rows: tuple[object, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows(rows)
    return path


def values_of_limit(session: Session, retailer_id: int, barcode: str) -> list[tuple[int, LimitBatch | None]]:
    """Every value tomorrow's limit had, from the first to the present one, each with the batch that set it."""
    key = {"retailer_id": retailer_id, "cycle_start": TOMORROW, "barcode": barcode}
    replaced = session.scalars(select(LimitChange).filter_by(**key).order_by(LimitChange.batch_id)).all()
    present = session.scalars(select(Limit).filter_by(**key)).one()
    values = [(change.before_packs, change.before_batch_id) for change in replaced]
    return [
        (packs, None if batch is None else session.get_one(LimitBatch, batch))
        for packs, batch in [*values, (present.limit_packs, present.batch_id)]
        if packs is not None
    ]


def test_supply_keeps_what_it_was(office: SettingsOffice) -> None:
    china = office.world.catalog.specs[CHINA]
    office.allocate(SpecSupply(china, 12, "equal", None, ""))
    office.world.clock.move(minutes=5)
    office.allocate(SpecSupply(china, 15, "grade", 8, "key"), why="more came in")
    office.allocate(SpecSupply(china, 15, "grade", 8, "key"), why="by mistake, the same again")
    later, first = office.entries("supply")
    assert (first.before, first.after) == (
        None,
        {"packs": 120, "basis": "equal", "most_cartons": None, "introduce": ""},
    )
    assert later == AuditEntry(
        at=office.world.clock(),
        by="Sun",
        why="more came in",
        subject="supply",
        name=CHINA,
        business_day=TOMORROW,
        before=first.after,
        after={"packs": 150, "basis": "grade", "most_cartons": 8, "introduce": "key"},
    )


def test_every_value_of_a_limit_has_its_author(office: SettingsOffice, tmp_path: Path) -> None:
    world = office.world
    world.change_retailer(SHOP, order_weekday=TOMORROW.weekday())
    office.set_limit(tmp_path / "first.csv", 9, by="Sun", why="plan")
    office.set_limit(tmp_path / "second.csv", 9, by="Li", why="the same again")
    office.set_limit(tmp_path / "third.csv", 4, by="Zhou", why="less came in")
    corner = world.retailer(CORNER).id
    with world.session() as session:
        values = values_of_limit(session, corner, CHINA)
    assert [(packs, batch.by, batch.reason, batch.source) for packs, batch in values if batch is not None] == [
        (9 * CARTON, "Sun", "plan", "first.csv"),
        (4 * CARTON, "Zhou", "less came in", "third.csv"),
    ]
    assert len(values) == 2
    assert [(entry.name, entry.after, entry.batch) for entry in office.entries("limits")] == [
        ("third.csv", {"added": 0, "changed": 1, "unchanged": 0}, 3),
        ("second.csv", {"added": 0, "changed": 0, "unchanged": 1}, 2),
        ("first.csv", {"added": 1, "changed": 0, "unchanged": 0}, 1),
    ]


def test_a_limit_that_was_there_before_the_office_set_any_has_no_author(office: SettingsOffice, tmp_path: Path) -> None:
    office.world.clock.move_to(datetime(2026, 11, 24, 7, 0, tzinfo=SHANGHAI))
    office.world.supply(limit=20)
    office.set_limit(tmp_path / "limits.csv", 5, by="Sun", why="plan")
    corner = office.world.retailer(CORNER).id
    with office.world.session() as session:
        first, (packs, batch) = values_of_limit(session, corner, CHINA)
    assert first == (20 * CARTON, None)
    assert batch is not None
    assert (packs, batch.by) == (5 * CARTON, "Sun")


def test_a_rule_keeps_what_it_was(office: SettingsOffice) -> None:
    office.rule("order_max_packs", 500)
    office.rule("order_max_packs", 500, why="nothing new")
    office.rule("order_max_packs", 400, by="Sun", why="less came in")
    office.rule("order_max_packs", None)
    assert [(entry.by, entry.before, entry.after) for entry in office.entries("department_rule")] == [
        ("Zhou", {"value": 400}, None),
        ("Sun", {"value": 500}, {"value": 400}),
        ("Zhou", None, {"value": 500}),
    ]
    with pytest.raises(UnknownRule, match="Say why"):
        office.rule("order_max_packs", 1, why=" ")


def test_hotlines_hours_and_days_off_keep_what_they_were(office: SettingsOffice) -> None:
    who = {"by": "Zhao", "why": "winter", "now": office.world.clock()}
    with office.world.session() as session:
        hotline_settings.set_hotline(
            session, MAIN, name="演示", seat="1", kind="regular", opens=480, closes=1080, regions=["东区"], **who
        )
        hotline_settings.set_channel_hours(session, "web", -300, 720, **who)
        hotline_settings.set_channel_hours(session, "web", -300, 660, **who)
        hotline_settings.set_calendar_day(session, TOMORROW, False, **who)
        hotline_settings.set_calendar_day(session, TOMORROW, None, **who)
        token = tokens.new_token(session, "the app", "mobile", office.world.clock(), by="Zhao")
        tokens.revoke(session, "the app", office.world.clock(), by="Zhao")
    [hotline] = office.entries("hotline")
    assert hotline.before is not None
    assert hotline.after is not None
    assert (hotline.before["opens"], hotline.after["opens"], hotline.after["regions"]) == (0, 480, ["东区"])
    assert [(entry.before, entry.after) for entry in office.entries("channel_hours")] == [
        ({"opens": -300, "closes": 720}, {"opens": -300, "closes": 660}),
        (None, {"opens": -300, "closes": 720}),
    ]
    assert [(entry.name, entry.before, entry.after) for entry in office.entries("calendar_day")] == [
        ("2026-11-24", {"is_open": False}, None),
        ("2026-11-24", None, {"is_open": False}),
    ]
    assert [(entry.before, entry.after) for entry in office.entries("sender")] == [
        ({"channel": "mobile"}, None),
        (None, {"channel": "mobile"}),
    ]
    assert token not in str(office.entries("sender"))


def test_hours_that_make_no_sense_are_refused(office: SettingsOffice) -> None:
    who = {"by": "Zhao", "why": "winter", "now": office.world.clock()}
    with office.world.session() as session:
        for opens, closes in ((600, 600), (-1500, 0), (0, 1500)):
            with pytest.raises(SettingRefused, match="close after it opens"):
                hotline_settings.set_channel_hours(session, "web", opens, closes, **who)
        with pytest.raises(SettingRefused, match="Say why"):
            hotline_settings.set_calendar_day(session, TODAY, False, by="Zhao", why="", now=office.world.clock())
    assert office.entries() == []


def test_a_retailer_keeps_what_it_was_and_its_pin_is_not_in_it(office: SettingsOffice, tmp_path: Path) -> None:
    columns = ("customer_code", "name", "cycle", "order_day", "status", "pin", "phones")
    path = write(
        tmp_path / "retailers.csv",
        columns,
        (SHOP, "店12", "weekly", "2026-11-23", "suspended", "7294", "+8613900000001"),
        (CORNER, "店29", "weekly", "2026-11-24", "", "", ""),
    )
    done = import_retailers(office.world.sessions, path, by="Chen", why="licence", now=office.world.clock())
    assert (done.added, done.changed) == (0, 1)
    [entry] = office.entries("retailer")
    assert (entry.name, entry.by, entry.why) == (SHOP, "Chen", "licence")
    assert entry.before is not None
    assert entry.after is not None
    assert (entry.before["status"], entry.after["status"]) == ("active", "suspended")
    assert (entry.before["phones"], entry.after["phones"]) == (["+8613800000012"], ["+8613900000001"])
    assert "7294" not in str(entry)


def test_the_log_is_read_from_the_latest_entry_on(office: SettingsOffice) -> None:
    for value in range(1, 6):
        office.rule("order_min_packs", value)
        office.world.clock.move(minutes=1)
    office.allocate(SpecSupply(office.world.catalog.specs[CLASSIC], 3, "equal", None, ""))
    with office.world.session() as session:
        page = audit_log.entries(session, limit=3)
        whole = audit_log.entries(session)
        of_day = audit_log.entries(session, day=TOMORROW)
        of_rule = audit_log.entries(session, subject="department_rule", name="order_min_packs")
    assert {entry.subject for entry in page[:2]} == {"supply", "limits"}
    assert page == whole[:3]
    assert [entry.after for entry in whole[2:5]] == [{"value": 5}, {"value": 4}, {"value": 3}]
    assert {entry.subject for entry in of_day} == {"supply", "limits"}
    assert len(of_rule) == 5


def test_the_database_refuses_to_rewrite_it(engine: Engine, clock: MovingClock) -> None:
    office = SettingsOffice(World.build(storage.open_sessions(engine), clock))
    office.allocate(SpecSupply(office.world.catalog.specs[CLASSIC], 3, "equal", None, ""))
    for table in (SettingChange, LimitBatch):
        for statement in (update(table).values(by="somebody else"), delete(table)):
            with pytest.raises(DBAPIError, match="only appended"), office.world.session() as session:
                session.execute(statement)
    assert {entry.by for entry in office.entries()} == {"Sun"}
