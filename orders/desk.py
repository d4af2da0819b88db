"""The order desk, as the conversation sees it: who may order, what there is, and the order being made.

A desk serves one unit of work: it never commits, and what it did stands or falls with the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from functools import cached_property

from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from orders import holds, offers, retailers
from orders.answers import (
    Band,
    Confirmed,
    CutReason,
    DeskRefusal,
    Hotline,
    LineOutcome,
    LineView,
    Offer,
    OrderView,
    Retailer,
    SignIn,
    Standing,
)
from orders.drafts import DraftBook, LineRequest, Mode
from orders.house_rules import draft_rules
from orders.models import Channel, HotlineRow, RetailerRow
from orders.sign_in import LockRules, check_pin
from orders.windows import Calendar, business_day

__all__ = [
    "Band",
    "Confirmed",
    "CutReason",
    "Desk",
    "DeskRefusal",
    "Hotline",
    "LineOutcome",
    "LineRequest",
    "LineView",
    "Offer",
    "OrderView",
    "Retailer",
    "SignIn",
    "Standing",
]


class Desk:
    """The order desk at one moment. Methods that refuse raise DeskRefusal with a reason that can be told."""

    def __init__(self, session: Session, catalog: Catalog, now: datetime, locks: LockRules | None = None) -> None:
        self.session = session
        self.catalog = catalog
        self.now = now
        self.locks = locks or LockRules()
        # A session forgets what nobody holds on to, and would look it up for every question anew.
        self._retailers: dict[int, RetailerRow] = {}
        self._drafts = DraftBook(session, catalog, now, lambda: draft_rules(session), lambda: self.calendar)

    @cached_property
    def calendar(self) -> Calendar:
        """The days on which orders are taken."""
        return retailers.calendar(self.session)

    # --- who is calling, and where

    def retailer(self, customer_code: str) -> Retailer | None:
        """The retailer with this code, or None."""
        return self._seen(retailers.by_code(self.session, customer_code))

    def retailer_by_phone(self, phone: str) -> Retailer | None:
        """The retailer that registered this number, or None; it needs no PIN."""
        return self._seen(retailers.by_phone(self.session, phone))

    def customer_codes(self) -> frozenset[str]:
        """Every customer code there is."""
        return retailers.customer_codes(self.session)

    def verify_pin(self, customer_code: str, pin: str, caller: str) -> SignIn:
        """Whether code and PIN belong together. Wrong ones are counted and lock the code, the calling number, or
        everybody, for a while; an unknown code costs the same work and gets the same answer as a wrong PIN."""
        row, locked = check_pin(self.session, self.locks, customer_code, pin, caller, self.now)
        return SignIn(ok=row is not None, locked=locked, retailer=self._seen(row))

    def hotline(self, called_number: str) -> Hotline:
        """The hotline behind the called number; for an unknown number the first regular one."""
        return retailers.hotline(self._hotlines, called_number)

    def standing(self, retailer: Retailer, hotline: Hotline) -> Standing:
        """Whether this retailer may order now by this hotline, and what it ordered or left unsaved today."""
        terms = retailers.terms_of_hotline(self.session, hotline.id)
        return retailers.standing(self.session, self._row(retailer), terms, self.now, self.calendar)

    def is_new_year(self) -> bool:
        """Whether callers are wished a happy new year these days (AY 4.1.5.4)."""
        return self.calendar.is_new_year(business_day(self.now))

    # --- what there is

    def offers(self, retailer: Retailer, hotline: Hotline) -> list[Offer]:
        """What this retailer may order today, in catalogue order; what is used up or sold out is in it, with nothing
        left."""
        return offers.offers(self.session, self.catalog, self._row(retailer), business_day(self.now))

    def offer(self, retailer: Retailer, barcode: str) -> Offer | None:
        """One spec of `offers`, or None where this retailer may not have it today."""
        today = business_day(self.now)
        found = offers.offers(self.session, self.catalog, self._row(retailer), today, [barcode])
        return found[0] if found else None

    def bands(self, retailer: Retailer, hotline: Hotline) -> list[Band]:
        """The price bands in which something is left for this retailer, the dearest first."""
        return offers.bands(self.offers(retailer, hotline))

    def specs_in_band(self, retailer: Retailer, hotline: Hotline, band: int) -> list[Offer]:
        """What is left for this retailer in one price band."""
        return [
            offer for offer in self.offers(retailer, hotline) if offer.spec.price_band == band and offer.left_packs > 0
        ]

    def balance(self, retailer: Retailer) -> int:
        """What is on the retailer's account, in fen."""
        return self._row(retailer).balance_fen

    def usual(self, retailer: Retailer) -> tuple[str, ...]:
        """The barcodes this retailer orders, most often first."""
        return offers.usual(self.session, self._row(retailer))

    def last_order(self, retailer: Retailer) -> OrderView | None:
        """The latest order this retailer saved."""
        order = offers.last_order(self.session, self._row(retailer))
        return None if order is None else retailers.order_view(order)

    # --- the order being made in a call

    def open_draft(
        self,
        call_key: str,
        retailer: Retailer,
        hotline: Hotline,
        *,
        channel: Channel = "phone",
        region: str = "",
        fresh: bool = False,
    ) -> OrderView:
        """This call's draft, for the region chosen where the hotline asks for one. What an earlier call left behind
        today is taken up again, or given up with `fresh`."""
        terms = retailers.terms_of_hotline(self.session, hotline.id)
        return self._drafts.open(
            call_key, self._row(retailer), terms, channel, hotline_id=hotline.id, region=region, fresh=fresh
        )

    def open_channel_draft(self, key: str, retailer: Retailer, channel: Channel) -> OrderView:
        """A draft for an order that came in by another way than a call, in that channel's window. What a call left
        behind is given up for it."""
        terms = retailers.terms_of_channel(self.session, channel)
        return self._drafts.open(key, self._row(retailer), terms, channel, fresh=True)

    def draft(self, call_key: str) -> OrderView | None:
        """This call's unsaved order, or None."""
        return self._drafts.view(call_key)

    def expect(self, barcodes: Iterable[str]) -> None:
        """Say which specs one turn is about before it changes their lines one by one. Where two callers name the same
        specs in other orders, one then waits for the other, instead of each for the other."""
        holds.lock(self.session, business_day(self.now), barcodes)

    def available(self, call_key: str, barcode: str) -> tuple[int, CutReason]:
        """How many packs more this order could be granted of a spec, in whole cartons, and what stands in the way of
        the next one. Nothing is reserved by asking."""
        return self._drafts.available(call_key, barcode)

    def set_lines(self, call_key: str, requests: Sequence[LineRequest]) -> list[LineOutcome]:
        """Take several requests at once, in one order of locking; the outcomes come in the order of the requests."""
        return self._drafts.set_lines(call_key, requests)

    def set_line(self, call_key: str, barcode: str, requested_packs: int, mode: Mode = "add") -> LineOutcome:
        """Ask for so much more of a spec ("add") or so much in all ("set"): reserved at once, cut to what is left, and
        kept as demand whatever becomes of it."""
        return self._drafts.set_lines(call_key, [LineRequest(barcode, requested_packs, mode)])[0]

    def remove_line(self, call_key: str, barcode: str) -> bool:
        """Take a line off; False where it is not on the order."""
        return self._drafts.remove(call_key, barcode)

    def settle_for(self, call_key: str, barcode: str, packs: int) -> None:
        """Leave a line that was cut at less than was granted of it, 0 for none; what was asked for stays the demand."""
        self._drafts.settle_for(call_key, barcode, packs)

    def confirm(self, call_key: str) -> Confirmed:
        """Save the order, once: asked again it answers with the same order."""
        return self._drafts.confirm(call_key)

    def abandon(self, call_key: str) -> None:
        """The call ended without a yes. The draft is kept to be taken up again, and its holds until they expire."""
        self._drafts.abandon(call_key)

    @cached_property
    def _hotlines(self) -> Sequence[HotlineRow]:
        return retailers.hotlines(self.session)

    def _seen(self, row: RetailerRow | None) -> Retailer | None:
        if row is None:
            return None
        self._retailers[row.id] = row
        return retailers.retailer_view(row)

    def _row(self, retailer: Retailer) -> RetailerRow:
        if retailer.id not in self._retailers:
            self._retailers[retailer.id] = self.session.get_one(RetailerRow, retailer.id)
        return self._retailers[retailer.id]
