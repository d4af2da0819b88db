"""Web orders enter the same order book, under the same limits, as telephone orders; each once."""

from __future__ import annotations

import csv
import threading
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, validate
from openapi_spec_validator import OpenAPIV31SpecValidator
from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Engine, select
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

import storage
from app import create_app
from backoffice.api_errors import BODY_MAX_BYTES
from backoffice.order_messages import OrderAnswered, OrderFailed, OrderSent
from clock import SHANGHAI
from orders.book.desk import Desk
from orders.book.models import OrderRow
from orders.channels import tokens as channel_tokens
from orders.channels import web_orders
from orders.channels.models import WebOrderRow
from orders.channels.web_orders import AuditRefused
from settings import Settings
from tests.support.commands import application_on
from tests.support.desk_world import (
    CARTON,
    CHINA,
    CLASSIC,
    CORNER,
    ERA,
    MAIN,
    SHOP,
    STATION,
    TAISHAN,
    MovingClock,
    World,
)

TODAY = datetime(2026, 11, 23).date()


@dataclass
class Channels:
    """A web page and a mobile app that send orders to a desk."""

    world: World
    app: Flask
    tokens: dict[str, str]

    def send(
        self, lines: dict[str, int], *, code: str = SHOP, key: str = "order-0001", by: str = "web"
    ) -> TestResponse:
        body = {
            "customer_code": code,
            "lines": [{"barcode": barcode, "cartons": cartons} for barcode, cartons in lines.items()],
        }
        return self.post(body, key=key, token=self.tokens[by])

    def post(self, body: Any, *, key: str | None = "order-0001", token: str | None = None) -> TestResponse:
        token = self.tokens["web"] if token is None else token
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        if key is not None:
            headers["Idempotency-Key"] = key
        client: FlaskClient = self.app.test_client()
        if isinstance(body, bytes):
            return client.post("/api/orders", data=body, headers=headers, content_type="application/json")
        return client.post("/api/orders", json=body, headers=headers)

    def command(self, *words: str) -> str:
        result = self.app.test_cli_runner().invoke(args=list(words))
        assert result.exit_code == 0, result.output
        return str(result.output)


@pytest.fixture
def channels(engine: Engine, clock: MovingClock) -> Channels:
    world = World.build(storage.open_sessions(engine), clock)
    world.engage("operator", "leader", "director")
    tokens: dict[str, str] = {}
    with world.session() as session:
        tokens["web"] = channel_tokens.new_token(session, "the web", "web", clock(), by="a leader")
        tokens["mobile"] = channel_tokens.new_token(session, "the mobile", "mobile", clock(), by="a leader")
    return Channels(world, application_on(world), tokens)


def desk_at(world: World, session: Session, moment: datetime) -> Desk:
    return Desk(session, world.catalog, moment)


def at(hour: int, minute: int = 0, *, day: int = 23) -> datetime:
    return datetime(2026, 11, day, hour, minute, tzinfo=SHANGHAI)


def test_an_order_by_the_web_is_saved_in_the_book(channels: Channels) -> None:
    answer = channels.send({CHINA: 2, CLASSIC: 3})
    assert answer.status_code == 201
    answered = OrderAnswered.model_validate(answer.get_json())
    assert answered.state == "saved"
    assert answered.total_packs == 5 * CARTON
    assert answered.amount_fen == 2 * 381_60 + 3 * 75_00
    assert answered.shortfall_fen == 0
    with channels.world.session() as session:
        [order] = session.scalars(select(OrderRow))
        assert (order.number, order.channel, order.state) == (answered.number, "web", "confirmed")
    channels.world.check_books()


def test_an_order_sent_again_is_answered_as_before_and_saved_once(channels: Channels) -> None:
    first, second = channels.send({CHINA: 2}), channels.send({CHINA: 2})
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.get_json() == second.get_json()
    channels.world.check_books()


