"""Settings by managers: rules, hotlines, retailers, figures; each with a reason, each in the audit log with its old
value."""

from __future__ import annotations

import csv
import io
from datetime import date
from typing import get_args

import pytest
from openpyxl import load_workbook
from sqlalchemy import select
from werkzeug.test import TestResponse

from orders.department_rules import RULES, draft_rules
from orders.hotline_settings import calendar
from orders.lockout import SignInRules, check_pin, matches_hash
from orders.models import DepartmentRule, HotlineRow, SettingChange, Subject
from orders.retailers.access import waits_until
from orders.retailers.models import RetailerRow
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CLASSIC, CORNER, MAIN, PIN, SHOP, MovingClock, World

TOMORROW = "2026-11-24"
LINE = {
    "name": "安阳烟草",
    "seat": "2",
    "kind": "regular",
    "opens": "08:00",
    "closes": "24:00",
    "regions": "",
    "why": "试",
}


@pytest.fixture
def manager(signed_in: SignedIn) -> Visitor:
    return signed_in("manager")


def changes(world: World) -> list[tuple[str, str, str, object, object]]:
    with world.session() as session:
        rows = session.scalars(select(SettingChange).where(SettingChange.by == "孙建国").order_by(SettingChange.id))
        return [(row.subject, row.name, row.reason, row.before, row.after) for row in rows]


def rules(world: World) -> dict[str, int]:
    with world.session() as session:
        return {row.name: row.value for row in session.scalars(select(DepartmentRule))}


# --- rules


def test_a_rule_is_set_with_a_reason_and_goes_back_when_it_is_left_empty(manager: Visitor, world: World) -> None:
    saved = manager.post("/rules", hold_minutes="20", band_max_cartons_3="5", why="年底").get_data(as_text=True)
    assert "已改2条规则" in saved
    assert (rules(world)["hold_minutes"], rules(world)["band_max_cartons_3"]) == (20, 5)
    with world.session() as session:
        assert draft_rules(session).band_max_cartons[3] == 5
    assert ("department_rule", "hold_minutes", "年底", None, {"value": 20}) in changes(world)
    manager.post("/rules", hold_minutes="", band_max_cartons_3="5", why="年底过了")
    assert "hold_minutes" not in rules(world)
    assert ("department_rule", "hold_minutes", "年底过了", {"value": 20}, None) in changes(world)


def test_a_rule_that_makes_no_sense_is_refused_beside_its_field(manager: Visitor, world: World) -> None:
    before = rules(world)
    for form, field in (
        ({"hold_minutes": "0"}, "hold_minutes"),
        ({"hold_minutes": "十"}, "hold_minutes"),
        ({"recording_days": "-1"}, "recording_days"),
        ({"order_min_packs": "20", "order_max_packs": "10"}, "order_max_packs"),
        ({"hold_minutes": "20", "why": ""}, "why"),
    ):
        answer = manager.post("/rules", **{"why": "试", **form})
        assert answer.status_code == 422, form
        page = answer.get_data(as_text=True)
        assert f'id="{field}-wrong"' in page, form
        assert f'aria-describedby="{field}-wrong"' in page, form
    assert rules(world) == before


def test_every_rule_has_a_field_and_its_name_in_words(manager: Visitor) -> None:
    page = manager.get("/rules").get_data(as_text=True)
    for name in RULES:
        if not name.startswith("band_max"):
            assert f'name="{name}"' in page, name
            assert f">{name}</label>" not in page, name


# --- hotlines


def test_a_hotline_is_changed_and_what_it_was_is_kept(manager: Visitor, world: World) -> None:
    page = manager.get(f"/hotlines/{MAIN}").get_data(as_text=True)
    assert 'name="closes"' in page
    answer = manager.post(f"/hotlines/{MAIN}", **{**LINE, "regions": "东区、西区", "closes": "16:30"})
    assert answer.headers["HX-Redirect"] == "/hotlines"
    with world.session() as session:
        row = session.scalars(select(HotlineRow).where(HotlineRow.number == MAIN)).one()
        assert (row.name, row.closes, row.regions) == ("安阳烟草", 16 * 60 + 30, [["1", "东区"], ["2", "西区"]])
    [(subject, name, why, before, after)] = changes(world)
    assert (subject, name, why) == ("hotline", MAIN, "试")
    assert before != after
    listed = manager.get("/hotlines").get_data(as_text=True)
    assert "16:30" in listed
    assert "东区" in listed


