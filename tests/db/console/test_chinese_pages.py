"""Pages in Chinese show no value by the name the code has for it, and explain in Chinese what fails."""

from __future__ import annotations

import html
import io
import re
from collections.abc import Iterator
from datetime import timedelta
from typing import get_args

import pytest
from flask import Flask, abort

from console.pages import FORM_MAX_BYTES
from orders.audit_log import record_change
from orders.book.models import Channel, OrderRow, OrderState
from orders.book.order_history import OrderEvent, record_event
from orders.channels.tokens import new_token
from orders.demo import seed_demo
from orders.hotline_settings import set_calendar_day, set_channel_hours, set_hotline, set_outbound_hours
from orders.staff.models import Role
from orders.windows import business_day
from tests.support.console_client import Visitor
from tests.support.desk_world import CHINA, CORNER, SHOP, World

_HIDDEN = re.compile(r"<(script|style|svg|template|code|kbd)\b.*?</\1>|<!--.*?-->", re.DOTALL)
_TAG = re.compile(r"""<(?:"[^"]*"|'[^']*'|[^>"'])*>""")
_SAID = re.compile(r"""\b(?:aria-label|title|placeholder|alt|hx-confirm|data-ask)="([^"]*)\"""")
_WORD = re.compile(r"\b[A-Za-z][a-z_]*[a-z]\b")
_LINK = re.compile(r'(?:href|hx-get)="(/[^"#]*)')
# The visitors' telephone is in both languages; the others are streams and files.
_NO_PAGE = re.compile(r"^/phone|stream|events|softphone|static|export|\.wav|logout|language|xlsx|csv|recordings/")

# The names of columns and files as they are typed, and names of things that have no other.
COLUMNS = {
    *("customer_code", "name", "cartons", "basis", "most", "introduce", "order", "result", "day", "note", "order_day"),
    *("delivered", "received", "not_delivered", "pin", "listed"),
    *("retailer_signed", "department_head_signed", "deputy_manager_signed"),
}
NAMES = {"English", "supply", "limits", "csv", "make", "eval", "http"}


def english(page: str) -> set[str]:
    """The English words a visitor sees on the page, or is read by a screen reader."""
    shown = _HIDDEN.sub("\n", page)
    return set(_WORD.findall("\n".join([_TAG.sub("\n", shown), *_SAID.findall(shown)])))


def pages(visitor: Visitor) -> Iterator[tuple[str, str]]:
    """Every page and part of a page that links lead to, by its address."""
    ahead, seen = ["/today", "/audit-log", "/orders", "/channels"], set()
    while ahead:
        address = ahead.pop()
        if address in seen or _NO_PAGE.search(address):
            continue
        seen.add(address)
        answer = visitor.get(address)
        if answer.status_code == 200 and answer.mimetype == "text/html":
            page = answer.get_data(as_text=True)
            yield address, page
            ahead += [html.unescape(found) for found in _LINK.findall(page)]


@pytest.fixture
def full(world: World) -> World:
    """The demo, with an order in each state and by each channel, every event of an order, and every kind of setting
    changed."""
    now = world.clock()
    today = business_day(now)
    shop = world.retailer(SHOP)
    how = {"by": "王芳", "why": "试一试", "now": now}
    with world.session() as session:
        seed_demo(session, now)
        channels = get_args(Channel)
        for place, state in enumerate(get_args(OrderState)):
            order = OrderRow(
                business_day=today - timedelta(days=place),
                retailer_id=shop.id,
                kind="regular",
                channel=channels[place % len(channels)],
                state=state,
                call_key=f"state {place}",
                number=f"2026{place:08}",
                created_at=now,
                cycle_start=today - timedelta(days=place),
            )
            session.add(order)
            session.flush()
            for event in get_args(OrderEvent):
                record_event(session, order, event, now, barcode=CHINA)
        set_hotline(
            session,
            "+8637255559999",
            name="北线",
            seat="3",
            kind="regular",
            opens=480,
            closes=1080,
            regions=["东区"],
            missed_callers="serve",
            **how,
        )
        for channel in ("web", "mobile", "proxy"):
            set_channel_hours(session, channel, 480, 1080, **how)
            new_token(session, f"来源{channels.index(channel)}", channel, now, by="王芳")
        set_outbound_hours(session, "", 480, 1080, **how)
        set_calendar_day(session, today + timedelta(days=3), True, **how)
        before, after = ({"cycle": cycle, "order_weekday": 1, "cycle_week": 0} for cycle in ("weekly", "monthly"))
        record_change(session, "retailer", CORNER, before, after | {"status": "suspended", "phones": []}, **how)
        record_change(session, "retailer", CORNER, None, before, **how)
        record_change(session, "retailer", SHOP, {"pin": "old"}, {"pin": "set"}, **how)
        record_change(session, "substitutes", CHINA, None, {"instead": [CHINA]}, **how)
    return world