def test_an_order_sent_many_times_at_once_is_saved_once(channels: Channels) -> None:
    answers: list[TestResponse] = []
    senders = [threading.Thread(target=lambda: answers.append(channels.send({CHINA: 2}))) for _ in range(6)]
    for sender in senders:
        sender.start()
    for sender in senders:
        sender.join()
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.get_json()["number"] for answer in answers}) == 1
    channels.world.check_books()


def test_another_order_under_the_same_key_is_refused(channels: Channels) -> None:
    channels.send({CHINA: 2})
    answer = channels.send({CHINA: 3})
    assert (answer.status_code, answer.get_json()["error"]) == (422, "key_used_twice")


def test_two_senders_may_use_the_same_key(channels: Channels) -> None:
    assert channels.send({CHINA: 1}).status_code == 201
    assert channels.send({CHINA: 1}, code=STATION, by="mobile").status_code == 201


def test_what_goes_over_the_limit_is_cut_and_has_to_be_audited(channels: Channels) -> None:
    channels.world.limit(CHINA, 5)
    answered = channels.send({CHINA: 9, CLASSIC: 1}).get_json()
    assert answered["state"] == "cut"
    assert [(line["granted_packs"], line["reason"]) for line in answered["lines"]] == [
        (5 * CARTON, "limit"),
        (CARTON, None),
    ]
    assert set(channels.world.demand()) == {(CHINA, 9 * CARTON, 5 * CARTON, "limit"), (CLASSIC, CARTON, CARTON, None)}
    listed = channels.command("web-orders", "to-audit", "--day", "2026-11-23")
    assert f"{CHINA} 50 of 90 packs (limit)" in listed
    number = listed.split()[0]
    channels.command("web-orders", "audit", number, "--by", "leader", "--note", "as the policy has it")
    assert channels.command("web-orders", "to-audit", "--day", "2026-11-23") == ""
    with pytest.raises(AuditRefused), channels.world.session() as session:
        web_orders.audit_order(session, int(number), by="leader", note="again", now=channels.world.clock())
    channels.world.check_books()


def test_a_cut_for_want_of_stock_is_nobodys_mistake(channels: Channels) -> None:
    channels.world.stock(CHINA, 3)
    assert channels.send({CHINA: 5}).get_json()["state"] == "cut"
    assert channels.command("web-orders", "to-audit", "--day", "2026-11-23") == ""


def test_an_order_of_which_nothing_is_left_puts_the_retailer_on_the_phone_list(channels: Channels) -> None:
    channels.world.stock(CHINA, 0)
    answer = channels.send({CHINA: 5})
    assert answer.status_code == 409
    assert OrderFailed.model_validate(answer.get_json()).reason == "nothing_left"
    assert channels.world.demand() == [(CHINA, 5 * CARTON, 0, "out_of_stock")]
    assert SHOP in channels.command("web-orders", "phone-list", "--day", "2026-11-23")
    with channels.world.desk() as desk:
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        desk.open_draft("call", retailer, desk.hotline(MAIN))
        desk.draft("call").set_line(CLASSIC, CARTON)
        desk.draft("call").confirm()
    assert channels.command("web-orders", "phone-list", "--day", "2026-11-23") == ""
    channels.world.check_books()


def test_an_order_below_the_least_is_left_to_be_taken_up_by_telephone(channels: Channels) -> None:
    channels.world.department_rule("order_min_packs", 3 * CARTON)
    answer = channels.send({CHINA: 2})
    assert (answer.status_code, answer.get_json()["reason"]) == (409, "order_min")
    assert channels.world.demand() == [(CHINA, 2 * CARTON, 2 * CARTON, None)]
    assert "order_min" in channels.command("web-orders", "phone-list", "--day", "2026-11-23")
    with channels.world.desk() as desk:
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        taken_up = desk.open_draft("call", retailer, desk.hotline(MAIN)).view()
        assert [line.granted_packs for line in taken_up.lines] == [2 * CARTON]
        desk.draft("call").set_line(CLASSIC, CARTON)
        desk.draft("call").confirm()
    assert channels.command("web-orders", "phone-list", "--day", "2026-11-23") == ""
    channels.world.check_books()


