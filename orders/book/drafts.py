"""Drafts: the unsaved order of a call or a channel, from its first line until it is saved, resumed or discarded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from brand_catalog.catalog import Catalog
from orders.book import holds
from orders.book.draft_lines import DraftLines, KeptLine, LineRequest, Mode
from orders.book.eligibility import (
    PAGE_CHANNELS,
    Terms,
    ineligibility,
    moment_of,
    moment_of_return,
    terms_of_channel,
    terms_of_hotline,
)
from orders.book.headroom import DraftRules
from orders.book.models import COUNTED_STATES, Channel, OrderKind, OrderRow
from orders.book.order_history import OrderEvent
from orders.book.views import (
    Confirmed,
    DeskRefusal,
    LineOutcome,
    OrderView,
    RefusalReason,
    SpecHeadroom,
    order_view,
)
from orders.retailers.models import RetailerRow
from orders.windows import Calendar, business_day, cycle_start


class Draft:
    """The draft of one call or channel order, by its key. It need not exist yet: then it has no view, and what would
    change it raises DeskRefusal("no_draft")."""

    def __init__(self, lines: DraftLines, call_key: str, open_days: Callable[[], Calendar]) -> None:
        self._lines = lines
        self._call_key = call_key
        self._open_days = open_days
        self._view: OrderView | None = None

    def view(self) -> OrderView | None:
        """The draft as it is now, or None. It is read once, and again after each operation of this object."""
        if self._view is None and (order := self._draft()) is not None:
            self._view = order_view(order)
        return self._view

    def saved(self) -> OrderView | None:
        """The order saved from this draft, or None."""
        order = self._order()
        return order_view(order) if order is not None and order.state in COUNTED_STATES else None

    def set_lines(self, requests: Sequence[LineRequest]) -> list[LineOutcome]:
        """Take several requests at once, locked in one order; the outcomes come in the order of the requests."""
        return self._lines.request(self._touched(), requests)

    def set_line(self, barcode: str, requested_packs: int, mode: Mode = "add") -> LineOutcome:
        """Request so much more of a spec ("add") or so much in all ("set"): reserved at once, cut to what is left, and
        recorded as demand in any case."""
        return self.set_lines([LineRequest(barcode, requested_packs, mode)])[0]

    def remove(self, barcode: str) -> bool:
        """Remove a line and release its hold; False where it is not on the order."""
        return self._lines.remove(self._touched(), barcode)

    def accept_less(self, barcode: str, packs: int) -> None:
        """Reduce a line to less than was granted of it, 0 for none; what was asked for stays the demand."""
        self._lines.accept_less(self._touched(), barcode, packs)

    def restore(self, lines: Sequence[KeptLine], since: datetime) -> None:
        """Put the lines back to what they were at `since`, as far as what was given up meanwhile is still there."""
        self._lines.restore(self._touched(), lines, since)

    def record_unknown(self, name: str, packs: int) -> None:
        """Record the demand for a brand that the catalogue does not have, as it was said; 0 packs for no quantity."""
        self._lines.record_unknown(self._touched(), name, packs)

    def headroom(self, barcode: str) -> SpecHeadroom:
        """The further packs this order could be granted of a spec, in whole cartons, and the reason why it is not more.
        Nothing is reserved."""
        return self._lines.headroom(self._touched(), barcode)

    def keep(self) -> datetime:
        """Renew the holds, and return until when they last."""
        order = self._touched()
        assert order.hold_expires_at is not None
        return order.hold_expires_at

    def confirm(self) -> Confirmed:
        """Save the order exactly as it was read back, once; when repeated, return the same order.
        DeskRefusal("holds_lost") where some of it has gone to others meanwhile: what is on the draft now has to be read
        back again."""
        self._view = None
        order = self._order()
        if order is None or order.state not in ("draft", *COUNTED_STATES):
            raise DeskRefusal("no_draft")
        if order.state != "draft":
            return Confirmed(order_view(order), already=True)
        if not order.lines:
            raise DeskRefusal("empty")
        if sum(line.granted_packs for line in order.lines) < self._lines.rules.order_min_packs:
            raise DeskRefusal("order_min")
        if reason := self._refusal(order):
            raise DeskRefusal(reason)
        if self._lines.renew_holds(order):
            raise DeskRefusal("holds_lost")
        session, view = self._lines.session, order_view(order)
        try:
            with session.begin_nested():
                order.state = "confirmed"
                order.number = f"{order.business_day:%Y%m%d}{order.id:06d}"
                order.confirmed_at = self._lines.now
                order.saved_by = self._lines.by or None
                order.holds_active = False
                order.total_packs = view.total_packs
                order.amount_fen = view.amount_fen
        except IntegrityError as error:
            raise DeskRefusal("already_ordered") from error
        holds.sell_all(session, order)
        self._record(order, "confirmed", packs=order.total_packs, amount_fen=order.amount_fen)
        session.flush()
        return Confirmed(order_view(order), already=False)

    def grace_ends_at(self) -> datetime | None:
        """The moment until which this draft can still be saved although the line has closed; None before closing, and
        where it can no longer be saved."""
        order, now, grace = self._draft(), self._lines.now, self._lines.rules.closing_grace
        if order is None or moment_of(order, terms := self._terms(order), now, grace) == now:
            return None
        return terms.window.closes_at(order.business_day) + grace

    def abandon(self) -> None:
        """Mark the draft as abandoned when its call is over. With lines it stays reserved until its holds expire, and
        can be resumed; an empty one is discarded. One that is abandoned already stays as it is."""
        self._view = None
        order = self._draft()
        if order is None:
            return
        if not order.lines:
            self._lines.discard(order)
        elif order.abandoned_at is None:
            order.abandoned_at = self._lines.now
            self._record(order, "abandoned")
            self._lines.session.flush()

    def _touched(self) -> OrderRow:
        """The draft's row, locked, its holds renewed, for an operation after which its view is read again."""
        self._view = None
        order = self._draft()
        if order is None:
            raise DeskRefusal("no_draft")
        self._lines.renew_holds(order)
        return order

    def _refusal(self, order: OrderRow) -> RefusalReason | None:
        """The reason why this order may no longer be saved although it could be opened, or None."""
        session, now = self._lines.session, self._lines.now
        terms = self._terms(order)
        moment = moment_of(order, terms, now, self._lines.rules.closing_grace)
        if terms.window.day_at(moment) != order.business_day:
            return "closed"
        retailer = session.get_one(RetailerRow, order.retailer_id, populate_existing=True)
        return ineligibility(session, retailer, terms, moment, self._open_days())

    def _terms(self, order: OrderRow) -> Terms:
        if order.channel in ("phone", "outbound", "operator"):
            return terms_of_hotline(self._lines.session, order.hotline_id)
        return terms_of_channel(self._lines.session, order.channel)

    def _draft(self) -> OrderRow | None:
        order = self._order()
        return order if order is not None and order.state == "draft" else None

    def _order(self) -> OrderRow | None:
        return self._lines.session.scalar(
            select(OrderRow)
            .where(OrderRow.call_key == self._call_key)
            .with_for_update()
            .options(selectinload(OrderRow.lines))
            .execution_options(populate_existing=True)
        )

    def _record(self, order: OrderRow, event: OrderEvent, **detail: int) -> None:
        self._lines.record(order, event, **detail)