@pytest.mark.parametrize("role", get_args(Role))
def test_no_page_shows_an_english_value(full: World, visitor: Visitor, role: Role) -> None:
    visitor.sign_in(role)
    seen: dict[str, list[str]] = {}
    count = 0
    for address, page in pages(visitor):
        count += 1
        for word in english(page) - COLUMNS - NAMES:
            seen.setdefault(word, []).append(address)
    assert seen == {}
    assert count > 5


def test_a_week_of_no_cycle_is_shown_as_empty(full: World, visitor: Visitor) -> None:
    visitor.sign_in("manager")
    page = visitor.get("/audit-log?subject=retailer").get_data(as_text=True)
    assert re.search(r"第几周</span> 0", page) is None
    assert re.search(r"第几周</span> –", page) is not None


def test_a_price_band_is_shown_with_its_prices(world: World, visitor: Visitor) -> None:
    visitor.sign_in("manager")
    page = visitor.get("/rules").get_data(as_text=True)
    prices = [spec.retail_fen for spec in world.catalog.specs.values() if spec.price_band == 7]
    assert f"零售价每条{min(prices) / 100:,.2f}–{max(prices) / 100:,.2f}元" in page


def test_the_channel_and_the_missed_callers_are_in_words(full: World, visitor: Visitor) -> None:
    visitor.sign_in("manager")
    assert "<td>手机</td>" in visitor.get("/audit-log?subject=channel_hours").get_data(as_text=True)
    assert "直接给他补货" in visitor.get("/audit-log?subject=hotline").get_data(as_text=True)


def test_a_file_that_is_too_large_is_explained_in_chinese(visitor: Visitor) -> None:
    visitor.sign_in("manager")
    answer = visitor.client.post(
        "/supply/import",
        data={"kind": "limits", "file": (io.BytesIO(b"x" * (FORM_MAX_BYTES + 1)), "l.csv")},
        headers={"X-CSRFToken": visitor.token()},
    )
    page = answer.get_data(as_text=True)
    assert answer.status_code == 413
    assert "文件太大" in page
    assert "请拆成几个文件再上传" in page
    assert english(page) <= NAMES


def test_a_fault_of_the_server_is_explained_in_chinese(application: Flask, visitor: Visitor) -> None:
    visitor.sign_in("operator")
    application.view_functions["console.today.page"] = lambda: abort(500)
    answer = visitor.get("/today")
    page = answer.get_data(as_text=True)
    assert answer.status_code == 500
    assert "操作未完成" in page
    assert "服务器出了问题，请再试一次；还不行，请告诉管理员。" in page
    assert english(page) <= NAMES


@pytest.mark.parametrize(("method", "address"), [("GET", "/no-such-page"), ("GET", "/logout"), ("POST", "/today")])
def test_an_address_that_is_none_is_explained_in_chinese(visitor: Visitor, method: str, address: str) -> None:
    answer = visitor.client.open(address, method=method, headers={"X-CSRFToken": visitor.token()})
    page = answer.get_data(as_text=True)
    assert answer.status_code in (404, 405)
    assert "网址不对，或者内容已经不在了。" in page
    assert english(page) <= NAMES


def test_a_part_of_a_page_that_fails_is_explained_in_chinese_as_well(application: Flask, visitor: Visitor) -> None:
    visitor.sign_in("operator")
    application.view_functions["console.today.page"] = lambda: abort(500)
    answer = visitor.get("/today", HX_Request="true")
    assert answer.get_data(as_text=True) == "服务器出了问题，请再试一次；还不行，请告诉管理员。"
    assert visitor.get("/orders/999", HX_Request="true").get_data(as_text=True) == "网址不对，或者内容已经不在了。"
