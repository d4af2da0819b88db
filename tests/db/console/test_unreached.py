"""Missed calls: recorded with reason and remedy by any member of staff, every change kept; and the day by batches."""

from __future__ import annotations

import pytest

from orders.outbound.models import MissedCall
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import CLASSIC, MAIN, SHOP, STATION, SUPPLEMENTARY, World

TODAY, TOMORROW, NEXT_MONDAY = "2026-11-23", "2026-11-24", "2026-11-30"


@pytest.fixture
def operator(signed_in: SignedIn) -> Visitor:
    return signed_in("operator")


def record(visitor: Visitor, **form: str) -> tuple[int, str]:
    given = {"code": SHOP, "day": TODAY, "reason": "absent", "remedy": "visit", "remedy_day": TOMORROW} | form
    answer = visitor.post("/unreached", **given)
    return answer.status_code, answer.get_data(as_text=True)


def page(visitor: Visitor, path: str = "/unreached") -> str:
    return visitor.get(path).get_data(as_text=True)


def test_a_missed_call_is_recorded_with_reason_and_remedy_and_stands_on_todays_list(operator: Visitor) -> None:
    status, _ = record(operator, note="门关着")
    assert status == 204
    text = page(operator)
    assert "客户经理上门" in text
    assert "李晓燕</span> 没人接 → 客户经理上门 2026-11-24：门关着" in text
    assert "未接通" in page(operator, "/today?state=unreached")
    assert SHOP in page(operator, "/today?state=unreached")


def test_who_is_to_ring_the_supplementary_hotline_may_then_order_there(operator: Visitor, world: World) -> None:
    record(operator, code=STATION, remedy="supplementary", remedy_day=TODAY)
    with world.desk() as desk:
        station = desk.retailer(STATION)
        assert station is not None
        assert desk.eligibility(station, desk.hotline(SUPPLEMENTARY)).may_order


def test_a_change_keeps_what_was_recorded_before(operator: Visitor, world: World) -> None:
    record(operator)
    assert 'value="2026-11-24"' in page(operator, f"/unreached?code={SHOP}")
    operator.post("/logout")
    operator.sign_in("leader")
    record(operator, reason="phone_fault", remedy="next_cycle", remedy_day="")
    text = page(operator)
    assert "李晓燕</span> 没人接 → 客户经理上门" in text
    assert f"赵红霞</span> 电话故障 → 下个周期 {NEXT_MONDAY}" in text
    with world.session() as session:
        row = session.query(MissedCall).one()
        assert (row.reason, row.remedy, str(row.remedy_day)) == ("phone_fault", "next_cycle", NEXT_MONDAY)


def test_who_has_ordered_was_not_missed_and_an_order_afterwards_is_shown(operator: Visitor, world: World) -> None:
    record(operator)
    with world.desk() as desk:
        shop = desk.retailer(SHOP)
        assert shop is not None
        desk.open_draft("CA1", shop, desk.hotline(MAIN))
        desk.draft("CA1").set_line(CLASSIC, 10)
        desk.draft("CA1").confirm()
    assert '<a href="/orders/1"><span class="tag good">已订货</span></a>' in page(operator)
    status, text = record(operator)
    assert status == 422
    assert "这一户后来订过货了" in text


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"code": "999"}, "没有这个客户代码"),
        ({"reason": ""}, "请选一个原因"),
        ({"remedy": "prayer"}, "请选补救方式"),
        ({"remedy_day": ""}, "请选一个日期"),
        ({"remedy_day": "2026-11-22"}, "请选当天或者以后的日期"),
        ({"day": TOMORROW}, "这一天还没有到"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_recorded(
    operator: Visitor, world: World, wrong: dict[str, str], said: str
) -> None:
    status, text = record(operator, note="门关着", **wrong)
    assert status == 422
    assert said in text
    assert 'aria-invalid="true"' in text
    assert 'value="门关着"' in text
    with world.session() as session:
        assert session.query(MissedCall).count() == 0


def test_a_manager_reads_the_list_and_records_nothing(visitor: Visitor) -> None:
    visitor.sign_in("manager")
    assert "登记未接通" not in page(visitor)
    assert record(visitor)[0] == 403


def test_the_day_is_seen_by_batches(operator: Visitor, world: World) -> None:
    world.change_retailer(SHOP, route="东一线")
    world.change_retailer(STATION, route="西二线")
    text = page(operator, "/today")
    assert '<a href="/today?batch=%E4%B8%9C%E4%B8%80%E7%BA%BF">东一线</a>' in text
    east = operator.get("/today?batch=东一线", HX_Request="true").get_data(as_text=True)
    assert SHOP in east
    assert STATION not in east
