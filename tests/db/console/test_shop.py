"""A shopkeeper orders on the shop's own page: signs in with code and PIN, fills in cartons, reads them over, saves."""

from __future__ import annotations

import html
import re
from dataclasses import dataclass
from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from jinja2 import StrictUndefined
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

import storage
from orders.book.models import OrderRow
from orders.lockout import hash_secret
from tests.support.commands import application_on
from tests.support.desk_world import (
    CARTON,
    CHINA,
    CLASSIC,
    CORNER,
    MAIN,
    PIN,
    SHOP,
    STATION,
    TAISHAN,
    MovingClock,
    World,
)

MORNING = datetime.fromisoformat("2026-11-23T09:00+08:00")


@dataclass
class Telephone:
    """A shopkeeper's telephone, with the page open in its browser."""

    client: FlaskClient
    page: str = ""
    path: str = ""
    status: int = 0

    def open(self, path: str = "/shop") -> str:
        return self._shown(self.client.get(path, follow_redirects=True))

    def press(self, path: str, **fields: str) -> str:
        """Send the form of the page that is open to `path`, and follow to where it leads."""
        token = re.search(r'name="csrf_token" value="([^"]+)"', self.page)
        assert token is not None, self.page
        form = {"csrf_token": token[1], **fields}
        return self._shown(self.client.post(path, data=form, follow_redirects=True))

    def sign_in(self, code: str = SHOP, pin: str = PIN) -> str:
        self.open("/shop/sign-in")
        return self.press("/shop/sign-in", code=code, pin=pin)

    def order(self, **cartons: str) -> str:
        """Fill in cartons by barcode (`b69…`), and press on to read them over."""
        self.open("/shop/order")
        return self.press("/shop/order", **{f"cartons-{barcode[1:]}": wanted for barcode, wanted in cartons.items()})

    def save(self) -> str:
        shown = dict(re.findall(r'name="(line-\d+)" value="(\d+)"', self.page))
        return self.press("/shop/order/save", **shown)

    def filled_in(self) -> dict[str, str]:
        """The cartons in the form, by barcode."""
        fields = re.findall(r'name="cartons-(\d+)"[^>]* value="(\d+)"', self.page)
        return dict(fields)

    def _shown(self, answer: TestResponse) -> str:
        self.page = html.unescape(answer.get_data(as_text=True))
        self.path, self.status = answer.request.path, answer.status_code
        return self.page


@pytest.fixture
def world(engine: Engine, clock: MovingClock) -> World:
    return World.build(storage.open_sessions(engine), clock)


@pytest.fixture
def telephone(world: World) -> Telephone:
    application = application_on(world)
    # A name a template reads and nobody passes fails the test, instead of an empty place on the page.
    application.jinja_env.undefined = StrictUndefined
    return Telephone(application.test_client())


def another(world: World) -> Telephone:
    return Telephone(application_on(world).test_client())


def order_rows(world: World) -> list[OrderRow]:
    with world.session() as session:
        return list(session.scalars(select(OrderRow).order_by(OrderRow.id)))


def test_a_shop_orders_on_its_page_what_its_limit_allows_and_next_week_as_last_time(
    world: World, telephone: Telephone
) -> None:
    world.limit(CHINA, 5)
    world.introduce(TAISHAN, "new")
    page = telephone.sign_in()
    for words in ("现在可以订货", "11月23日 12:00前要保存好", "新品：泰山(望岳)", "限5条", "卡内余额 1,000.00元"):
        assert words in page
    assert "照上次订" not in page, "it has not ordered yet"
    page = telephone.order(**{f"b{CHINA}": "9", f"b{CLASSIC}": "2"})
    assert telephone.path == "/shop/order/check"
    for words in ("还没有保存，请核对", "中华(硬)：要9条，订到5条（超过限量）", "共 7 条", "2,058.00元"):
        assert words in page
    assert "送货前还要再存1,058.00元" in page
    assert order_rows(world)[0].state == "draft"
    page = telephone.save()
    [order] = order_rows(world)
    assert (order.state, order.channel, order.saved_by, order.total_packs) == ("confirmed", "mobile", None, 7 * CARTON)
    assert f"订好了，单号 {order.number}。" in page
    assert "已保存" in page
    assert (CHINA, 9 * CARTON, 5 * CARTON, "limit") in world.demand(), "what was asked for is kept"
    telephone.open("/shop/order")
    assert telephone.path == "/shop", "one order a day"
    world.check_books()

    world.clock.move(days=7)
    world.supply()
    world.limit(CHINA, 3)
    page = telephone.sign_in()
    assert "照上次订" in page
    telephone.open("/shop/order?as_last=1")
    assert telephone.filled_in() == {CLASSIC: "2", CHINA: "3"}, "as last time, as far as the limit goes"
    telephone.order(**{f"b{barcode}": cartons for barcode, cartons in telephone.filled_in().items()})
    assert "没有全部订到的" not in telephone.page
    telephone.save()
    assert [row.total_packs for row in order_rows(world)] == [7 * CARTON, 5 * CARTON]
    world.check_books()


