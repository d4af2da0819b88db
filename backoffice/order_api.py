"""The interface for shops: `POST /api/orders`, what a retailer asks for under `/api/retailers`, and the description of
both at `/api/openapi.json`.

A sender is identified by its token and may send an order as often as it likes under one key. The outcome is stored in
one transaction with the order itself.
"""

from __future__ import annotations

from http import HTTPStatus

from flask import Blueprint, Response, jsonify, request
from pydantic import ValidationError
from werkzeug.exceptions import RequestEntityTooLarge

from backoffice.api_access import OpenDesk, bearer_token
from backoffice.api_description import describe
from backoffice.api_errors import BODY_MAX_BYTES, ApiResponse, failed, malformed, refuse
from backoffice.order_messages import KEY_MAX, KEY_MIN, OrderSent
from backoffice.retailer_api import retailer_api
from clock import Clock
from orders.book.desk import Desk
from orders.channels.tokens import sender_by_token
from orders.channels.web_orders import EnteredOrder, KeyReused, WebOrder, enter_order
from storage import SessionFactory, retry_on_deadlock, transaction

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")


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
        token = bearer_token()
        # Before the body is read: an unknown sender learns nothing, and costs little.
        if token is None or not known(token):
            return refuse(HTTPStatus.UNAUTHORIZED, "no_token")
        key = request.headers.get("Idempotency-Key", "").strip()
        if not (KEY_MIN <= len(key) <= KEY_MAX and key.isascii() and key.isprintable()):
            return refuse(HTTPStatus.BAD_REQUEST, "no_key")
        request.max_content_length = BODY_MAX_BYTES
        try:
            order = OrderSent.model_validate_json(request.get_data(cache=False))
        except RequestEntityTooLarge:
            return refuse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_long")
        except ValidationError as error:
            return malformed(error)
        try:
            found = taken(order, token, key)
        except KeyReused:
            return refuse(HTTPStatus.UNPROCESSABLE_ENTITY, "key_used_twice")
        if found is None:
            return refuse(HTTPStatus.UNAUTHORIZED, "no_token")
        return _answered(found)

    @routes.get("/openapi.json")
    def description() -> Response:
        return jsonify(describe())

    @routes.route("/<path:_rest>", methods=METHODS)
    def unknown_address(_rest: str) -> ApiResponse:
        return refuse(HTTPStatus.NOT_FOUND, "unknown_address")

    @routes.errorhandler(HTTPStatus.INTERNAL_SERVER_ERROR)
    def server_error(_error: Exception) -> ApiResponse:
        return refuse(HTTPStatus.INTERNAL_SERVER_ERROR, "server_error")

    routes.register_blueprint(retailer_api(sessions, clock, open_desk))
    return routes


def _packs_per_carton(desk: Desk, barcode: str) -> int:
    # An order with an unknown spec fails, so the size of its cartons does not matter.
    spec = desk.catalog.specs.get(barcode)
    return 1 if spec is None else spec.packs_per_carton


def _answered(found: EnteredOrder) -> ApiResponse:
    row = found.row
    if row.state == "failed":
        return failed(row.answer, row.reason or "")
    return jsonify(row.answer), HTTPStatus.OK if found.repeated else HTTPStatus.CREATED
