"""A shop, an order and a call are links wherever they are named."""

from __future__ import annotations

from html.parser import HTMLParser

from flask import Flask
from sqlalchemy import select

from ivr.services import services
from ivr.turns.calls import TurnRequest
from orders.book.models import OrderRow
from orders.channels import web_orders
from orders.channels.web_orders import WebOrder
from orders.retailers.models import RetailerPhone, RetailerRow
from speech.utterance import Utterance
from tests.support.console_client import Visitor
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, MAIN, SHOP, STATION, World

SHOPS = {SHOP: "建设路便民超市", CORNER: "桥头烟酒店", STATION: "车站食杂店"}


class Texts(HTMLParser):
    """The texts of a page, each with the address of the link it is in, or an empty one."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: list[tuple[str, str]] = []
        self._links: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self._links.append(dict(attrs).get("href") or "")

    def handle_endtag(self, tag: str) -> None:
        if tag == "a":
            self._links.pop()

    def handle_data(self, data: str) -> None:
        self.found.append((data.strip(), self._links[-1] if self._links else ""))


def links(visitor: Visitor, address: str) -> list[tuple[str, str]]:
    answer = visitor.get(address)
    assert answer.status_code == 200, address
    return Texts(answer.get_data(as_text=True)).found


def test_a_shop_and_an_order_are_links_on_every_page_that_names_them(
    visitor: Visitor, world: World, application: Flask
) -> None:
    for code, name in SHOPS.items():
        world.change_retailer(code, name=name)
    # One order is saved, one fails, and one shop was not reached the day before.
    world.stock(CHINA, 0)
    with world.desk() as desk:
        for code, barcode in ((SHOP, CLASSIC), (STATION, CHINA)):
            order = WebOrder(code, {barcode: 3 * CARTON}, world.clock())
            web_orders.enter_order(desk, "web", "page", code, order, world.clock())
        number = desk.session.scalars(select(OrderRow.number).where(OrderRow.number.is_not(None))).one()
    world.missed(CORNER)
    calls = services(application).line.calls
    first = calls.begin("CA1", "+8613800000012", MAIN).turn_number
    calls.take_turn("CA1", TurnRequest(first, utterance=Utterance(command="yes", text="是的")))
    visitor.sign_in("leader")
    named: set[str] = set()
    for address in (
        *("/today", "/orders", "/orders/1", "/calls", "/calls/CA1", "/desk", "/web-orders", "/retailers"),
        *("/unreached?day=2026-11-22", "/outbound"),
    ):
        for text, link in links(visitor, address):
            for code, name in SHOPS.items():
                if text.startswith(name) and text != f"{name} · 订货热线":
                    assert link == f"/retailers/{code}", (address, text)
                    named.add(f"{address} {name}")
            if text == number and address != "/orders/1":
                assert link in ("/orders/1", f"/orders/numbered/{number}"), address
    assert len(named) >= 10, named
    assert visitor.get(f"/orders/numbered/{number}").headers["Location"] == "/orders/1"
    # The phone list has the numbers of who is to be called, each with a button to dial.
    with world.session() as session:
        shop = session.query(RetailerRow).filter_by(customer_code=STATION).one()
        session.add(RetailerPhone(phone="+8613700000099", retailer_id=shop.id))
    listed = links(visitor, "/web-orders")
    assert ("+8613700000099", "") in listed
    assert ("拨打", "tel:+8613700000099") in listed
    assert "/calls/CA1" in [link for _, link in links(visitor, "/calls")]