def test_who_is_not_due_is_refused_and_not_followed_up_by_telephone(channels: Channels) -> None:
    assert channels.send({CHINA: 1}, code=CORNER).get_json()["reason"] == "not_order_day"
    assert channels.command("web-orders", "phone-list", "--day", "2026-11-23") == ""


def test_who_ordered_by_telephone_cannot_order_again_by_the_web(channels: Channels) -> None:
    channels.send({CHINA: 1})
    answer = channels.send({CLASSIC: 1}, key="order-0002")
    assert (answer.status_code, answer.get_json()["reason"]) == (409, "already_ordered")
    channels.world.check_books()


def test_a_draft_that_a_call_left_behind_is_not_added_to_the_list(channels: Channels) -> None:
    with channels.world.desk() as desk:
        retailer = desk.retailer(SHOP)
        assert retailer is not None
        desk.open_draft("call", retailer, desk.hotline(MAIN))
        desk.draft("call").set_line(CLASSIC, 4 * CARTON)
        desk.draft("call").abandon()
    assert channels.send({CHINA: 1}).get_json()["total_packs"] == CARTON
    channels.world.check_books()


@pytest.mark.parametrize(
    ("now", "code", "reason"),
    [
        (at(18, 59), CORNER, "closed"),
        (at(19, 0), CORNER, None),
        (at(20), SHOP, "closed"),
        (at(19, day=24), CORNER, "closed"),
        (at(12, day=25), CORNER, "not_order_day"),
        (at(11, 59, day=24), CORNER, None),
        (at(12, 0, day=24), CORNER, "closed"),
        (at(12, 0), SHOP, "closed"),
    ],
)
def test_mobile_orders_are_taken_from_seven_in_the_evening_to_noon(
    channels: Channels, now: datetime, code: str, reason: str | None
) -> None:
    """The corner shop orders on the 24th, the other one on the 23rd (AY 4.2.4, 4.2.6). Whoever comes too early or too
    late for its own day is told that it is closed, and not that the day is another's."""
    world = channels.world
    tomorrow = at(9, day=24)
    world.clock.move_to(tomorrow)
    world.supply()
    world.clock.move_to(now)
    assert channels.send({CHINA: 1}, code=code, by="mobile").get_json()["reason"] == reason
    world.check_books()


def test_whoever_comes_too_early_is_told_when_orders_are_taken_and_is_listed_for_its_own_day(
    channels: Channels,
) -> None:
    channels.world.clock.move_to(at(18, 59))
    answered = channels.send({CHINA: 1}, code=CORNER, by="mobile").get_json()
    assert OrderFailed.model_validate(answered).opens_at == "2026-11-23T19:00:00+08:00"
    assert answered["message_zh"] == "是这户的订货日，但现在不是这个渠道的订货时间。"
    assert channels.command("web-orders", "phone-list", "--day", "2026-11-23") == ""
    assert CORNER in channels.command("web-orders", "phone-list", "--day", "2026-11-24")


def test_orders_from_a_computer_close_with_the_telephone(channels: Channels) -> None:
    channels.world.hours(MAIN, "08:00", "16:30")
    channels.world.clock.move_to(at(16, 29))
    assert channels.send({CHINA: 1}).status_code == 201
    channels.world.clock.move_to(at(16, 30))
    assert channels.send({CHINA: 1}, code=STATION, key="order-0002").get_json()["reason"] == "closed"


def test_a_stranger_learns_nothing(channels: Channels) -> None:
    for token in ("", "guessed", channels.tokens["web"] + "x"):
        answer = channels.post({"customer_code": SHOP, "lines": []}, token=token)
        assert (answer.status_code, answer.get_json()["error"]) == (401, "no_token")


