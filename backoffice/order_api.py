"""Orders by the web: `POST /api/orders`, with its description at `/api/openapi.json`.

A sender is identified by its token and may send an order as often as it likes under one key. The outcome is stored in
one transaction with the order itself.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError
from sqlalchemy.orm import Session
from werkzeug.exceptions import RequestEntityTooLarge

from backoffice.order_messages import KEY_MAX, KEY_MIN, OrderSent, RequestRejected, describe
from clock import Clock
from orders.book.desk import Desk
from orders.channels.tokens import sender_by_token
from orders.channels.web_orders import EnteredOrder, KeyReused, WebOrder, enter_order
from storage import SessionFactory, retry_on_deadlock, transaction

BODY_MAX_BYTES = 128 * 1024

OpenDesk = Callable[[Session, datetime], Desk]
ApiResponse = tuple[Response, int]

MESSAGES = {
    "unknown_retailer": "There is no retailer with this customer code.",
    "unknown_spec": "A barcode is not in the catalogue; nothing was ordered.",
    "suspended": "The retailer's licence is suspended; nothing can be ordered.",
    "not_order_day": "It is not the retailer's order day.",
    "already_ordered": "The retailer has an order for this day already.",
    "closed": "Orders for this day are not taken at this time by this channel.",
    "nothing_left": "Nothing of what was asked for can be had.",
    "order_min": "The order is smaller than the department accepts; it was not saved.",
}


def order_api(sessions: SessionFactory, clock: Clock, open_desk: OpenDesk) -> Blueprint:
    """The order interface. `open_desk` opens the order desk at a moment."""
    routes = Blueprint("order_api", __name__, url_prefix="/api")

    @retry_on_deadlock
    def taken(order: OrderSent, token: str, key: str) -> EnteredOrder | None:
        now = clock()
        with transaction(sessions) as session:
            if (sender := sender_by_token(session, token)) is None:
                return None
            desk = open_desk(session, now)
            packs = {line.barcode: line.cartons * _packs_per_carton(desk, line.barcode) for line in order.lines}
            return enter_order(desk, sender.channel, sender.name, key, WebOrder(order.customer_code, packs, now), now)

    def known(token: str) -> bool:
        with sessions() as session:
            return sender_by_token(session, token) is not None

    @routes.post("/orders")
    def place_order() -> ApiResponse:
        token = _token()
        # Before the body is read: an unknown sender learns nothing, and costs little.
        if token is None or not known(token):
            return _refuse(HTTPStatus.UNAUTHORIZED, "no_token", "Send a token in force: Authorization: Bearer <token>.")
        key = request.headers.get("Idempotency-Key", "").strip()
        if not (KEY_MIN <= len(key) <= KEY_MAX and key.isascii() and key.isprintable()):
            message = f"Send the order's own key, {KEY_MIN} to {KEY_MAX} plain characters: Idempotency-Key: <key>."
            return _refuse(HTTPStatus.BAD_REQUEST, "no_key", message)
        request.max_content_length = BODY_MAX_BYTES
        try:
            order = OrderSent.model_validate_json(request.get_data(cache=False))
        except RequestEntityTooLarge:
            message = f"The order is longer than {BODY_MAX_BYTES} bytes: send it as several, or mend it."
            return _refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_long", message)
        except ValidationError as error:
            return _malformed(error)
        try:
            found = taken(order, token, key)
        except KeyReused as error:
            return _refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "key_used_twice", str(error))
        if found is None:
            return _refuse(HTTPStatus.UNAUTHORIZED, "no_token", "The token was withdrawn meanwhile.")
        return _answered(found)

    @routes.get("/openapi.json")
    def description() -> Response:
        return jsonify(describe())

    return routes


def _packs_per_carton(desk: Desk, barcode: str) -> int:
    # An order with an unknown spec fails, so the size of its cartons does not matter.
    spec = desk.catalog.specs.get(barcode)
    return 1 if spec is None else spec.packs_per_carton


def _token() -> str | None:
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def _answered(found: EnteredOrder) -> ApiResponse:
    row = found.row
    if row.state == "failed":
        reason = row.reason or "failed"
        message = MESSAGES.get(reason, "The order could not be saved.")
        response = jsonify({"lines": [], **row.answer, "message": message})
        return response, HTTPStatus.CONFLICT
    return jsonify(row.answer), HTTPStatus.OK if found.repeated else HTTPStatus.CREATED


def _malformed(error: ValidationError) -> ApiResponse:
    problems = [
        {"where": ".".join(map(str, problem["loc"])), "what": problem["msg"]}
        for problem in error.errors(include_url=False, include_context=False, include_input=False)
    ]
    message = "The order is not well formed; nothing was ordered. /api/openapi.json says how it has to be."
    refused = RequestRejected.model_validate({"error": "malformed", "message": message, "problems": problems})
    return jsonify(refused.model_dump()), HTTPStatus.UNPROCESSABLE_ENTITY


def _refuse(status: HTTPStatus, error: str, message: str) -> ApiResponse:
    return jsonify(RequestRejected(error=error, message=message).model_dump()), status
