"""What a retailer asks for itself, or a channel for it: orders and where they stand, limits, balance, news of the day.

A retailer signs in with its customer code and PIN (Basic), under the same waits after wrong ones as by telephone; a
channel with its token (Bearer), for any retailer. Nothing here changes an order.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from http import HTTPStatus

from flask import Blueprint, jsonify, request
from pydantic import BaseModel

from backoffice.api_access import OpenDesk, bearer_token, code_and_pin
from backoffice.api_errors import FAILURES, ApiResponse, refuse
from backoffice.retailer_messages import (
    Balance,
    Limits,
    News,
    NewsSpec,
    OrderLine,
    SavedOrder,
    SavedOrders,
    SpecLimit,
)
from brand_catalog.catalog import Spec
from clock import Clock, local
from orders.book.availability import PAST_ORDERS_COUNTED
from orders.book.desk import Desk, OrderStatus, Retailer
from orders.book.models import Channel
from orders.channels.shop_news import shop_news
from orders.channels.tokens import sender_by_token
from orders.reporting.labels import ORDER_STATES
from orders.retailers.web_sign_in import sign_in
from storage import SessionFactory, read_only

# The channel a retailer's own requests are in: its page is made for the telephone in its pocket.
OWN_CHANNEL: Channel = "mobile"

Answer = Callable[[Desk, Retailer, Channel], BaseModel | None]


def retailer_api(sessions: SessionFactory, clock: Clock, open_desk: OpenDesk) -> Blueprint:
    """The questions about one retailer. `open_desk` opens the order desk at a moment."""
    routes = Blueprint("retailers", __name__, url_prefix="/retailers/<code>")

    def answer(code: str, found: Answer, missing: str = "unknown_retailer") -> ApiResponse:
        """What `found` makes of the retailer, for whoever may know it; `missing` where that is None."""
        channel: Channel = OWN_CHANNEL
        if (token := bearer_token()) is not None:
            with read_only(sessions) as session:
                sender = sender_by_token(session, token)
            if sender is None:
                return refuse(HTTPStatus.UNAUTHORIZED, "no_token")
            channel = sender.channel
        elif (refused := _own_pin_refused(sessions, code, clock())) is not None:
            return refused
        with read_only(sessions) as session:
            desk = open_desk(session, clock())
            if (retailer := desk.retailer(code)) is None:
                return refuse(HTTPStatus.NOT_FOUND, "unknown_retailer")
            desk.day = desk.channel_day(retailer, channel)
            body = found(desk, retailer, channel)
        return refuse(HTTPStatus.NOT_FOUND, missing) if body is None else (jsonify(body.model_dump()), HTTPStatus.OK)

    @routes.get("/orders")
    def orders(code: str) -> ApiResponse:
        return answer(code, lambda desk, retailer, _: SavedOrders(orders=_orders(desk, retailer)))

    @routes.get("/orders/<number>")
    def order(code: str, number: str) -> ApiResponse:
        def one(desk: Desk, retailer: Retailer, _: Channel) -> SavedOrder | None:
            return next((order for order in _orders(desk, retailer) if order.number == number), None)

        return answer(code, one, "unknown_order")

    @routes.get("/limits")
    def limits(code: str) -> ApiResponse:
        return answer(code, _limits)

    @routes.get("/balance")
    def balance(code: str) -> ApiResponse:
        return answer(code, _balance)

    @routes.get("/news")
    def news(code: str) -> ApiResponse:
        return answer(code, _news)

    return routes


def _own_pin_refused(sessions: SessionFactory, code: str, now: datetime) -> ApiResponse | None:
    """The refusal of a request without the retailer's own code and PIN; None where they are right."""
    if (sent := code_and_pin()) is None:
        return refuse(HTTPStatus.UNAUTHORIZED, "no_access")
    own_code, pin = sent
    if own_code != code:
        return refuse(HTTPStatus.FORBIDDEN, "other_retailer")
    checked = sign_in(sessions, own_code, pin, address=request.remote_addr or "", now=now)
    if checked.has_to_wait:
        return refuse(HTTPStatus.TOO_MANY_REQUESTS, "has_to_wait")
    return refuse(HTTPStatus.UNAUTHORIZED, "wrong_pin") if checked.retailer is None else None


def _orders(desk: Desk, retailer: Retailer) -> list[SavedOrder]:
    return [_saved_order(status) for status in desk.order_statuses(retailer, PAST_ORDERS_COUNTED)]


def _saved_order(status: OrderStatus) -> SavedOrder:
    order = status.order
    return SavedOrder(
        number=order.number or "",
        business_day=order.business_day.isoformat(),
        kind=order.kind,
        state=order.state,
        state_zh=ORDER_STATES[order.state],
        on_hold=status.on_hold,
        handed_over_on=_day(status.handed_over_on),
        delivered_on=_day(status.delivered_on),
        received_on=_day(status.received_on),
        not_delivered_on=_day(status.not_delivered_on),
        delivery_problem=status.delivery_problem,
        change=None if status.change is None else status.change.state,
        lines=[
            OrderLine(
                barcode=line.barcode,
                name=line.name,
                requested_packs=line.requested_packs,
                granted_packs=line.granted_packs,
                amount_fen=line.amount_fen,
            )
            for line in order.lines
        ],
        total_packs=order.total_packs,
        amount_fen=order.amount_fen,
    )


def _limits(desk: Desk, retailer: Retailer, channel: Channel) -> Limits:
    eligibility = desk.channel_eligibility(retailer, channel)
    return Limits(
        business_day=desk.day.isoformat(),
        may_order=eligibility.may_order,
        reason=eligibility.reason,
        reason_zh="" if eligibility.reason is None else FAILURES[eligibility.reason].chinese,
        opens_at=None if eligibility.opens_at is None else local(eligibility.opens_at).isoformat(),
        closes_at=local(desk.channel_closes_at(channel, desk.day)).isoformat(),
        specs=[
            SpecLimit(
                barcode=one.spec.barcode,
                name=one.spec.name,
                price_fen=one.spec.wholesale_fen,
                packs_per_carton=one.spec.packs_per_carton,
                limit_packs=one.limit_packs,
                limit_left_packs=one.limit_left_packs,
                left_packs=max(0, one.left_packs),
                is_new=one.is_new,
                is_key=one.is_key,
            )
            for one in desk.available_specs(retailer)
        ],
    )


def _balance(desk: Desk, retailer: Retailer, _channel: Channel) -> Balance:
    balance_fen = desk.balance(retailer)
    unsettled_fen = sum(
        status.order.amount_fen for status in desk.order_statuses(retailer) if status.order.state == "confirmed"
    )
    return Balance(
        balance_fen=balance_fen, unsettled_fen=unsettled_fen, shortfall_fen=max(0, unsettled_fen - balance_fen)
    )


def _news(desk: Desk, retailer: Retailer, _channel: Channel) -> News:
    news = shop_news(desk, retailer)
    return News(
        business_day=news.day.isoformat(),
        messages=list(news.messages),
        new_specs=_named(news.new_specs),
        key_specs=_named(news.key_specs),
    )


def _named(specs: Sequence[Spec]) -> list[NewsSpec]:
    return [NewsSpec(barcode=spec.barcode, name=spec.name) for spec in specs]


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
