"""Where a call stands. All of it is data, kept with the call between two turns; no worker remembers anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any, Literal

from pydantic import TypeAdapter

from callflows.replies import TransferReason
from speech.utterance import Command, Item, Utterance

RUNG = "outbound"
"""The flow of a call in which the line rang the retailer."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """What is known of a call before anybody has spoken: its id, the two numbers, and whether speech can be heard.
    Where the line rang a retailer, `caller` is the retailer's number all the same, and `called` the line's."""

    call_key: str
    caller: str
    called: str
    ear: bool
    # The flow it goes through; empty for that of the hotline that was called.
    flow: str = ""


@dataclass(frozen=True, slots=True)
class Silence:
    """The caller said and keyed nothing for as long as the reply was willing to wait."""


Heard = Utterance | Silence

Why = Literal["missing", "wanted", "again", "vague", "unclear"]
"""Why a quantity is asked for: none was said; the caller asked whether there is any; none was said of a brand that is
ordered already; 十来条; 一箱."""


class Next(StrEnum):
    """Where the order goes on once a turn's lines are taken: to the oldest open question, or on with the call."""

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
    """A question that is open, about one line: the lines beside it are taken already or wait their turn.

    `barcode` is the substitute that is offered. `packs` is what was wanted of a spec that is out, or what was ordered
    before of one that is short; `left` is what there is of that one. `command` is what else was said with lines the
    ear was unsure of.
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
    """One call between two turns."""

    call_key: str
    caller: str
    called: str
    # Whether the caller can be heard; without it every prompt asks for keys.
    ear: bool
    flow: str = "ordering"
    step: str = ""
    # The region chosen, by its name, on a line that asks for one.
    region: str = ""
    greeted: bool = False
    customer_code: str = ""
    signed_in: bool = False
    # Wrong codes, wrong PINs and codes that were heard wrong; never forgotten in a call.
    failures: int = 0
    # Turns in a row that were silent or not understood.
    misses: int = 0
    pending: tuple[Pending, ...] = ()
    back_to: Next = Next.MORE
    # The line last spoken of: what "改成三条" means.
    last_barcode: str = ""
    # The one spec the caller has just been told of: what "来五条" means straight after.
    about: str = ""
    # Whether the new and key specs of the day have been named in this call.
    introduced: bool = False
    # Specs the caller was told are out.
    told_out: tuple[str, ...] = ()
    # How often a brand came without a quantity.
    quantities_missed: int = 0
    # The prices as they were read out, each with its bands and its lowest and highest in fen; and where the caller is.
    bands: tuple[tuple[tuple[int, ...], int, int], ...] = ()
    band: int = 0
    page: int = 0
    page_read: bool = False
    # What was read back last, barcode and packs; None before the first time.
    read: tuple[tuple[str, int], ...] | None = None
    # Whether the caller pressed a key into it: then it has been told, and the next key counts.
    cut_off: bool = False
    refusal: str = ""
    said: tuple[str, ...] = ()
    over: Literal["", "hung_up", "transferred"] = ""
    transfer_reason: TransferReason = "asked"
    saved: bool = False
    # How a retailer that was rung parted from the line without ordering: somebody else, not now, or silent.
    parted: str = ""

    def copy(self) -> CallState:
        """Another state of the same content; all it holds is immutable."""
        return replace(self)

    def to_json(self) -> dict[str, Any]:
        """The state as plain JSON."""
        stored: dict[str, Any] = _STATE.dump_python(self, mode="json")
        return stored

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CallState:
        """The state back from `to_json`; ValueError where it is none."""
        return _STATE.validate_python(data)


_STATE = TypeAdapter(CallState)
