"""The published description of the interface for shops, made from the models its messages are checked by."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from backoffice.order_messages import (
    KEY_MAX,
    KEY_MIN,
    OrderAnswered,
    OrderFailed,
    OrderSent,
    RequestRejected,
)
from backoffice.retailer_messages import Balance, Limits, News, SavedOrder, SavedOrders

_MODELS = (OrderSent, OrderAnswered, OrderFailed, RequestRejected, SavedOrders, SavedOrder, Limits, Balance, News)
_CODE = {"name": "code", "in": "path", "required": True, "schema": {"type": "string", "pattern": "^[0-9]{12}$"}}
_NUMBER = {"name": "number", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def describe() -> dict[str, Any]:
    """The interface as an OpenAPI 3.1 document."""
    mode: JsonSchemaMode = "validation"
    _, schemas = models_json_schema([(model, mode) for model in _MODELS], ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Order Hotline: the interface for shops", "version": "2"},
        "paths": {
            "/api/orders": {"post": _place_order()},
            "/api/retailers/{code}/orders": _read(
                "orders", "The retailer's latest orders and where they stand.", SavedOrders
            ),
            "/api/retailers/{code}/orders/{number}": _read(
                "order", "One order and where it stands.", SavedOrder, _NUMBER
            ),
            "/api/retailers/{code}/limits": _read("limits", "The limits of the retailer's day.", Limits),
            "/api/retailers/{code}/balance": _read("balance", "The balance of the retailer's account.", Balance),
            "/api/retailers/{code}/news": _read("news", "The news of the day for the retailer.", News),
        },
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {
                "channel": {"type": "http", "scheme": "bearer"},
                "retailer": {"type": "http", "scheme": "basic", "description": "The customer code and its PIN."},
            },
        },
    }


def _read(name: str, summary: str, answer: type[BaseModel], *parameters: dict[str, Any]) -> dict[str, Any]:
    refused = {
        "401": "Neither a token in force nor the right code and PIN.",
        "403": "The PIN is of another customer code.",
        "404": "There is no such retailer, or it has no such order.",
        "429": "Too many wrong PINs: try again later.",
    }
    operation = {
        "operationId": f"read_{name}",
        "summary": summary,
        "security": [{"channel": []}, {"retailer": []}],
        "parameters": [_CODE, *parameters],
        "responses": {
            "200": {"description": summary, "content": _json(answer)},
            **{status: {"description": why, "content": _json(RequestRejected)} for status, why in refused.items()},
        },
    }
    return {"get": operation}


def _place_order() -> dict[str, Any]:
    return {
        "operationId": "placeOrder",
        "summary": "Place a retailer's order for its order day.",
        "security": [{"channel": []}],
        "parameters": [
            {
                "name": "Idempotency-Key",
                "in": "header",
                "required": True,
                "description": "The order's own key. Sent again under it, the order is answered as before, once saved.",
                "schema": {"type": "string", "minLength": KEY_MIN, "maxLength": KEY_MAX},
            }
        ],
        "requestBody": {"required": True, "content": _json(OrderSent)},
        "responses": {
            "201": {"description": "Saved.", "content": _json(OrderAnswered)},
            "200": {"description": "Saved before, under this key.", "content": _json(OrderAnswered)},
            "409": {"description": "Not saved; kept, with the reason.", "content": _json(OrderFailed)},
            "400": {"description": "The key is missing or unfit.", "content": _json(RequestRejected)},
            "401": {"description": "The token is missing or not in force.", "content": _json(RequestRejected)},
            "413": {"description": "The request is too long.", "content": _json(RequestRejected)},
            "422": {
                "description": "The order is not well formed, or its key is another's.",
                "content": _json(RequestRejected),
            },
        },
    }


def _json(model: type[BaseModel]) -> dict[str, Any]:
    return {"application/json": {"schema": {"$ref": f"#/components/schemas/{model.__name__}"}}}