def test_a_withdrawn_token_is_worth_nothing(channels: Channels) -> None:
    channels.command("web-orders", "withdraw", "the web", "--by", "leader")
    assert channels.send({CHINA: 1}).status_code == 401
    token = channels.command("web-orders", "new-sender", "another page", "--channel", "web", "--by", "leader").strip()
    assert (
        channels.post({"customer_code": SHOP, "lines": [{"barcode": CHINA, "cartons": 1}]}, token=token).status_code
        == 201
    )


@pytest.mark.parametrize("key", [None, "short", "k" * 81, "schlüssel-1"])
def test_an_order_without_a_key_of_its_own_is_refused(channels: Channels, key: str | None) -> None:
    assert channels.post({"customer_code": SHOP, "lines": []}, key=key).status_code == 400


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b"{", ""),
        (b"\xff", ""),
        ([], ""),
        ({"customer_code": SHOP}, "lines"),
        ({"customer_code": SHOP, "lines": []}, "lines"),
        ({"customer_code": "1", "lines": [{"barcode": CHINA, "cartons": 1}]}, "customer_code"),
        ({"customer_code": SHOP, "lines": [{"barcode": CHINA, "cartons": 0}]}, "lines.0.cartons"),
        ({"customer_code": SHOP, "lines": [{"barcode": CHINA, "cartons": 1.5}]}, "lines.0.cartons"),
        ({"customer_code": SHOP, "lines": [{"barcode": CHINA, "cartons": "1"}]}, "lines.0.cartons"),
        ({"customer_code": SHOP, "lines": [{"barcode": CHINA, "cartons": 1, "price": 1}]}, "lines.0.price"),
        ({"customer_code": SHOP, "lines": [{"barcode": CHINA, "cartons": 1}] * 2}, "lines"),
    ],
)
def test_what_is_wrong_with_an_order_is_named_and_nothing_is_kept(channels: Channels, body: Any, where: str) -> None:
    answer = channels.post(body)
    assert answer.status_code == 422
    assert [problem["where"] for problem in answer.get_json()["problems"]] == [where]
    with channels.world.session() as session:
        assert session.scalars(select(WebOrderRow)).all() == []


def test_a_request_that_is_too_long_is_not_read(channels: Channels) -> None:
    assert channels.post(b" " * (BODY_MAX_BYTES + 1)).status_code == 413


def test_an_unknown_barcode_fails_the_order_and_asks_for_a_call(channels: Channels) -> None:
    assert channels.send({CHINA: 1, "6901028999999": 1}).get_json()["reason"] == "unknown_spec"
    assert "unknown_spec" in channels.command("web-orders", "phone-list", "--day", "2026-11-23")
    channels.world.check_books()


@settings(max_examples=60)
@given(
    st.recursive(
        st.none() | st.integers() | st.text(max_size=8),
        lambda x: (
            st.lists(x, max_size=3)
            | st.dictionaries(st.sampled_from(["customer_code", "lines", "barcode", "cartons"]), x)
        ),
    )
)
def test_any_json_is_an_order_or_is_refused(body: Any) -> None:
    text = TypeAdapter(Any).dump_json(body)
    try:
        order = OrderSent.model_validate_json(text)
    except ValidationError:
        return
    assert order.lines


def test_the_description_is_valid_openapi_and_says_what_is_checked(database_url: str, clock: MovingClock) -> None:
    app = create_app(Settings(database_url=database_url, demo=True), clock=clock)
    described = app.test_client().get("/api/openapi.json").get_json()
    OpenAPIV31SpecValidator(described).validate()
    schemas = described["components"]["schemas"]
    assert schemas["LineSent"]["properties"]["cartons"]["minimum"] == 1
    assert app.test_client().post("/api/orders", json={}).status_code == 401


