"""The input a turn expects; the recogniser's grammar, the keypad menu and the parser are all derived from it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

CUSTOMER_CODE_DIGITS = 12


@dataclass(frozen=True, slots=True)
class Digits:
    """A number of `length` digits. `what` says which: a customer code may be spoken or keyed, a PIN only keyed."""

    length: int
    what: Literal["customer_code", "pin"] = "customer_code"


@dataclass(frozen=True, slots=True)
class SpecHistory:
    """The quantities a retailer ordered of one spec before, in cartons, the latest first, and the most it may order of
    it now, in cartons; None if there is no limit."""

    barcode: str
    cartons: tuple[float, ...] = ()
    limit: float | None = None


@dataclass(frozen=True, slots=True)
class YesNo:
    """Yes or no; `or_items` also accepts changes to the order, as in "不对，红塔山要三条"."""

    or_items: bool = False
    barcodes: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    history: tuple[SpecHistory, ...] = ()
    ordered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Items:
    """Brands with quantities. `barcodes` are the specs this retailer may order now (empty: not known), `usual` those it
    bought before, most often first, `history` the quantities, and `ordered` the specs in the present order: evidence
    for what it says, as every spec of the catalogue is recognised. `about` is the spec the line has just spoken of, to
    which "来五条" then refers."""

    barcodes: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    about: str = ""
    history: tuple[SpecHistory, ...] = ()
    ordered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QuantityOf:
    """The quantity of one spec; a new item is accepted as well."""

    barcode: str
    barcodes: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    history: tuple[SpecHistory, ...] = ()
    ordered: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Option:
    """One option of a choice, with the phrases that name it; the key is its place counted from 1."""

    key: str
    phrases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few named options: by name, by ordinal ("第二种") or by key. `or_items` also accepts items."""

    options: tuple[Option, ...]
    or_items: bool = False
    barcodes: tuple[str, ...] = ()
    usual: tuple[str, ...] = ()
    history: tuple[SpecHistory, ...] = ()
    ordered: tuple[str, ...] = ()


Listen = Digits | YesNo | Items | QuantityOf | Choice


def is_secret(listen: Listen) -> bool:
    """True if the answer is keyed only, never spoken and never recorded."""
    return isinstance(listen, Digits) and listen.what == "pin"


def implied_spec(listen: Listen) -> str:
    """The barcode to which a quantity said without a brand refers; empty if there is none."""
    match listen:
        case QuantityOf(barcode):
            return barcode
        case Items(about=about):
            return about
        case _:
            return ""


_KINDS: dict[str, type] = {kind.__name__: kind for kind in (Digits, YesNo, Items, QuantityOf, Choice)}


def to_json(listen: Listen) -> dict[str, Any]:
    """The expectation as plain JSON, to be stored with the turn."""
    return {"kind": type(listen).__name__, **asdict(listen)}


def from_json(data: dict[str, Any]) -> Listen:
    """The expectation read back from `to_json`; KeyError for a kind that does not exist."""
    fields = {name: _tuples(value) for name, value in data.items() if name != "kind"}
    if "history" in fields:
        fields["history"] = tuple(SpecHistory(h["barcode"], _tuples(h["cartons"]), h["limit"]) for h in data["history"])
    if "options" in fields:
        fields["options"] = tuple(Option(o["key"], _tuples(o["phrases"])) for o in data["options"])
    listen: Listen = _KINDS[data["kind"]](**fields)
    return listen


def _tuples(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value