def test_what_is_no_number_stays_in_the_form_and_nothing_is_reserved(world: World, telephone: Telephone) -> None:
    telephone.sign_in()
    page = telephone.order(**{f"b{CHINA}": "两条", f"b{CLASSIC}": "2"})
    assert (telephone.status, order_rows(world)) == (422, [])
    assert "条数要写整数" in page
    assert 'value="两条" aria-invalid="true"' in page
    assert telephone.filled_in() == {CLASSIC: "2"}
    assert "还没有填条数" in telephone.order()
    telephone.order(**{f"b{CHINA}": "9" * 5_000, "b1234567890123": "1"})
    assert telephone.status == 422
    world.department_rule("order_min_packs", 50)
    telephone.order(**{f"b{CLASSIC}": "2"})
    assert "没有达到起订量" in telephone.save()
    assert [row.state for row in order_rows(world)] == ["draft"]
    telephone.press("/shop/order/drop")
    assert telephone.path == "/shop"
    assert "还没有保存" not in telephone.page
    world.check_books()


def test_what_went_to_others_meanwhile_is_read_over_again_and_saving_twice_saves_once(
    world: World, telephone: Telephone
) -> None:
    world.stock(CHINA, 4)
    telephone.sign_in()
    telephone.order(**{f"b{CHINA}": "4"})
    world.clock.move(minutes=20)
    other = another(world)
    other.sign_in(STATION)
    other.order(**{f"b{CHINA}": "3"})
    other.save()
    page = telephone.save()
    assert telephone.status == 422
    assert "有的烟刚被别人订走了，数量变了" in page
    assert "订到1条" in page
    token = telephone.page
    telephone.save()
    telephone.page = token
    telephone.save()
    assert [(row.state, row.total_packs) for row in order_rows(world)] == [("confirmed", 10), ("confirmed", 30)]
    world.check_books()


def test_a_call_goes_on_with_what_the_page_left_unsaved_and_the_page_with_what_a_call_left(
    world: World, telephone: Telephone
) -> None:
    telephone.sign_in()
    telephone.order(**{f"b{CHINA}": "2"})
    shop = world.retailer()
    with world.desk() as desk:
        taken_up = desk.open_draft("call", shop, desk.hotline(MAIN)).view()
        assert taken_up is not None
        assert [line.granted_packs for line in taken_up.lines] == [2 * CARTON]
        desk.draft("call").set_line(CLASSIC, CARTON)
    telephone.save()
    assert telephone.path == "/shop", "the order is in the call now"
    with world.desk() as desk:
        desk.draft("call").abandon()
    assert "还没有保存" in telephone.open()
    telephone.open("/shop/order")
    assert telephone.filled_in() == {CLASSIC: "1", CHINA: "2"}
    telephone.order(**{f"b{CLASSIC}": "1", f"b{CHINA}": "2"})
    telephone.save()
    assert [(row.state, row.total_packs) for row in order_rows(world)] == [("confirmed", 3 * CARTON)]
    world.check_books()


