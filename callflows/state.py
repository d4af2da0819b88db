"""The state of a call. All of it is data, stored with the call between two turns; no worker keeps any in memory."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from pydantic import TypeAdapter

from callflows.replies import TransferReason
from speech.utterance import Command, Item, Utterance

ORDERING = "ordering"
"""The flow of a call to a hotline."""

OUTBOUND = "outbound"
"""The flow of an outbound call, to a retailer that is due."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The facts of a call before the first turn: its id, the two numbers, and whether speech can be recognised.
    In an outbound call, too, `caller` is the retailer's number and `called` the line's."""

    call_key: str
    caller: str
    called: str
    speech_enabled: bool
    # The name of its flow; empty for the flow of the hotline that was called.
    flow: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """The caller said and keyed nothing for as long as the reply waits."""


TurnInput = Utterance | Silence

PriceRange = tuple[int, int]
"""The lowest and the highest retail price of a pack, in fen."""

QuantityReason = Literal["missing", "wanted", "again", "less", "vague", "unclear", "too_many", "sounds_alike"]
"""The reason for asking a quantity: none was said; the caller asked whether there is any; none was said of a brand that
is ordered already, or 再来几条; 少一点, or more is to be taken off than is ordered; 十来条; 一箱; 九千条; it may have
been 六条 or 九条."""


OutReason = Literal["out_of_stock", "not_allotted"]
"""The reason why a substitute is offered: none in stock today, or none of it allotted to this retailer."""


class Goto(StrEnum):
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
    LEAVE = "leave"
    PROVE = "prove"


@dataclass(frozen=True, slots=True)
class OpenQuestion:
    """An open question about one line, or about all lines of a doubtful utterance; other lines are taken already or
    have questions of their own.

    `barcode` is the substitute offered, `out` why the spec itself cannot be had. `packs` is what was wanted of that
    spec, or what was ordered before of one that is short; `granted_packs` is what could be granted of that one.
    `command` is what else was said with lines the recogniser was unsure of.
    """

    kind: Literal[Goto.UNSURE, Goto.WHICH, Goto.QUANTITY, Goto.SUBSTITUTE, Goto.REST]
    items: tuple[Item, ...] = ()
    barcode: str = ""
    packs: int = 0
    granted_packs: int = 0
    page: int = 0
    reason: QuantityReason = "missing"
    command: Command | None = None
    out: OutReason = "out_of_stock"


@dataclass
class CallState:
    """The state of one call between two turns."""

    call_key: str
    caller: str
    called: str
    # True if speech can be recognised; otherwise every prompt asks for keys.
    speech_enabled: bool
    flow: str = ORDERING
    step: str = ""
    # The region chosen, by its name, on a line that asks for one.
    region: str = ""
    # The number of the supplementary hotline that serves a caller of another line; empty elsewhere.
    served_by: str = ""
    greeted: bool = False
    customer_code: str = ""
    signed_in: bool = False
    # True once the caller has keyed the PIN, or an operator has identified it.
    proved: bool = False
    # What the PIN is asked for, beside the read-back: to resume a draft, for a question, or for an earlier order.
    prove_for: Literal["", "resume", "inquiry", "services"] = ""
    # The question that waits for the PIN.
    inquiry_waiting: Command | None = None
    # Wrong codes, wrong PINs and codes that were heard wrong; reset only when an operator gives the call back.
    sign_in_failures: int = 0
    # Turns in a row that were silent or not understood.
    reprompt_count: int = 0
    # The command the line has just asked about, because it was not sure that it was said.
    doubted_command: Command | None = None
    # The times a yes was too doubtful to act on, since the last turn that was understood.
    doubtful_yes_count: int = 0
    open_questions: tuple[OpenQuestion, ...] = ()
    # The open question asked last, and whether that was in short.
    asked: OpenQuestion | None = None
    asked_in_short: bool = False
    return_to: Goto = Goto.MORE
    # The spec of the line mentioned last: "改成三条" is about it.
    last_barcode: str = ""
    # The only spec mentioned in the reply before: "来五条" straight after is about it.
    mentioned_barcode: str = ""
    # The lines taken in the turn before, barcode and packs: one said again straight after is not added.
    just_taken: tuple[tuple[str, int], ...] = ()
    # True once the new and key specs of the day have been named in this call.
    introduced: bool = False
    # Specs the caller has heard are out of stock.
    reported_out_of_stock: tuple[str, ...] = ()
    # Specs the caller has heard were not allotted to it.
    reported_not_allotted: tuple[str, ...] = ()
    # The number of times a brand came without a quantity.
    quantities_omitted: int = 0
    # The price ranges as read out, then the place of the one being read.
    price_ranges: tuple[PriceRange, ...] = ()
    band: int = 0
    page: int = 0
    page_read: bool = False
    # The lines read back last, barcode and packs; None before the first time.
    read_back_lines: tuple[tuple[str, int], ...] | None = None
    # True if a key cut it off: then the totals have been repeated, and the next key counts.
    read_back_interrupted: bool = False
    # The wish to drop the order or to ring again later, until the step that answers it.
    leaving: Literal["", "cancel", "later"] = ""
    # True once the caller has dropped all lines: it is asked for other ones, and no more if it wants none.
    dropped_all: bool = False
    refusal: str = ""
    # After the order: True once the caller has heard what can be asked for; the lines it wants its saved order to have,
    # barcode and packs, none to cancel it; and the lines among these that lack their spec or their quantity.
    services_offered: bool = False
    requested_lines: tuple[tuple[str, int], ...] | None = None
    unclear_items: tuple[Item, ...] = ()
    # True if this turn has taken a request down, or withdrawn one: it cannot be taken back.
    request_made: bool = False
    last_sentences: tuple[str, ...] = ()
    over: Literal["", "hung_up", "transferred"] = ""
    transfer_reason: TransferReason = "asked"
    saved: bool = False
    # The end of an outbound call without an order: somebody else, not now, or silent.
    outbound_outcome: str = ""

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
