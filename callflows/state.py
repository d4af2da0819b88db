"""The state of a call. All of it is data, stored with the call between two turns; no worker keeps any in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from pydantic import TypeAdapter

from callflows.replies import TransferReason
from speech.utterance import Command, Item, Utterance

RUNG = "outbound"
"""The flow of an outbound call, to a retailer that is due."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The facts of a call before anybody has spoken: its id, the two numbers, and whether speech can be recognised.
    In an outbound call, too, `caller` is the retailer's number and `called` the line's."""

    call_key: str
    caller: str
    called: str
    ear: bool
    # The name of its flow; empty for the flow of the hotline that was called.
    flow: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """The caller said and keyed nothing for as long as the reply waits."""


Heard = Utterance | Silence

Why = Literal["missing", "wanted", "again", "vague", "unclear"]
"""The reason for asking a quantity: none was said; the caller asked whether there is any; none was said of a brand that
is ordered already; 十来条; 一箱."""


class Next(StrEnum):
    """The continuation once a turn's lines are taken: the oldest open question, or the step to return to."""

    UNSURE = "unsure"
    WHICH = "which"
    QUANTITY = "quantity"
    SUBSTITUTE = "substitute"
    REST = "rest"
    MORE = "more"
    BANDS = "bands"
    SPECS = "specs"
    READ_BACK = "read_back"


@dataclass(frozen=True, slots=True)
class Pending:
    """An open question about one line, or about all lines of a doubtful utterance; other lines are taken already or
    have questions of their own.

    `barcode` is the substitute offered. `packs` is what was wanted of a spec that is out of stock, or what was ordered
    before of one that is short; `left` is what could be granted of that one. `command` is what else was said with
    lines the recogniser was unsure of.
    """

    kind: Literal[Next.UNSURE, Next.WHICH, Next.QUANTITY, Next.SUBSTITUTE, Next.REST]
    items: tuple[Item, ...] = ()
    barcode: str = ""
    packs: int = 0
    left: int = 0
    page: int = 0
    why: Why = "missing"
    command: Command | None = None


@dataclass
class CallState:
    """The state of one call between two turns."""

    call_key: str
    caller: str
    called: str
    # True if speech can be recognised; otherwise every prompt asks for keys.
    ear: bool
    flow: str = "ordering"
    step: str = ""
    # The region chosen, by its name, on a line that asks for one.
    region: str = ""
    greeted: bool = False
    customer_code: str = ""
    signed_in: bool = False
    # Wrong codes, wrong PINs and codes that were heard wrong; reset only when an operator gives the call back.
    failures: int = 0
    # Turns in a row that were silent or not understood.
    misses: int = 0
    pending: tuple[Pending, ...] = ()
    back_to: Next = Next.MORE
    # The spec of the line mentioned last: "改成三条" is about it.
    last_barcode: str = ""
    # The only spec mentioned in the reply before: "来五条" straight after is about it.
    about: str = ""
    # True once the new and key specs of the day have been named in this call.
    introduced: bool = False
    # Specs the caller has heard are out of stock.
    told_out: tuple[str, ...] = ()
    # The number of times a brand came without a quantity.
    quantities_missed: int = 0
    # The bands as read out, neighbours merged: numbers, lowest and highest price in fen; then the one being read.
    bands: tuple[tuple[tuple[int, ...], int, int], ...] = ()
    band: int = 0
    page: int = 0
    page_read: bool = False
    # The lines read back last, barcode and packs; None before the first time.
    read: tuple[tuple[str, int], ...] | None = None
    # True if a key cut it off: then the totals have been repeated, and the next key counts.
    cut_off: bool = False
    refusal: str = ""
    said: tuple[str, ...] = ()
    over: Literal["", "hung_up", "transferred"] = ""
    transfer_reason: TransferReason = "asked"
    saved: bool = False
    # The end of an outbound call without an order: somebody else, not now, or silent.
    parted: str = ""

    def copy(self) -> CallState:
        """A copy of the state; all it holds is immutable."""
        return replace(self)

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON."""
        stored: dict[str, Any] = _STATE.dump_python(self, mode="json")
        return stored

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CallState:
        """The state back from `to_json`; ValueError for other data."""
        return _STATE.validate_python(data)


_STATE = TypeAdapter(CallState)
