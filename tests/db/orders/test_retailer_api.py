"""A retailer's own telephone asks for its orders, limits, balance and news; so does a channel for it. Every error has a
code and a Chinese sentence."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from flask.testing import FlaskClient
from openapi_spec_validator import OpenAPIV31SpecValidator
from sqlalchemy import Engine, select
from werkzeug.test import TestResponse

import storage
from backoffice.order_messages import RequestRejected
from backoffice.retailer_messages import Balance, Limits, News, SavedOrder, SavedOrders
from clock import SHANGHAI
from orders.channels.tokens import new_token, revoke
from orders.models import SignInAlarm
from orders.staff.notices import post
from tests.support.commands import application_on
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, MAIN, PIN, SHOP, TAISHAN, MovingClock, World

MORNING = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)


@pytest.fixture
def world(engine: Engine, clock: MovingClock) -> World:
    return World.build(storage.open_sessions(engine), clock)


@pytest.fixture
def client(world: World) -> FlaskClient:
    return application_on(world).test_client()


def own(
    client: FlaskClient, what: str, *, code: str = SHOP, pin: str = PIN, address: str = "127.0.0.7"
) -> TestResponse:
    return client.get(f"/api/retailers/{code}/{what}", auth=(code, pin), environ_base={"REMOTE_ADDR": address})


def refused(answer: TestResponse) -> tuple[int, str]:
    """The status and the code of a refusal, which has a sentence in Chinese too."""
    body = RequestRejected.model_validate(answer.get_json())
    assert any("一" <= letter <= "鿿" for letter in body.message_zh), body
    return answer.status_code, body.error


def ordered_by_telephone(world: World, cartons: int = 3) -> str:
    with world.desk() as desk:
        shop = desk.retailer(SHOP)
        assert shop is not None
        draft = desk.open_draft("call", shop, desk.hotline(MAIN))
        draft.set_line(CHINA, cartons * CARTON)
        return str(draft.confirm().order.number)


def test_a_shop_reads_its_order_its_limits_its_balance_and_the_news(world: World, client: FlaskClient) -> None:
    world.limit(CHINA, 5)
    world.introduce(TAISHAN, "new")
    with world.session() as session:
        for kind, text in (("shops", "买泰山送打火机"), ("promotion", "今天少说泰山")):
            post(session, kind, text, MORNING.date(), MORNING.date(), by="a leader", now=MORNING)  # type: ignore[arg-type]
    before = Limits.model_validate(own(client, "limits").get_json())
    assert (before.may_order, before.closes_at) == (True, "2026-11-23T12:00:00+08:00")
    number = ordered_by_telephone(world)
    orders = SavedOrders.model_validate(own(client, "orders").get_json()).orders
    assert [(order.number, order.state, order.state_zh) for order in orders] == [(number, "confirmed", "已保存")]
    assert SavedOrder.model_validate(own(client, f"orders/{number}").get_json()) == orders[0]
    after = Limits.model_validate(own(client, "limits").get_json())
    assert (after.may_order, after.reason) == (False, "already_ordered")
    assert "今天已经订过" in after.reason_zh
    [china] = [spec for spec in after.specs if spec.barcode == CHINA]
    assert (china.limit_packs, china.limit_left_packs, china.left_packs) == (5 * CARTON, 2 * CARTON, 2 * CARTON)
    balance = Balance.model_validate(own(client, "balance").get_json())
    assert (balance.unsettled_fen, balance.shortfall_fen) == (3 * 381_60, 3 * 381_60 - 1_000_00)
    news = News.model_validate(own(client, "news").get_json())
    assert news.messages == ["买泰山送打火机"], "the others are for the staff"
    assert [spec.barcode for spec in news.new_specs] == [TAISHAN]
    assert client.get_cookie("order_hotline") is None


def test_the_evening_before_it_reads_the_limits_of_its_own_day(world: World, client: FlaskClient) -> None:
    world.clock.move_to(MORNING + timedelta(days=1))
    world.supply(limit=7)
    world.clock.move_to(MORNING.replace(hour=18, minute=30))
    early = Limits.model_validate(own(client, "limits", code=CORNER).get_json())
    assert (early.business_day, early.reason) == ("2026-11-24", "closed")
    assert early.opens_at == "2026-11-23T19:00:00+08:00"
    world.clock.move_to(MORNING.replace(hour=19))
    evening = Limits.model_validate(own(client, "limits", code=CORNER).get_json())
    assert (evening.may_order, len(evening.specs)) == (True, 6)


def test_a_channel_reads_for_any_retailer_while_its_token_is_in_force(world: World, client: FlaskClient) -> None:
    with world.session() as session:
        token = new_token(session, "the app", "web", MORNING, by="a leader")
    bearer = {"Authorization": f"Bearer {token}"}
    assert client.get(f"/api/retailers/{CORNER}/balance", headers=bearer).get_json()["balance_fen"] == 1_000_00
    assert refused(client.get("/api/retailers/999999999999/balance", headers=bearer)) == (404, "unknown_retailer")
    assert refused(client.get(f"/api/retailers/{CORNER}/orders/1", headers=bearer)) == (404, "unknown_order")
    with world.session() as session:
        revoke(session, "the app", MORNING, by="a leader")
    assert refused(client.get(f"/api/retailers/{CORNER}/balance", headers=bearer)) == (401, "no_token")


def test_wrong_pins_wait_as_by_telephone_and_an_unknown_code_is_answered_like_a_wrong_pin(
    world: World, client: FlaskClient
) -> None:
    assert refused(client.get(f"/api/retailers/{SHOP}/orders")) == (401, "no_access")
    crossed = client.get(f"/api/retailers/{CORNER}/orders", auth=(SHOP, PIN))
    assert refused(crossed) == (403, "other_retailer")
    assert refused(own(client, "orders", code="410502999999")) == refused(own(client, "orders", pin="0000"))
    for _ in range(3):
        assert refused(own(client, "orders", pin="0000")) == (401, "wrong_pin")
    assert refused(own(client, "orders", pin="0000")) == (429, "has_to_wait")
    assert refused(own(client, "orders", address="127.0.0.99")) == (429, "has_to_wait"), "even the right one"
    with world.desk() as desk:
        assert desk.verify_pin(SHOP, PIN, "+8613999999999").has_to_wait, "one count for telephone and web"
        assert desk.verify_pin(SHOP, PIN, "+8613800000012").ok, "the registered telephone notices nothing"
    world.clock.move(minutes=2)
    assert own(client, "orders").status_code == 200


def test_one_address_that_tries_many_codes_has_to_wait_and_raises_an_alarm(world: World, client: FlaskClient) -> None:
    for number in range(30):
        own(client, "orders", code=f"4105020000{number:02}")
    assert refused(own(client, "orders", code=CORNER)) == (429, "has_to_wait")
    assert own(client, "orders", code=CORNER, address="127.0.0.99").status_code == 200
    with world.session() as session:
        [alarm] = session.scalars(select(SignInAlarm))
        assert (alarm.kind, alarm.subject) == ("address", "127.0.0.7")


def test_every_error_has_a_chinese_sentence_beside_its_code(world: World, client: FlaskClient) -> None:
    assert refused(client.get("/api/nothing")) == (404, "unknown_address")
    assert refused(client.get("/api/orders")) == (404, "unknown_address")
    with world.session() as session:
        token = new_token(session, "the app", "web", MORNING, by="a leader")
    headers = {"Authorization": f"Bearer {token}"}
    assert refused(client.post("/api/orders", headers=headers)) == (400, "no_key")
    headers["Idempotency-Key"] = "order-0001"
    wrong = client.post("/api/orders", json={"customer_code": SHOP, "lines": [{"barcode": CLASSIC}]}, headers=headers)
    assert refused(wrong) == (422, "malformed")
    assert wrong.get_json()["problems"] == [
        {"where": "lines.0.cartons", "what": "Field required", "what_zh": "少了这一项"}
    ]
    OpenAPIV31SpecValidator(client.get("/api/openapi.json").get_json()).validate()