def test_every_answer_is_what_the_description_says(channels: Channels) -> None:
    described = channels.app.test_client().get("/api/openapi.json").get_json()
    responses = described["paths"]["/api/orders"]["post"]["responses"]

    def is_as_described(answer: TestResponse) -> int:
        schema = responses[str(answer.status_code)]["content"]["application/json"]["schema"]
        validate(answer.get_json(), {**schema, "components": described["components"]}, cls=Draft202012Validator)
        return answer.status_code

    channels.world.limit(CHINA, 5)
    channels.world.stock(ERA, 0)
    answers = [
        channels.send({CHINA: 9, CLASSIC: 1}, key="order-one"),
        channels.send({CHINA: 9, CLASSIC: 1}, key="order-one"),
        channels.send({CHINA: 1}, key="order-two"),
        channels.send({ERA: 1}, code=STATION, key="order-three"),
        channels.send({CHINA: 2}, key="order-one"),
        channels.post({}, key=None),
        channels.post({}, token="nobody's"),
        channels.post({"lines": "all"}),
        channels.post(b"[" * (200 * 1024)),
    ]
    assert [is_as_described(answer) for answer in answers] == [201, 200, 409, 409, 422, 400, 401, 422, 413]


# --- imported from a file


def write(path: Path, *rows: tuple[object, ...]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([("reference", "customer_code", "name", "cartons", "placed_at"), *rows])
    return path


def import_file(channels: Channels, path: Path) -> str:
    return channels.command(
        "web-orders", "import-orders", str(path), "--channel", "mobile", "--sender", "the old system"
    )


def test_a_file_of_orders_is_taken_over_and_again_changes_nothing(channels: Channels, tmp_path: Path) -> None:
    channels.world.clock.move_to(at(12, 20))
    path = write(
        tmp_path / "orders.csv",
        ("A1", SHOP, "中华(硬)", 2, "2026-11-23 11:50"),
        ("A1", SHOP, TAISHAN, 1, "2026-11-23 11:50"),
        ("A2", STATION, "中华(硬)", 1, "2026-11-23 12:05"),
        ("A3", CORNER, "中华(硬)", 1, "2026-11-23 11:55"),
    )
    assert import_file(channels, path) == "Orders in orders.csv: 2 failed, 1 saved.\n"
    assert import_file(channels, path) == "Orders in orders.csv: 3 entered before.\n"
    with channels.world.session() as session:
        reasons = {row.key: row.reason for row in session.scalars(select(WebOrderRow))}
    # An order placed before noon counts although imported after; one placed after noon does not.
    assert reasons == {"A1": None, "A2": "closed", "A3": "closed"}
    assert STATION in channels.command("web-orders", "phone-list", "--day", "2026-11-23")
    channels.world.check_books()


def test_a_file_with_anything_wrong_in_it_is_refused_whole(channels: Channels, tmp_path: Path) -> None:
    path = write(
        tmp_path / "orders.csv",
        ("A1", SHOP, "中华(硬)", 2, "2026-11-23 08:50"),
        ("A1", SHOP, "中华(硬)", 2, "2026-11-23 08:50"),
        ("A1", STATION, "泰山(望岳)", 2, "2026-11-23 08:50"),
        ("A2", "12", "中华(方)", "1.5", "2026-11-23 09:30"),
        ("", SHOP, "中华(硬)", 10_000, "noon"),
    )
    words = ["web-orders", "import-orders", str(path), "--channel", "web", "--sender", "x"]
    result = channels.app.test_cli_runner().invoke(args=words)
    assert result.exit_code == 1
    for place in (
        "row 3, column name",
        "row 4, column reference",
        "row 5, column customer_code",
        "row 5, column name",
        "row 5, column cartons",
        "row 5, column placed_at",
        "row 6, column reference",
        "row 6, column cartons",
        "row 6, column placed_at",
    ):
        assert f"orders.csv, {place}" in result.output
    with channels.world.session() as session:
        assert session.scalars(select(WebOrderRow)).all() == []
