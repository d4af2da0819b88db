"""The order desk, as the conversation sees it: retailers, available specs, and the order being made.

A desk serves one unit of work: it never commits; its changes are kept or rolled back with the caller's transaction.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from functools import cached_property

from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from orders import hotline_settings
from orders.book import availability, eligibility, holds, order_changes, order_status, views
from orders.book.draft_lines import LineRequest
from orders.book.drafts import Draft, DraftBook
from orders.book.models import Channel
from orders.book.order_status import OrderStatus
from orders.book.views import (
    AvailableSpec,
    Confirmed,
    CutReason,
    DeskRefusal,
    Eligibility,
    Hotline,
    LineOutcome,
    LineView,
    MissedRemedy,
    OrderView,
    PinCheck,
    Retailer,
    SpecHeadroom,
)
from orders.department_rules import RegisteredNumberPin, draft_rules, registered_number_pin
from orders.lockout import SecretMatch, SignInRules, check_pin, matches_hash
from orders.models import HotlineRow
from orders.retailers import lookup
from orders.retailers.models import RetailerRow
from orders.windows import Calendar, business_day
from plain_text import printable

__all__ = [
    "AvailableSpec",
    "Confirmed",
    "CutReason",
    "Desk",
    "DeskRefusal",
    "Draft",
    "Eligibility",
    "Hotline",
    "LineOutcome",
    "LineRequest",
    "LineView",
    "MissedRemedy",
    "OrderStatus",
    "OrderView",
    "PinCheck",
    "Retailer",
    "SpecHeadroom",
]


class Desk:
    """The order desk at one moment. `by` is the member of staff who works at it, kept with everything that is done to
    orders; empty where a retailer orders by itself. Methods that refuse raise DeskRefusal with a reason the caller can
    be given."""

    def __init__(
        self,
        session: Session,
        catalog: Catalog,
        now: datetime,
        sign_in_rules: SignInRules | None = None,
        *,
        by: str = "",
    ) -> None:
        self.session = session
        self.catalog = catalog
        self.now = now
        # The day whose supply and limits are meant: that of the order, for a call that goes on past midnight.
        self.day = business_day(now)
        self.sign_in_rules = sign_in_rules or SignInRules()
        self.match_pin: SecretMatch = matches_hash
        # A session refers to its rows weakly and would query a retailer again for every question.
        self._retailers: dict[int, RetailerRow] = {}
        self._drafts = DraftBook(session, catalog, now, lambda: draft_rules(session), lambda: self.calendar, by)

    @cached_property
    def calendar(self) -> Calendar:
        """The days on which orders are taken."""
        return hotline_settings.calendar(self.session)

    # --- the retailer and the hotline

    def retailer(self, customer_code: str) -> Retailer | None:
        """The retailer with this code, or None."""
        return self._cached_view(lookup.by_code(self.session, customer_code))

    def retailer_by_phone(self, phone: str) -> Retailer | None:
        """The retailer that registered this number, or None. The number alone proves nothing: anybody can send it."""
        return self._cached_view(lookup.by_phone(self.session, phone))

    def has_pin(self, retailer: Retailer) -> bool:
        """True if the retailer has been given a PIN."""
        return self._row(retailer).pin_hash is not None

    @cached_property
    def registered_number_pin(self) -> RegisteredNumberPin:
        """The calls from a registered number in which the PIN is asked for."""
        return registered_number_pin(self.session)

    def customer_codes(self) -> frozenset[str]:
        """Every customer code."""
        return lookup.customer_codes(self.session)

    def verify_pin(self, customer_code: str, pin: str, caller: str) -> PinCheck:
        """Check that code and PIN belong together. Wrong ones are counted, and the code and the calling number have to
        wait after a few; an unknown code costs the same work and gets the same answer as a wrong PIN."""
        row, has_to_wait = check_pin(
            self.session, self.sign_in_rules, customer_code, pin, caller, self.now, self.match_pin
        )
        return PinCheck(ok=row is not None, has_to_wait=has_to_wait, retailer=self._cached_view(row))

    def hotline(self, called_number: str) -> Hotline:
        """The hotline behind the called number; for an unknown number the first regular one."""
        return hotline_settings.hotline(self._hotlines, called_number)

    def main_hotline(self) -> Hotline | None:
        """The line that takes regular orders, or None where there is none or more than one."""
        numbers = [row.number for row in self._hotlines if row.kind == "regular"]
        return self.hotline(numbers[0]) if len(numbers) == 1 else None

    def eligibility(self, retailer: Retailer, hotline: Hotline) -> Eligibility:
        """This retailer's eligibility to order now by this hotline, and what it ordered or left unsaved today."""
        terms = eligibility.terms_of_hotline(self.session, hotline.id)
        grace = draft_rules(self.session).closing_grace
        return eligibility.eligibility(self.session, self._row(retailer), terms, self.now, self.calendar, grace)

    def channel_eligibility(self, retailer: Retailer, channel: Channel) -> Eligibility:
        """This retailer's eligibility to order now by this channel, in the channel's own hours."""
        terms = eligibility.terms_of_channel(self.session, channel)
        grace = draft_rules(self.session).closing_grace
        return eligibility.eligibility(self.session, self._row(retailer), terms, self.now, self.calendar, grace)

    def channel_day(self, retailer: Retailer, channel: Channel) -> date:
        """The day an order of this retailer by this channel would be for now."""
        terms = eligibility.terms_of_channel(self.session, channel)
        return eligibility.order_day(self._row(retailer), terms, self.now, self.calendar)

    def channel_closes_at(self, channel: Channel, day: date) -> datetime:
        """The end of the channel's hours for orders of this day."""
        return eligibility.terms_of_channel(self.session, channel).window.closes_at(day)

    def is_new_year(self) -> bool:
        """True if callers are wished a happy new year these days (AY 4.1.5.4)."""
        return self.calendar.is_new_year(business_day(self.now))

    # --- the available specs

    def available_specs(self, retailer: Retailer) -> list[AvailableSpec]:
        """The specs of which this retailer was allotted some for today, in catalogue order; those used up or sold out
        are included, with nothing left."""
        return availability.available_specs(self.session, self.catalog, self._row(retailer), self.day)

    def specs_on_supply(self, retailer: Retailer) -> list[AvailableSpec]:
        """Every spec on today's supply, in catalogue order; with nothing left of those this retailer was allotted none
        of."""
        return availability.specs_on_supply(self.session, self.catalog, self._row(retailer), self.day)

    def available_spec(self, retailer: Retailer, barcode: str) -> AvailableSpec | None:
        """One spec as this retailer may order it today, or None where it may not."""
        found = availability.available_specs(self.session, self.catalog, self._row(retailer), self.day, [barcode])
        return found[0] if found else None

    def supplied(self, barcodes: Iterable[str]) -> frozenset[str]:
        """Those of the specs of which there is supply today, whoever it was allotted to."""
        return availability.supplied(self.session, self.day, barcodes)

    def balance(self, retailer: Retailer) -> int:
        """The balance of the retailer's account, in fen."""
        return self._row(retailer).balance_fen

    def past_quantities(self, retailer: Retailer) -> dict[str, tuple[int, ...]]:
        """The packs of this retailer's latest orders by barcode, latest first; what it orders most often is first."""
        return availability.past_quantities(self.session, self._row(retailer))

    def last_order(self, retailer: Retailer) -> OrderView | None:
        """The latest order this retailer saved, or None."""
        order = availability.last_order(self.session, self._row(retailer))
        return None if order is None else views.order_view(order)

    # --- saved orders

    def order_statuses(self, retailer: Retailer, most: int = order_status.ORDERS_TRACKED) -> list[OrderStatus]:
        """The latest saved orders of this retailer and where they stand, the latest first, at most `most`."""
        return order_status.order_statuses(self.session, self._row(retailer), most)

    def most_packs(self, number: str, barcode: str) -> int | None:
        """The most packs of a spec that a change of this saved order can come to now; None where the retailer may not
        have it on the order's day."""
        return order_status.most_packs(self.session, number, barcode)

    def request_change(
        self, number: str, lines: Mapping[str, int], retailer: Retailer, *, reason: str, channel: Channel, call_key: str
    ) -> None:
        """Take down the retailer's request for a saved order to have these lines, packs by barcode; none cancels it.
        ChangeRefused where it can no longer be changed."""
        order_changes.request_change(
            self.session,
            number,
            lines,
            by=printable(retailer.name, order_changes.BY_MAX_CHARS),
            reason=reason,
            now=self.now,
            channel=channel,
            call_key=call_key,
        )

    def withdraw_change(self, number: str, retailer: Retailer) -> bool:
        """Withdraw the open request for a saved order at the retailer's wish; False where there is none."""
        return order_changes.withdraw(
            self.session, number, by=printable(retailer.name, order_changes.BY_MAX_CHARS), now=self.now
        )

    def closes_at(self, hotline: Hotline) -> datetime:
        """The end of this hotline's hours on the desk's day."""
        return eligibility.terms_of_hotline(self.session, hotline.id).window.closes_at(self.day)

    # --- the order being made in a call

    def open_draft(
        self,
        call_key: str,
        retailer: Retailer,
        hotline: Hotline,
        *,
        channel: Channel = "phone",
        region: str = "",
    ) -> Draft:
        """This call's draft, for the region chosen where the hotline asks for one. A draft that an earlier call
        abandoned today is resumed. DeskRefusal where no order may be taken now."""
        terms = eligibility.terms_of_hotline(self.session, hotline.id)
        return self._drafts.open(call_key, self._row(retailer), terms, channel, hotline_id=hotline.id, region=region)

    def open_channel_draft(self, key: str, retailer: Retailer, channel: Channel, *, fresh: bool = True) -> Draft:
        """A draft for an order that came in by another way than a call, in that channel's window. A draft that was left
        unsaved is discarded for it, or without `fresh` resumed."""
        terms = eligibility.terms_of_channel(self.session, channel)
        return self._drafts.open(key, self._row(retailer), terms, channel, fresh=fresh)

    def draft(self, call_key: str) -> Draft:
        """The draft of this call, opened already or not."""
        return self._drafts.draft(call_key)

    def lock_specs(self, barcodes: Iterable[str]) -> None:
        """Lock the specs that one turn is about before their lines are changed one by one. Where two callers name the
        same specs in different orders, one then waits for the other, instead of each for the other."""
        holds.lock(self.session, self.day, barcodes)

    @cached_property
    def _hotlines(self) -> Sequence[HotlineRow]:
        return hotline_settings.hotlines(self.session)

    def _cached_view(self, row: RetailerRow | None) -> Retailer | None:
        if row is None:
            return None
        self._retailers[row.id] = row
        return views.retailer_view(row)

    def _row(self, retailer: Retailer) -> RetailerRow:
        if retailer.id not in self._retailers:
            self._retailers[retailer.id] = self.session.get_one(RetailerRow, retailer.id)
        return self._retailers[retailer.id]