def test_a_new_number_is_added_once(manager: Visitor, world: World) -> None:
    form = {**LINE, "number": "+86 372 5551111", "kind": "supplementary"}
    assert manager.post("/hotlines/new", **form).status_code == 204
    with world.session() as session:
        row = session.scalars(select(HotlineRow).where(HotlineRow.number == "+863725551111")).one()
        assert (row.admits, row.closes) == ("missed", 24 * 60)
    again = manager.post("/hotlines/new", **form)
    assert again.status_code == 422
    assert "已经有这个号码" in again.get_data(as_text=True)


def test_what_is_wrong_with_a_hotline_is_said_beside_its_field(manager: Visitor, world: World) -> None:
    for form, field in (
        ({"number": "5550000"}, "number"),
        ({"name": ""}, "name"),
        ({"seat": "一个很长很长很长的席位"}, "seat"),
        ({"opens": "八点"}, "opens"),
        ({"opens": "17:00", "closes": "08:00"}, "closes"),
        ({"regions": "、".join(f"第{n}区" for n in range(10))}, "regions"),
        ({"regions": "东区，东区"}, "regions"),
        ({"why": " "}, "why"),
    ):
        answer = manager.post("/hotlines/new", **{**LINE, "number": "+863725551111", **form})
        assert answer.status_code == 422, form
        assert f'id="{field}-wrong"' in answer.get_data(as_text=True), form
    assert changes(world) == []


def test_a_hotline_there_is_not_is_not_changed(manager: Visitor) -> None:
    assert manager.get("/hotlines/+861").status_code == 404
    assert manager.post("/hotlines/+861", **LINE).status_code == 404


# --- hours and days off


def test_a_channels_hours_are_set_from_the_evening_before(manager: Visitor, world: World) -> None:
    page = manager.post(
        "/hours/channel/mobile", opens="18:30", closes="11:00", evening_before="on", why="按规定"
    ).get_data(as_text=True)
    assert "前一天18:30–11:00" in page
    [(subject, name, why, _before, after)] = changes(world)
    assert (subject, name, why, after) == ("channel_hours", "mobile", "按规定", {"opens": -330, "closes": 660})


def test_a_day_off_is_set_and_taken_back(manager: Visitor, world: World) -> None:
    assert "盘点" in manager.post("/hours/day", day=TOMORROW, why="盘点", **{"as": "closed"}).get_data(as_text=True)
    with world.session() as session:
        assert not calendar(session).is_open(date.fromisoformat(TOMORROW))
    manager.post("/hours/day", day=TOMORROW, why="不盘了", **{"as": "own"})
    with world.session() as session:
        assert calendar(session).is_open(date.fromisoformat(TOMORROW))
    assert [change[2] for change in changes(world)] == ["盘点", "不盘了"]


def test_hours_and_days_that_make_no_sense_are_refused_beside_the_field(manager: Visitor, world: World) -> None:
    for address, form, field in (
        ("/hours/channel/web", {"opens": "八点", "closes": "12:00", "why": "试"}, "web-opens"),
        ("/hours/channel/web", {"opens": "13:00", "closes": "12:00", "why": "试"}, "web-closes"),
        ("/hours/channel/web", {"opens": "08:00", "closes": "12:00"}, "web-why"),
        ("/hours/day", {"day": "", "why": "试"}, "off-day"),
        ("/hours/day", {"day": "2026-11-20", "why": "试"}, "off-day"),
        ("/hours/day", {"day": TOMORROW}, "day-why"),
    ):
        answer = manager.post(address, **form)
        assert answer.status_code == 422, form
        assert f'id="{field}-wrong"' in answer.get_data(as_text=True), form
    assert changes(world) == []


def test_everything_that_is_recorded_has_its_name_in_words(manager: Visitor) -> None:
    page = manager.get("/audit-log").get_data(as_text=True)
    for subject in get_args(Subject):
        assert f'value="{subject}">{subject}<' not in page, subject