class DraftBook:
    """The drafts, within one unit of work."""

    def __init__(
        self,
        session: Session,
        catalog: Catalog,
        now: datetime,
        rules: Callable[[], DraftRules],
        open_days: Callable[[], Calendar],
        by: str = "",
    ) -> None:
        self.session = session
        self.now = now
        self._open_days = open_days
        self._lines = DraftLines(session, catalog, now, rules, by)

    def draft(self, call_key: str) -> Draft:
        """The draft of this call."""
        return Draft(self._lines, call_key, self._open_days)

    def open(
        self,
        call_key: str,
        retailer: RetailerRow,
        terms: Terms,
        channel: Channel,
        *,
        hotline_id: int | None = None,
        region: str = "",
        fresh: bool = False,
    ) -> Draft:
        """This call's draft: the one it has, else one abandoned earlier today, else a new one, for the region chosen.
        With `fresh` abandoned ones are discarded instead. DeskRefusal where no order may be taken now."""
        draft = self.draft(call_key)
        if draft.view() is not None:
            return draft
        moment = moment_of_return(self.session, retailer, terms, self.now, self._lines.rules.closing_grace)
        if reason := ineligibility(self.session, retailer, terms, moment, self._open_days()):
            raise DeskRefusal(reason)
        day = terms.window.day_at(moment) or business_day(moment)
        for order in self._abandoned_drafts(retailer, day, terms.kind):
            if fresh:
                self._lines.discard(order)
                continue
            order.call_key = call_key
            order.abandoned_at = None
            order.channel, order.hotline_id, order.region = channel, hotline_id, region
            self._lines.record(order, "resumed", call_key=call_key)
            self._lines.renew_holds(order)
            return draft
        order = OrderRow(
            retailer_id=retailer.id,
            business_day=day,
            cycle_start=cycle_start(retailer, day),
            kind=terms.kind,
            state="draft",
            channel=channel,
            hotline_id=hotline_id,
            region=region,
            call_key=call_key,
            created_at=self.now,
            lines=[],
        )
        # Set before the first flush, so that the row is written once.
        order.holds_active, order.hold_expires_at = True, self.now + self._lines.rules.hold_for
        self.session.add(order)
        self.session.flush()
        self._lines.record(order, "opened", call_key=call_key)
        return draft

    def _abandoned_drafts(self, retailer: RetailerRow, day: date, kind: OrderKind) -> Sequence[OrderRow]:
        return self.session.scalars(
            select(OrderRow)
            .where(
                OrderRow.retailer_id == retailer.id,
                OrderRow.business_day == day,
                OrderRow.kind == kind,
                OrderRow.state == "draft",
                or_(
                    OrderRow.abandoned_at.is_not(None),
                    OrderRow.hold_expires_at <= self.now,
                    OrderRow.channel.in_(PAGE_CHANNELS),
                ),
            )
            .order_by(OrderRow.id.desc())
            .with_for_update(skip_locked=True)
            .options(selectinload(OrderRow.lines))
            .execution_options(populate_existing=True)
        ).all()
