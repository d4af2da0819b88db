"""The order interface's messages: requests, answers, and the published description of both.

The models are the one source: requests are checked by them, and the published OpenAPI document is made from them.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator
from pydantic.json_schema import JsonSchemaMode, models_json_schema

from orders.book.views import CutReason

LINES_MAX = 500
KEY_MIN, KEY_MAX = 8, 80

Barcode = Annotated[str, Field(pattern=r"^[0-9]{13}$", description="The carton's barcode.", examples=["6901028000017"])]
Fen = Annotated[int, Field(description="Money in fen, a hundredth of a yuan.")]
Packs = Annotated[int, Field(ge=0, description="Packs; how many make a carton depends on the spec.")]


class LineSent(BaseModel):
    """One spec of the order."""

    model_config = ConfigDict(extra="forbid", strict=True)

    barcode: Barcode
    cartons: Annotated[int, Field(ge=1, le=9_999)]


class OrderSent(BaseModel):
    """One retailer's whole order for its order day."""

    model_config = ConfigDict(extra="forbid", strict=True)

    customer_code: Annotated[str, Field(pattern=r"^[0-9]{12}$")]
    lines: Annotated[list[LineSent], Field(min_length=1, max_length=LINES_MAX)]

    @field_validator("lines")
    @classmethod
    def _each_once(cls, lines: list[LineSent]) -> list[LineSent]:
        barcodes = [line.barcode for line in lines]
        if repeated := sorted({barcode for barcode in barcodes if barcodes.count(barcode) > 1}):
            raise ValueError(f"{', '.join(repeated)} stands in more than one line")
        return lines


class LineAnswered(BaseModel):
    """The outcome of one line. `reason` says why less was granted than asked for."""

    barcode: Barcode
    requested_packs: Packs
    granted_packs: Packs
    reason: CutReason | None
    amount_fen: Fen


class OrderAnswered(BaseModel):
    """The order as it was saved: "cut" where a line was granted less than asked for."""

    state: Literal["saved", "cut"]
    reason: None = None
    number: str
    business_day: str
    lines: list[LineAnswered]
    total_packs: Packs
    amount_fen: Fen
    balance_fen: Fen
    shortfall_fen: Annotated[int, Field(ge=0, description="What has to be paid in before delivery.")]


class OrderFailed(BaseModel):
    """An order that could not be saved, and why. It is kept, and the retailer may be called about it."""

    state: Literal["failed"]
    reason: str
    message: str
    lines: list[LineAnswered] = []


class RequestProblem(BaseModel):
    """One problem of a request: where it is, and what is wrong."""

    where: str
    what: str


class RequestRejected(BaseModel):
    """A request that was not accepted at all."""

    error: str
    message: str
    problems: list[RequestProblem] = []


def describe() -> dict[str, Any]:
    """The interface as an OpenAPI 3.1 document."""
    models: tuple[type[BaseModel], ...] = (OrderSent, OrderAnswered, OrderFailed, RequestRejected)
    mode: JsonSchemaMode = "validation"
    _, schemas = models_json_schema([(model, mode) for model in models], ref_template="#/components/schemas/{model}")
    return {
        "openapi": "3.1.0",
        "info": {"title": "Order Hotline: orders by the web", "version": "1"},
        "paths": {"/api/orders": {"post": _place_order()}},
        "components": {
            "schemas": schemas["$defs"],
            "securitySchemes": {"channel": {"type": "http", "scheme": "bearer"}},
        },
    }


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