# --- retailers


def guessed(world: World, clock: MovingClock) -> None:
    with world.session() as session:
        for _ in range(SignInRules().account.free):
            check_pin(session, SignInRules(), SHOP, "0000", "+8613911110000", clock(), matches_hash)


def may_sign_in(world: World, clock: MovingClock, pin: str) -> bool:
    with world.session() as session:
        return check_pin(session, SignInRules(), SHOP, pin, "+8613911112222", clock(), matches_hash)[0] is not None


def test_a_wait_is_ended_and_that_is_on_record(manager: Visitor, world: World, clock: MovingClock) -> None:
    guessed(world, clock)
    assert "09:01以前要等" in manager.get(f"/retailers/{SHOP}").get_data(as_text=True)
    assert "可以马上再试" in manager.post(f"/retailers/{SHOP}/unlock", why="本人到店").get_data(as_text=True)
    assert may_sign_in(world, clock, PIN)
    assert changes(world) == [("retailer", SHOP, "本人到店", {"locked": True}, {"locked": False})]
    assert "本来就不用等" in manager.post(f"/retailers/{SHOP}/unlock", why="再来").get_data(as_text=True)


def test_a_new_pin_is_shown_once_works_and_is_on_record_without_itself(
    manager: Visitor, world: World, clock: MovingClock
) -> None:
    guessed(world, clock)
    page = manager.post(f"/retailers/{SHOP}/pin", why="忘了").get_data(as_text=True)
    pin = page.split('<b class="pin">')[1][:4]
    assert pin.isdigit()
    assert may_sign_in(world, clock, pin)
    assert pin == PIN or not may_sign_in(world, clock, PIN)
    with world.session() as session:
        assert waits_until(session, SHOP, clock()) is None
    assert changes(world) == [("retailer", SHOP, "忘了", {"pin": "old"}, {"pin": "set"})]
    assert (
        pin
        not in manager.get(f"/retailers/{SHOP}").get_data(as_text=True).split("<main")[1].split("电话里的密码")[1][:300]
    )


def test_neither_is_done_without_a_reason_or_by_who_may_not(
    signed_in: SignedIn, world: World, clock: MovingClock
) -> None:
    for login, status in (("clerk", 422), ("operator", 403), ("leader", 403)):
        visitor = signed_in(login)
        for what in ("pin", "unlock"):
            assert visitor.post(f"/retailers/{SHOP}/{what}", why="").status_code == status, (login, what)
    assert may_sign_in(world, clock, PIN)


def test_a_retailers_page_shows_its_limits_of_this_cycle(manager: Visitor, world: World) -> None:
    world.limit(CLASSIC, 7, SHOP)
    page = manager.get(f"/retailers/{SHOP}").get_data(as_text=True)
    limits = page.split('id="limits-title"')[1].split("</section>")[0]
    assert "红塔山(硬经典)" in limits
    assert '<td class="number">7</td>' in limits


def upload(visitor: Visitor, contents: str, **form: object) -> TestResponse:
    return visitor.client.post(
        "/retailers/import",
        data={"file": (io.BytesIO(contents.encode()), "客户.csv"), **form},
        headers={"HX-Request": "true", "X-CSRFToken": visitor.token()},
    )


def test_retailers_go_out_and_come_in_with_a_preview(manager: Visitor, world: World) -> None:
    text = manager.get("/retailers/export").get_data(as_text=True).removeprefix("\ufeff")
    rows = list(csv.DictReader(io.StringIO(text)))
    assert "新增0户，改变0户" in upload(manager, text).get_data(as_text=True)
    changed = text.replace("店29", "桥头新店")
    preview = upload(manager, changed).get_data(as_text=True)
    assert "改变1户" in preview
    assert "桥头新店" in preview
    with world.session() as session:
        assert session.scalars(select(RetailerRow.name).where(RetailerRow.customer_code == CORNER)).one() == "店29"
    assert upload(manager, changed, apply="1").status_code == 422
    assert "已导入" in upload(manager, changed, apply="1", why="改名").get_data(as_text=True)
    assert ("retailer", CORNER, "改名") in [change[:3] for change in changes(world)]
    assert "桥头新店" in manager.get(f"/retailers/{CORNER}").get_data(as_text=True)
    book = load_workbook(io.BytesIO(manager.get("/retailers/export?kind=xlsx").data))
    assert book.worksheets[0].max_row == len(rows) + 1


