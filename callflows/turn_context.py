"""The context of one turn: the call's state, the desk, and the sentences gathered so far."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import TYPE_CHECKING

from brand_catalog.spoken_names import split_name, spoken_forms
from callflows import speaking
from callflows.prompts import load_prompts
from callflows.state import OUTBOUND, CallState
from speech.listening import Choice, Items, Option, SpecHistory, YesNo

if TYPE_CHECKING:
    from brand_catalog.catalog import Spec
    from orders.book.desk import AvailableSpec, Desk, Draft, Hotline, OrderView, Retailer
    from orders.book.models import Channel


class RecordMissing(LookupError):
    """The call's retailer, or a spec of its order, no longer exists."""


class TurnContext:
    """The context of one turn of a call. Steps change `state` and say sentences; nothing else outlives the turn."""

    def __init__(self, state: CallState, desk: Desk) -> None:
        self.state = state
        self.desk = desk
        self.sentences: list[str] = []
        self._prompts = load_prompts()

    # -- saying

    def say(self, key: str, /, **fill: str) -> None:
        """Say the prompt `key` after the sentences said so far."""
        self.sentences.append(self.text(key, **fill))

    def text(self, key: str, /, **fill: str) -> str:
        """The prompt `key`, worded for a caller who may speak or for one who has only keys."""
        return self._prompts.text(key, by_keys=not self.state.speech_enabled, **fill)

    def name(self, barcode: str) -> str:
        """A spec's spoken name."""
        return spoken_forms(self.spec(barcode).name)[0]

    def variant(self, barcode: str) -> str:
        """The part of a spec's name that its brand's other specs do not share; the whole name where it has none."""
        stem, variant = split_name(self.spec(barcode).name)
        return spoken_forms(variant or stem)[0]

    def stem(self, barcode: str) -> str:
        """The part of a spec's name that it shares with its brand's other specs."""
        return spoken_forms(split_name(self.spec(barcode).name)[0])[0]

    def quantity(self, barcode: str, packs: int) -> str:
        """A quantity of a spec, given in packs, said in cartons."""
        return self._in_cartons(packs, self.spec(barcode).packs_per_carton)

    def line(self, barcode: str, packs: int) -> str:
        """One line in the fewest words: 红塔山硬经典五条."""
        return self.text("words.line", spec=self.name(barcode), quantity=self.quantity(barcode, packs))

    def lines(self, order: OrderView) -> str:
        """An order's lines in one sentence, named as they were ordered, whatever the catalogue has today."""
        return self.listed(
            self.text(
                "words.line",
                spec=spoken_forms(line.name)[0],
                quantity=self._in_cartons(line.granted_packs, line.packs_per_carton),
            )
            for line in order.lines
        )

    def listed(self, words: Iterable[str]) -> str:
        """Several phrases joined into one."""
        return self.text("words.and").join(words)

    def total(self, order: OrderView) -> str:
        """The total of an order in cartons; packs that make no whole carton of their spec are said as packs."""
        cartons = sum(line.granted_packs // line.packs_per_carton for line in order.lines)
        packs = sum(line.granted_packs % line.packs_per_carton for line in order.lines)
        whole = speaking.counted(cartons, self.text("words.carton"))
        return whole + (speaking.counted(packs, self.text("words.pack")) if packs else "")

    def _in_cartons(self, packs: int, packs_per_carton: int) -> str:
        return speaking.quantity(packs, packs_per_carton, self.text("words.carton"), self.text("words.pack"))

    # -- looking up

    def spec(self, barcode: str) -> Spec:
        """The spec of a barcode. RecordMissing if the catalogue no longer has it."""
        spec = self.desk.catalog.specs.get(barcode)
        if spec is None:
            raise RecordMissing(
                f"Call {self.state.call_key}: the catalogue has no spec {barcode} any more; pass the call on."
            )
        return spec

    @property
    def hotline(self) -> Hotline:
        """The hotline that was called, or the supplementary one that serves its caller."""
        return self.desk.hotline(self.state.served_by or self.state.called)

    @property
    def must_prove(self) -> bool:
        """True if the caller has yet to key the PIN before anything is saved, and before the balance or an order is
        told: it was signed in by its number alone. Whom the line has called itself is not asked: a call that asks for
        PINs is what a fraud would be."""
        state = self.state
        if not state.signed_in or state.proved or state.flow == OUTBOUND:
            return False
        return self.desk.registered_number_pin != "never"

    @cached_property
    def retailer(self) -> Retailer:
        """The retailer of the call, for steps that have its customer code. RecordMissing if it no longer exists."""
        retailer = self.desk.retailer(self.state.customer_code)
        if retailer is None:
            raise RecordMissing(
                f"Call {self.state.call_key}: its retailer is no longer on the books; pass the call on."
            )
        return retailer

    @cached_property
    def available_specs(self) -> dict[str, AvailableSpec]:
        """The specs this retailer may order at the turn's beginning, by barcode."""
        return {available.spec.barcode: available for available in self.desk.available_specs(self.retailer)}

    # -- the order

    @property
    def channel(self) -> Channel:
        """The channel the order comes in by."""
        return "outbound" if self.state.flow == OUTBOUND else "phone"

    @cached_property
    def draft(self) -> Draft:
        """The call's draft, for every operation of the turn: it knows when its view has to be read again."""
        return self.desk.draft(self.state.call_key)

    @property
    def order(self) -> OrderView | None:
        """The current order; None before there is one, and after another call resumed it."""
        return self.draft.view()

    def ordered(self) -> dict[str, int]:
        """The lines of the current order: packs by barcode."""
        return {line.barcode: line.granted_packs for line in self.order.lines} if self.order else {}

    # -- listening

    def items(self) -> Items:
        """Listen for brands and quantities: what this retailer may order and used to order makes them likelier."""
        past = self.desk.past_quantities(self.retailer)
        return Items(
            tuple(self.available_specs),
            tuple(past),
            self.state.mentioned_barcode,
            tuple(self._history(barcode, packs) for barcode, packs in past.items() if barcode in self.available_specs),
            tuple(self.ordered()),
        )

    def _history(self, barcode: str, packs: tuple[int, ...]) -> SpecHistory:
        available = self.available_specs[barcode]
        per_carton = available.spec.packs_per_carton
        return SpecHistory(barcode, tuple(of_one / per_carton for of_one in packs), available.left_packs / per_carton)

    def yes_no(self) -> YesNo:
        """Listen for yes or no, and for changes to the order."""
        items = self.items()
        return YesNo(True, items.barcodes, items.usual, items.history, items.ordered)

    def choice(self, options: Iterable[Option], items: Items | None = None) -> Choice:
        """Listen for one of the options, and for lines: those of `items`, or of `self.items()`."""
        items = items or self.items()
        return Choice(
            tuple(options),
            or_items=True,
            barcodes=items.barcodes,
            usual=items.usual,
            history=items.history,
            ordered=items.ordered,
        )
