"""The order interface's messages: requests and answers.

The models are the one source: requests are checked by them, and the published OpenAPI document is made from them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

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
    message_zh: str
    opens_at: Annotated[str | None, Field(description="When the channel next takes an order of this retailer.")] = None
    lines: list[LineAnswered] = []


class RequestProblem(BaseModel):
    """One problem of a request: where it is, and what is wrong."""

    where: str
    what: str
    what_zh: str = ""


class RequestRejected(BaseModel):
    """A request that was not accepted at all."""

    error: str
    message: str
    message_zh: str
    problems: list[RequestProblem] = []