def test_pins_of_a_file_are_set_when_it_is_taken_in_and_not_when_it_is_looked_at(
    manager: Visitor, world: World, clock: MovingClock
) -> None:
    file = f"customer_code,name,cycle,order_day,pin\n{SHOP},店12,weekly,2026-11-23,9714\n"
    assert "换了新的" in upload(manager, file).get_data(as_text=True)
    assert may_sign_in(world, clock, PIN)
    upload(manager, file, apply="1", why="新密码")
    assert may_sign_in(world, clock, "9714")
    assert not may_sign_in(world, clock, PIN)


def test_a_wrong_row_of_retailers_is_named_and_nothing_changes(manager: Visitor, world: World) -> None:
    answer = upload(manager, "customer_code,name,cycle,order_day\n123,店,weekly,2026-11-23\n", apply="1", why="试")
    assert answer.status_code == 422
    assert "<td>2</td><td>customer_code</td>" in answer.get_data(as_text=True)
    assert changes(world) == []


# --- supply, and the audit log of everything


def figures(visitor: Visitor, contents: str, kind: str, **form: object) -> str:
    return visitor.client.post(
        "/supply/import",
        data={"kind": kind, "day": "2026-11-24", "file": (io.BytesIO(contents.encode()), "f.csv"), **form},
        headers={"HX-Request": "true", "X-CSRFToken": visitor.token()},
    ).get_data(as_text=True)


def test_a_preview_of_supply_shows_each_figure_before_and_after_and_the_history_who_set_it(
    manager: Visitor, world: World
) -> None:
    file = "name,cartons,basis\n红塔山(硬经典),40,equal\n"
    assert '<td class="number">40</td>' in figures(manager, file, "supply")
    assert changes(world) == []
    figures(manager, file, "supply", apply="1", why="到货")
    figures(manager, file.replace("40", "60"), "supply", apply="1", why="又到货")
    page = manager.get("/supply?day=2026-11-24").get_data(as_text=True)
    assert page.index("又到货") < page.rindex("到货")
    history = manager.get("/audit-log?subject=supply").get_data(as_text=True)
    assert "红塔山(硬经典)" in history
    assert history.index("400") < history.index("600") or "600" in history
    exported = manager.get("/supply/export?what=supply&day=2026-11-24").get_data(as_text=True)
    assert "红塔山(硬经典),60,equal,," in exported
    assert CORNER in manager.get("/supply/export?what=limits&day=2026-11-24").get_data(as_text=True)


def test_the_history_is_found_by_kind_and_day_and_given_as_a_file(manager: Visitor, world: World) -> None:
    manager.post("/rules", hold_minutes="20", why="年底")
    manager.post("/hotlines/new", **LINE, number="+863725551111")
    whole = manager.get("/audit-log").get_data(as_text=True)
    assert "年底" in whole
    assert "+863725551111" in whole
    only = manager.get("/audit-log?subject=hotline").get_data(as_text=True)
    assert "年底" not in only
    text = manager.get("/audit-log/export?subject=department_rule").get_data(as_text=True)
    assert "孙建国,年底,department_rule,hold_minutes,,,value=20" in text


@pytest.mark.parametrize("login", ["operator", "clerk"])
def test_who_may_not_set_rules_sees_them_and_sets_none(visitor: Visitor, world: World, login: str) -> None:
    visitor.sign_in(login)
    assert "disabled" in visitor.get("/rules").get_data(as_text=True)
    before = rules(world)
    for address in ("/rules", "/hotlines/new", f"/hotlines/{MAIN}", "/hours/day", "/hours/channel/web"):
        assert visitor.post(address, **LINE, hold_minutes="99", number="+863725551111").status_code == 403, address
    for address in ("/hotlines/new", f"/hotlines/{MAIN}"):
        assert visitor.get(address).status_code == 403, address
    assert rules(world) == before