def test_closed_is_not_told_as_another_ones_day(world: World, telephone: Telephone) -> None:
    world.hours(MAIN, "08:00", "16:30")
    world.clock.move_to(MORNING.replace(hour=12))
    page = telephone.sign_in()
    for words in (
        "今天的订货时间过了",
        "现在还可以打电话订",
        "打订货电话 0372 5555 0000",
        "11月29日 19:00起可以在这里订货",
    ):
        assert words in page
    telephone.open("/shop/order")
    assert telephone.path == "/shop"
    other = another(world)
    page = other.sign_in(CORNER)
    assert "还没有到订货时间" in page
    assert "11月23日 19:00起可以在这里订货" in page
    world.clock.move(days=2)
    page = other.sign_in(CORNER)
    assert "今天不是您的订货日" in page
    assert "下一个订货日：12月1日 星期二" in page
    world.change_retailer(CORNER, status="suspended")
    assert "暂停供货" in other.open()


def test_an_order_that_closes_while_it_is_filled_in_can_be_saved_within_the_grace_and_not_later(
    world: World, telephone: Telephone
) -> None:
    world.clock.move_to(MORNING.replace(hour=11, minute=58))
    telephone.sign_in()
    telephone.order(**{f"b{CHINA}": "2"})
    world.clock.move(minutes=5)
    telephone.save()
    assert order_rows(world)[0].state == "confirmed"
    other = another(world)
    world.clock.move_to(MORNING.replace(hour=11, minute=59))
    other.sign_in(STATION)
    other.order(**{f"b{CHINA}": "2"})
    world.clock.move(minutes=20)
    page = other.save()
    assert "今天的订货时间过了" in page
    assert [row.state for row in order_rows(world)] == ["confirmed", "draft"]


def test_the_session_is_the_shops_alone_and_ends_with_idleness_a_new_pin_or_signing_out(
    world: World, telephone: Telephone
) -> None:
    page = telephone.sign_in(pin="0000")
    assert (telephone.status, "客户代码或者密码不对" in page) == (422, True)
    answer_to_unknown = telephone.sign_in(code="410502999999", pin="0000")
    assert "客户代码或者密码不对" in answer_to_unknown
    telephone.sign_in()
    for path in ("/today", "/orders", "/retailers", "/desk"):
        assert telephone.client.get(path).status_code == 302, "it opens nothing of the console"
    cookie = telephone.client.get_cookie("shop", path="/shop")
    assert cookie is not None
    assert cookie.http_only
    assert cookie.same_site == "Lax"
    assert telephone.client.post("/shop/order", data={f"cartons-{CHINA}": "1"}).status_code == 400, "no token"
    assert "回到订货页" in telephone.client.get("/shop/nothing").get_data(as_text=True)
    policy = telephone.client.get("/shop").headers["Content-Security-Policy"]
    assert "unsafe" not in policy

    world.clock.move(minutes=29)
    telephone.open()
    assert telephone.path == "/shop", "in use"
    world.clock.move(minutes=31)
    page = telephone.open()
    assert telephone.path == "/shop/sign-in"
    assert f'value="{SHOP}"' in page, "the code is known here: only the PIN is missing"
    telephone.sign_in()
    world.change_retailer(SHOP, pin_hash=hash_secret("9753"))
    telephone.open()
    assert telephone.path == "/shop/sign-in", "a new PIN ends what began with the old one"
    telephone.sign_in(pin="9753")
    copied = cookie.value
    telephone.press("/shop/sign-out")
    other = another(world)
    other.client.set_cookie("shop", copied, path="/shop")
    other.open()
    assert other.path == "/shop/sign-in", "a copy of the cookie is worth nothing afterwards"


def test_nobody_elses_guesses_make_the_shop_wait_at_its_usual_browser(world: World, telephone: Telephone) -> None:
    telephone.sign_in()
    telephone.press("/shop/sign-out")
    guesser = another(world)
    for number in range(5):
        guesser.sign_in(pin=f"000{number}")
    assert "请过一会儿再试" in guesser.sign_in()
    telephone.sign_in()
    assert telephone.path == "/shop"
    with world.desk() as desk:
        assert desk.verify_pin(SHOP, PIN, "+8613999999999").has_to_wait, "one count with the telephone"
    world.clock.move_to(world.clock() + timedelta(minutes=2))
    guesser.sign_in()
    assert guesser.path == "/shop"
