"""The operator's desk: a call is taken once, and an order there follows the rules of the line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from urllib.parse import quote

import pytest
from flask import Flask

from ivr.line import LineServices
from ivr.services import services
from ivr.turns.calls import Calls, TurnRequest
from orders import audit_log
from orders.book.models import OrderHistory, OrderRow
from speech.utterance import Utterance
from tests.support.console_client import SignedIn, Visitor, shown_version
from tests.support.desk_world import CHINA, CLASSIC, CORNER, CRANE, MAIN, SHOP, World

CALLER = "+8613800000012"
YES, OPERATOR = Utterance(command="yes", text="是的"), Utterance(command="operator", text="人工")


@pytest.fixture
def line(application: Flask) -> LineServices:
    return services(application).line


@pytest.fixture
def redirected(line: LineServices, monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int | str]]:
    """The redirects requested from the carrier, which is replaced in these tests: to a turn, or to the queue."""
    sent: list[tuple[str, int | str]] = []
    monkeypatch.setattr(line.carrier, "redirect_to_turn", lambda call_key, turn: sent.append((call_key, turn)))
    monkeypatch.setattr(line.carrier, "redirect_to_queue", lambda call_key: sent.append((call_key, "queue")))
    return sent


@pytest.fixture
def operator(signed_in: SignedIn, redirected: list[tuple[str, int | str]]) -> Visitor:
    return signed_in("operator")


def stuck_caller(calls: Calls, call_key: str = "CA1", *, signed_in: bool = True) -> None:
    """Begin a call that asks for an operator, after identification if `signed_in`."""
    n = calls.begin(call_key, CALLER, MAIN).turn_number
    if signed_in:
        calls.take_turn(call_key, TurnRequest(n, utterance=YES))
        n += 1
    calls.take_turn(call_key, TurnRequest(n, utterance=OPERATOR))


def text(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined,no-any-return]


def test_the_queue_says_who_waits_and_why(operator: Visitor, line: LineServices) -> None:
    stuck_caller(line.calls)
    page = text(operator.get("/desk"))
    assert "店12" in page
    assert "客户要人工" in page


def test_two_operators_reach_for_one_call_and_the_other_is_told_who_has_it(
    operator: Visitor, signed_in: SignedIn, line: LineServices
) -> None:
    stuck_caller(line.calls)
    second = signed_in("operator2")
    assert json.loads(operator.post("/desk/tickets/1/take").headers["HX-Location"])["path"] == "/desk/orders/CA1"
    refused = second.post("/desk/tickets/1/take")
    assert refused.status_code == 409
    assert text(refused) == "这通电话已经由李晓燕接了。"
    assert second.get("/desk/orders/CA1").status_code == 409


def test_an_operator_finishes_the_callers_order_and_the_call(
    operator: Visitor, line: LineServices, world: World, redirected: list[tuple[str, int | str]]
) -> None:
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    seen = shown_version(text(operator.get("/desk/orders/CA1")))
    sheet = text(operator.post("/desk/orders/CA1/lines", barcode=CRANE, cartons="5", version=seen))
    assert "黄鹤楼软蓝，五条。" in sheet
    saved = text(operator.post("/desk/orders/CA1/save", version=shown_version(sheet)))
    assert "已保存，订单号" in saved
    operator.post("/desk/tickets/1/finish")
    assert redirected[0][0] == "CA1"
    said = line.calls.snapshot("CA1").reply.say
    assert said[0].startswith("您的订货已经保存")
    assert said[-1] == "谢谢您的合作，再见。"
    with world.session() as session:
        [order] = session.query(OrderRow).all()
        assert (order.state, order.total_packs) == ("confirmed", 50)


def test_what_is_over_the_limit_is_cut_and_said(operator: Visitor, line: LineServices, world: World) -> None:
    world.limit(CHINA, 2)
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    seen = shown_version(text(operator.get("/desk/orders/CA1")))
    sheet = text(operator.post("/desk/orders/CA1/lines", barcode=CHINA, cartons="5", version=seen))
    assert "超过限量，要5条，订上2条" in sheet


def test_a_line_taken_off_is_put_back_as_it_was_wanted(operator: Visitor, line: LineServices, world: World) -> None:
    world.limit(CHINA, 2)
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")

    def enters(cartons: str, sheet: str) -> str:
        version = shown_version(sheet)
        return text(operator.post("/desk/orders/CA1/lines", barcode=CHINA, cartons=cartons, version=version))

    sheet = enters("0", enters("5", text(operator.get("/desk/orders/CA1"))))
    assert "已去掉中华(硬)。" in sheet
    assert "放回5条" in sheet
    assert "超过限量，要5条，订上2条" in enters("5", sheet)


def test_a_page_that_shows_an_older_order_is_refused_with_what_changed(operator: Visitor, line: LineServices) -> None:
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    old = shown_version(text(operator.get("/desk/orders/CA1")))
    first = text(operator.post("/desk/orders/CA1/lines", barcode=CLASSIC, cartons="3", version=old))
    late = operator.post("/desk/orders/CA1/lines", barcode=CLASSIC, cartons="7", version=old)
    assert late.status_code == 422
    assert "这张单在别处改过" in text(late)
    assert "红塔山(硬经典)：没有 → 3" in text(late)
    assert shown_version(text(late)) == shown_version(first)
    assert operator.post("/desk/orders/CA1/save", version=old).status_code == 422


@pytest.mark.parametrize("cartons", ["", "five", "-1", "1.5", "99999", "+"])
def test_cartons_that_are_no_number_change_nothing_and_stay_in_the_field(
    operator: Visitor, line: LineServices, cartons: str
) -> None:
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    seen = shown_version(text(operator.get("/desk/orders/CA1")))
    answer = operator.post("/desk/orders/CA1/lines", barcode=CLASSIC, cartons=cartons, version=seen)
    assert answer.status_code == 422
    assert "条数要写数字" in text(answer)
    assert f'value="{cartons}" aria-invalid="true"' in text(answer)
    assert shown_version(text(answer)) == seen


def test_more_and_none_are_typed_with_plus_and_nought(operator: Visitor, line: LineServices) -> None:
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    sheet = text(operator.get("/desk/orders/CA1"))
    for cartons, then in (("5", "50"), ("+2", "70"), ("3", "30"), ("0", None)):
        sheet = text(
            operator.post("/desk/orders/CA1/lines", barcode=CLASSIC, cartons=cartons, version=shown_version(sheet))
        )
        assert shown_version(sheet) == (f"draft,{CLASSIC}:{then}" if then else "draft")


def test_the_last_order_is_taken_in_one_go_without_touching_what_the_caller_changed(
    operator: Visitor, world: World
) -> None:
    with world.desk() as desk:
        shop = desk.retailer(SHOP)
        assert shop is not None
        desk.open_draft("CA0", shop, desk.hotline(MAIN))
        for barcode, cartons in ((CLASSIC, 3), (CRANE, 4), (CHINA, 5)):
            desk.draft("CA0").set_line(barcode, cartons * 10)
        desk.draft("CA0").confirm()
    world.clock.move(days=7)
    world.supply()
    world.limit(CHINA, 2)
    operator.sign_in("operator")
    path = operator.post("/desk/orders", customer_code=SHOP).headers["HX-Redirect"]
    sheet = text(
        operator.post(f"{path}/lines", barcode=CRANE, cartons="1", version=shown_version(text(operator.get(path))))
    )
    assert operator.post(f"{path}/suggested-lines", which="last", version="draft").status_code == 422
    sheet = text(operator.post(f"{path}/suggested-lines", which="last", version=shown_version(sheet)))
    assert "记上了2种" in sheet
    assert "中华(硬)：超过限量，要5条，订上2条" in sheet
    assert shown_version(sheet) == f"draft,{CRANE}:10,{CLASSIC}:30,{CHINA}:20"


def test_what_was_not_allotted_is_entered_too_so_that_its_demand_is_kept(operator: Visitor, world: World) -> None:
    world.limit(CHINA, 0)
    path = operator.post("/desk/orders", customer_code=SHOP).headers["HX-Redirect"]
    sheet = text(operator.get(path))
    assert f'"{CHINA}": {{"last": 0, "left": 0' in sheet
    sheet = text(operator.post(f"{path}/lines", barcode=CHINA, cartons="5", version=shown_version(sheet)))
    assert "没有分到，要5条，订上0条" in sheet
    assert world.demand() == [(CHINA, 50, 0, "not_allotted")]


def test_the_sheet_shows_what_is_unmet_and_what_is_left(operator: Visitor, world: World) -> None:
    world.limit(CHINA, 2)
    world.stock(CHINA, 9)
    path = operator.post("/desk/orders", customer_code=SHOP).headers["HX-Redirect"]
    seen = shown_version(text(operator.get(path)))
    row = text(operator.post(f"{path}/lines", barcode=CHINA, cartons="5", version=seen)).partition("<tbody>")[2]
    cells = re.findall(r'<td class="number">(?:<b[^>]*>)?([^<]*)', row.partition("</tr>")[0])
    # Price, requested, granted, unmet, amount, and the rest of limit and stock.
    assert cells == ["381.60", "5", "2", "3", "763.20", "0", "7"]


def test_a_caller_nobody_knows_is_found_by_name_and_then_has_a_sheet(operator: Visitor, line: LineServices) -> None:
    stuck_caller(line.calls, signed_in=False)
    operator.post("/desk/tickets/1/take")
    assert "是哪一户？" in text(operator.get("/desk/orders/CA1"))
    assert "店12" in text(operator.get("/desk/retailers?q=店1&key=CA1"))
    begun = operator.post("/desk/orders", customer_code=SHOP, key="CA1")
    assert json.loads(begun.headers["HX-Location"])["path"] == "/desk/orders/CA1"
    assert "data-version" in text(operator.get("/desk/orders/CA1"))


def test_a_shop_is_found_by_the_first_letters_of_its_name_by_its_number_and_by_the_end_of_its_code(
    operator: Visitor, world: World
) -> None:
    world.change_retailer(SHOP, name="建设路便民超市")
    for typed in ("jsl", "bmcs", "建设", "13800000012", "00012"):
        found = text(operator.get(f"/desk/retailers?q={typed}"))
        assert "建设路便民超市" in found, typed
        assert CORNER not in found, typed
    for typed in ("xyz", "%", ""):
        assert SHOP not in text(operator.get(f"/desk/retailers?q={quote(typed)}")), typed


def test_the_sheet_searches_all_the_names_of_the_catalogue_which_a_browser_keeps(
    operator: Visitor, world: World
) -> None:
    begun = operator.post("/desk/orders", customer_code=SHOP)
    found = re.search(r'id="specs">(.*?)</script>', text(operator.get(begun.headers["HX-Redirect"])))
    assert found is not None
    specs = json.loads(found[1])
    assert specs["today"][CRANE] == {"limit": 20, "stock": 100, "left": 20, "last": 0, "mark": ""}
    table = operator.get(specs["url"])
    assert table.headers["Cache-Control"] == "private, max-age=86400, immutable"
    assert table.json is not None
    assert [spec["name"] for spec in table.json["specs"]] == [spec.name for spec in world.catalog.specs.values()]
    names = {name: [table.json["specs"][place]["name"] for place in places] for name, places, _ in table.json["names"]}
    assert names["硬ying 中zhong 华hua"] == ["中华(硬)"]
    assert names["红hong 塔ta 山shan"] == ["红塔山(硬经典)", "红塔山(新时代)"]
    # After a new catalogue a page that asks for the old one gets the new one, and does not keep it.
    assert operator.get("/desk/specs/older").headers["Cache-Control"] == "no-store"


def test_a_note_about_the_shop_is_seen_by_whoever_takes_its_next_order(
    operator: Visitor, world: World, signed_in: SignedIn
) -> None:
    world.change_retailer(SHOP, route="东一线", grade=16, manager="王明")
    assert "还没有" not in text(operator.post(f"/retailers/{SHOP}/note", note=" 老板耳背，\n说慢一点 "))
    clerk = signed_in("clerk")
    sheet = text(clerk.get(clerk.post("/desk/orders", customer_code=SHOP).headers["HX-Redirect"]))
    for shown in ("老板耳背， 说慢一点", "东一线", "王明", CALLER, f'href="tel:{CALLER}"', f'href="/retailers/{SHOP}"'):
        assert shown in sheet, shown
    page = text(clerk.get(f"/retailers/{SHOP}"))
    assert "老板耳背， 说慢一点" in page
    assert "李晓燕" in page
    # Too long is refused and what was typed stays; an empty one takes the note away, and the audit log keeps all.
    refused = operator.post(f"/retailers/{SHOP}/note", note="长" * 201)
    assert refused.status_code == 422
    assert "备注最多200个字" in text(refused)
    operator.post(f"/retailers/{SHOP}/note", note="")
    with world.session() as session:
        entries = audit_log.entries(session, subject="retailer", name=SHOP)
        assert [entry.after for entry in entries] == [None, {"note": "老板耳背， 说慢一点"}]
    visitor = signed_in("manager")
    assert visitor.post(f"/retailers/{SHOP}/note", note="x").status_code == 403


def test_a_spec_that_is_not_supplied_today_is_entered_as_demand(operator: Visitor, world: World) -> None:
    world.no_supply(CHINA)
    address = operator.post("/desk/orders", customer_code=SHOP).headers["HX-Redirect"]
    page = text(operator.get(address))
    assert CHINA not in page
    answer = text(operator.post(f"{address}/lines", barcode=CHINA, cartons="2", version=shown_version(page)))
    assert "中华(硬)：" in answer
    assert world.demand() == [(CHINA, 20, 0, "out_of_stock")]


def test_a_retailer_out_of_its_day_is_refused_with_the_next_one(operator: Visitor) -> None:
    answer = operator.post("/desk/orders", customer_code=CORNER)
    assert answer.status_code == 422
    assert "今天不是这户的订货日" in text(answer)
    assert "2026-11-24" in text(answer)


def test_a_call_given_back_goes_on_by_itself(
    operator: Visitor, line: LineServices, redirected: list[tuple[str, int | str]], new_visitor: Callable[[], Visitor]
) -> None:
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    operator.post("/desk/tickets/1/give-back")
    present = line.calls.snapshot("CA1")
    assert redirected[-1] == ("CA1", present.turn_number)
    assert "请按烟的代码" in present.reply.say[-1]
    assert operator.post("/desk/tickets/1/finish").status_code == 409


def test_an_order_for_a_retailer_needs_no_call(operator: Visitor, world: World) -> None:
    path = operator.post("/desk/orders", customer_code=SHOP).headers["HX-Redirect"]
    sheet = text(operator.get(path))
    sheet = text(operator.post(f"{path}/lines", barcode=CLASSIC, cartons="1", version=shown_version(sheet)))
    assert operator.post(f"{path}/save", version=shown_version(sheet)).status_code == 200
    with world.session() as session:
        assert session.query(OrderRow).one().channel == "operator"


def test_an_order_saved_at_the_desk_keeps_who_saved_it_and_every_line_who_entered_it(
    operator: Visitor, world: World
) -> None:
    path = operator.post("/desk/orders", customer_code=SHOP).headers["HX-Redirect"]
    sheet = text(
        operator.post(f"{path}/lines", barcode=CLASSIC, cartons="1", version=shown_version(text(operator.get(path))))
    )
    operator.post(f"{path}/save", version=shown_version(sheet))
    with world.session() as session:
        order = session.query(OrderRow).one()
        assert order.saved_by == "李晓燕"
        history = session.query(OrderHistory).order_by(OrderHistory.id).all()
        assert {one.detail["by"] for one in history if one.event in ("opened", "add", "set", "confirmed")} == {"李晓燕"}
    assert "保存：李晓燕" in text(operator.get(f"/orders/{order.id}"))
    assert "李晓燕" in text(operator.get("/orders?day=2026-11-23")).split("<tbody>")[1]


def test_a_shop_on_the_line_that_has_ordered_is_shown_with_its_order_and_the_way_to_change_it(
    operator: Visitor, line: LineServices, world: World
) -> None:
    path = operator.post("/desk/orders", customer_code=SHOP).headers["HX-Redirect"]
    sheet = text(operator.get(path))
    sheet = text(operator.post(f"{path}/lines", barcode=CLASSIC, cartons="3", version=shown_version(sheet)))
    operator.post(f"{path}/save", version=shown_version(sheet))
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    sheet = text(operator.get("/desk/orders/CA1"))
    with world.session() as session:
        number = session.query(OrderRow).one().number
    ordered = sheet.partition('class="ordered"')[2].partition("</p>")[0]
    assert "已保存" in ordered
    assert f"订单{number}，3条。" in re.sub("<[^>]+>", "", ordered)
    assert f'href="/orders/numbered/{number}" target="_blank" rel="noopener">改单或者取消' in ordered


def test_an_order_the_caller_saves_itself_names_nobody(line: LineServices, world: World) -> None:
    with world.desk() as desk:
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        desk.open_draft("CA1", retailer, desk.hotline(MAIN)).set_line(CLASSIC, 10)
        desk.draft("CA1").confirm()
    with world.session() as session:
        assert session.query(OrderRow).one().saved_by is None


def test_a_caller_known_by_its_number_alone_is_marked_until_the_operator_has_identified_it(
    operator: Visitor, line: LineServices
) -> None:
    stuck_caller(line.calls)
    operator.post("/desk/tickets/1/take")
    assert "只凭电话号码，没核对密码" in text(operator.get("/desk/orders/CA1"))
    line.calls.identify_caller("CA1", SHOP)
    assert "只凭电话号码" not in text(operator.get("/desk/orders/CA1"))


def test_a_manager_sees_the_day_but_takes_no_calls(visitor: Visitor) -> None:
    visitor.sign_in("manager")
    assert visitor.get("/today").status_code == 200
    refused = visitor.get("/desk")
    assert refused.status_code == 403
    assert "没有这一页的权限" in text(refused)
