"""Drafts: lines added, changed and removed, each with its hold, until the order is saved once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Literal

from sqlalchemy import or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session, selectinload

from brand_catalog.catalog import Catalog, Spec
from orders.book import holds
from orders.book.availability import substitute
from orders.book.eligibility import Terms, ineligibility, terms_of_channel, terms_of_hotline
from orders.book.headroom import DraftRules, Headroom, cut_reason, headroom, left_by_rules
from orders.book.models import COUNTED_STATES, Channel, DemandRecord, OrderHistory, OrderKind, OrderLineRow, OrderRow
from orders.book.views import Confirmed, CutReason, DeskRefusal, LineOutcome, OrderView, RefusalReason, order_view
from orders.retailers.models import RetailerRow
from orders.windows import Calendar, business_day, cycle_start

Mode = Literal["add", "set"]


@dataclass(frozen=True, slots=True)
class LineRequest:
    """One request: so much more of a spec, or so much in all."""

    barcode: str
    packs: int
    mode: Mode = "add"


class DraftBook:
    """The drafts, within one unit of work."""

    def __init__(
        self,
        session: Session,
        catalog: Catalog,
        now: datetime,
        rules: Callable[[], DraftRules],
        open_days: Callable[[], Calendar],
    ) -> None:
        self.session = session
        self.catalog = catalog
        self.now = now
        self._rules = rules
        self.open_days = open_days
        self._demands: dict[int, dict[str, DemandRecord]] = {}

    @cached_property
    def rules(self) -> DraftRules:
        return self._rules()

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
    ) -> OrderView:
        """This call's draft: the one it has, else one abandoned earlier today, else a new one, for the region chosen.
        With `fresh` abandoned ones are discarded instead. DeskRefusal where no order may be taken now."""
        if (own := self._draft(call_key)) is not None:
            return order_view(own)
        if reason := ineligibility(self.session, retailer, terms, self.now, self.open_days()):
            raise DeskRefusal(reason)
        day = terms.window.day_at(self.now) or business_day(self.now)
        for order in self._abandoned_drafts(retailer, day, terms.kind):
            if fresh:
                self._discard(order)
                continue
            order.call_key = call_key
            order.abandoned_at = None
            order.channel, order.hotline_id, order.region = channel, hotline_id, region
            self._note(order, "resumed", call_key=call_key)
            self._renew_holds(order)
            return order_view(order)
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
        order.holds_active, order.hold_expires_at = True, self.now + self.rules.hold_for
        self.session.add(order)
        self.session.flush()
        self._note(order, "opened", call_key=call_key)
        return order_view(order)

    def view(self, call_key: str) -> OrderView | None:
        order = self._draft(call_key)
        return None if order is None else order_view(order)

    def set_lines(self, call_key: str, requests: Sequence[LineRequest]) -> list[LineOutcome]:
        """Grant each request as far as limits and stock allow; the outcomes come in the order of the requests."""
        order = self._open_draft(call_key)
        self._renew_holds(order)
        if len(requests) > 1:
            # Locked at once, so that two callers who name the same specs cannot block each other; then granted in the
            # order they were said, which is the order of the lines.
            holds.lock(self.session, order.business_day, [request.barcode for request in requests])
        outcomes = [self._request(order, request) for request in requests]
        self.session.flush()
        return outcomes

    def headroom(self, call_key: str, barcode: str) -> tuple[int, CutReason]:
        """The further packs this order could be granted of a spec, in whole cartons, and why it is not more."""
        order = self._open_draft(call_key)
        self._renew_holds(order)
        spec = self.catalog.specs.get(barcode)
        if spec is None:
            return 0, "not_offered"
        holds.release_expired(self.session, self.now)
        if (bounds := self._headroom(order, spec)) is None:
            return 0, "not_offered"
        least = max(0, min(bounds.values()))
        return least // spec.packs_per_carton * spec.packs_per_carton, cut_reason(order, barcode, bounds)

    def remove(self, call_key: str, barcode: str) -> bool:
        """Remove a line and release its hold; False where it is not on the order."""
        order = self._open_draft(call_key)
        self._renew_holds(order)
        line = _line(order, barcode)
        if line is None:
            return False
        holds.release(self.session, order, barcode, line.granted_packs)
        self._note(order, "removed", barcode=barcode, packs=line.granted_packs)
        order.lines.remove(line)
        if (record := self._demand(order).get(barcode)) is not None:
            record.withdrawn = True
        self.session.flush()
        return True

    def accept_less(self, call_key: str, barcode: str, packs: int) -> None:
        """Reduce a line to `packs` of what it was granted, 0 for none; what was asked for stays the demand."""
        order = self._open_draft(call_key)
        self._renew_holds(order)
        line = _line(order, barcode)
        if line is None or line.granted_packs <= packs:
            return
        holds.release(self.session, order, barcode, line.granted_packs - packs)
        self._note(order, "settled_for", barcode=barcode, now=packs)
        line.requested_packs = line.granted_packs = packs
        if not packs:
            order.lines.remove(line)
        if (record := self._demand(order).get(barcode)) is not None:
            record.granted_packs = packs
        self.session.flush()

    def confirm(self, call_key: str) -> Confirmed:
        """Save the order exactly as it was read back, once. DeskRefusal("holds_lost") where some of it has gone to
        others meanwhile: what is on the draft now has to be read back again."""
        order = self._order(call_key)
        if order is None or order.state not in ("draft", *COUNTED_STATES):
            raise DeskRefusal("no_draft")
        if order.state != "draft":
            return Confirmed(order_view(order), already=True)
        if not order.lines:
            raise DeskRefusal("empty")
        if sum(line.granted_packs for line in order.lines) < self.rules.order_min_packs:
            raise DeskRefusal("order_min")
        if reason := self._refusal(order):
            raise DeskRefusal(reason)
        if self._renew_holds(order):
            raise DeskRefusal("holds_lost")
        view = order_view(order)
        try:
            with self.session.begin_nested():
                order.state = "confirmed"
                order.number = f"{order.business_day:%Y%m%d}{order.id:06d}"
                order.confirmed_at = self.now
                order.holds_active = False
                order.total_packs = view.total_packs
                order.amount_fen = view.amount_fen
        except IntegrityError as error:
            raise DeskRefusal("already_ordered") from error
        holds.sell_all(self.session, order)
        self._note(order, "confirmed", packs=order.total_packs, amount_fen=order.amount_fen)
        self.session.flush()
        return Confirmed(order_view(order), already=False)

    def abandon(self, call_key: str) -> None:
        """Mark the draft as abandoned when its call is over. With lines it stays reserved until its holds expire, and
        can be resumed; an empty one is discarded."""
        order = self._draft(call_key)
        if order is None:
            return
        if not order.lines:
            self._discard(order)
            return
        order.abandoned_at = self.now
        self._note(order, "abandoned")
        self.session.flush()

    def _refusal(self, order: OrderRow) -> RefusalReason | None:
        """The reason why this order may no longer be saved although it could be opened, or None."""
        if order.channel in ("phone", "outbound", "operator"):
            terms = terms_of_hotline(self.session, order.hotline_id)
        else:
            terms = terms_of_channel(self.session, order.channel)
        if terms.window.day_at(self.now) != order.business_day:
            return "closed"
        retailer = self.session.get_one(RetailerRow, order.retailer_id, populate_existing=True)
        return ineligibility(self.session, retailer, terms, self.now, self.open_days())

    # --- one request

    def _request(self, order: OrderRow, request: LineRequest) -> LineOutcome:
        if request.packs <= 0:
            raise ValueError(f"{request.packs} packs were asked for; a line has at least one, remove_line takes it off")
        spec = self.catalog.specs.get(request.barcode)
        line = _line(order, request.barcode)
        own = line.granted_packs if line is not None else 0
        more = request.packs if request.mode == "add" else request.packs - own
        wanted = request.packs + (line.requested_packs if line is not None and request.mode == "add" else 0)
        granted, reason, most = more, None, 0
        if more > 0:
            granted, reason, most = self._reserve(order, request.barcode, spec, more, request.packs)
        elif more < 0:
            holds.release(self.session, order, request.barcode, -more)
        if line is None and spec is not None and granted:
            line = OrderLineRow(barcode=spec.barcode, packs_per_carton=spec.packs_per_carton)
            order.lines.append(line)
        if line is not None:
            line.requested_packs, line.granted_packs = wanted, own + granted
            if spec is not None:
                line.spec_name, line.price_fen = spec.name, spec.wholesale_fen
        self._record_demand(order, request.barcode, wanted, own + granted, reason)
        self._note(order, request.mode, barcode=request.barcode, asked=request.packs, now=own + granted, reason=reason)
        instead = None
        if reason == "out_of_stock" and spec is not None:
            retailer = self.session.get_one(RetailerRow, order.retailer_id)
            instead = substitute(self.session, self.catalog, retailer, order.business_day, spec)
        counted = 0 if request.mode == "add" else own
        return LineOutcome(
            barcode=request.barcode,
            line=None if line is None else next(v for v in order_view(order).lines if v.barcode == request.barcode),
            requested_packs=request.packs,
            granted_packs=counted + granted,
            reason=reason,
            available_packs=counted + (most if reason else granted),
            substitute=instead,
        )

    def _reserve(
        self, order: OrderRow, barcode: str, spec: Spec | None, more: int, asked: int
    ) -> tuple[int, CutReason | None, int]:
        """Reserve up to `more` packs; return the packs granted, the reason for a cut, and the most possible."""
        if spec is None:
            return 0, "not_offered", 0
        # A request in cartons is granted in whole ones.
        step = spec.packs_per_carton if asked % spec.packs_per_carton == 0 else 1
        # Most requests are met in full: what is left is queried only where one cannot be.
        by_rules = left_by_rules(self.session, self.catalog, self.rules, order, spec)
        if more <= by_rules and holds.reserve(self.session, order, barcode, more):
            return more, None, more
        swept = False
        while True:
            bounds = self._headroom(order, spec)
            if bounds is None:
                return 0, "not_offered", 0
            least = max(0, min(bounds.values()))
            if least < more and not swept:
                # Before the caller hears that there is no more, release what ended calls still hold.
                swept = True
                holds.release_expired(self.session, self.now)
                continue
            granted = min(more, least // step * step)
            if granted and not holds.reserve(self.session, order, barcode, granted):
                continue
            if granted == more:
                return granted, None, granted
            return granted, cut_reason(order, barcode, bounds), least // step * step

    def _headroom(self, order: OrderRow, spec: Spec) -> Headroom | None:
        return headroom(self.session, self.catalog, self.rules, order, spec)

    # --- holds

    def _renew_holds(self, order: OrderRow) -> bool:
        """Restart the time of the holds. Where they had expired and were released, reserve again what is still there;
        True if some of it is not."""
        lost = False
        if not order.holds_active:
            for line in holds.in_lock_order(order.lines):
                lost |= self._reserve_again(order, line)
        order.holds_active = True
        order.hold_expires_at = self.now + self.rules.hold_for
        self.session.flush()
        return lost

    def _reserve_again(self, order: OrderRow, line: OrderLineRow) -> bool:
        spec = self.catalog.specs.get(line.barcode)
        # What is not reserved any more does not count against the order's own bounds.
        before, line.granted_packs = line.granted_packs, 0
        granted, reason, _ = self._reserve(order, line.barcode, spec, before, before)
        line.granted_packs = granted
        if granted == before:
            return False
        self._record_demand(order, line.barcode, line.requested_packs, granted, reason)
        self._note(order, "cut", barcode=line.barcode, asked=before, now=granted, reason=reason)
        if not granted:
            order.lines.remove(line)
        return True

    def _discard(self, order: OrderRow) -> None:
        if order.holds_active:
            for line in holds.in_lock_order(order.lines):
                holds.release(self.session, order, line.barcode, line.granted_packs)
        order.holds_active = False
        order.state = "lapsed"
        order.call_key = None
        self._note(order, "lapsed")
        self.session.flush()

    # --- rows

    def _order(self, call_key: str) -> OrderRow | None:
        return self.session.scalar(
            select(OrderRow)
            .where(OrderRow.call_key == call_key)
            .with_for_update()
            .options(selectinload(OrderRow.lines))
            .execution_options(populate_existing=True)
        )

    def _draft(self, call_key: str) -> OrderRow | None:
        order = self._order(call_key)
        return order if order is not None and order.state == "draft" else None

    def _open_draft(self, call_key: str) -> OrderRow:
        order = self._draft(call_key)
        if order is None:
            raise DeskRefusal("no_draft")
        return order

    def _abandoned_drafts(self, retailer: RetailerRow, day: date, kind: OrderKind) -> Sequence[OrderRow]:
        return self.session.scalars(
            select(OrderRow)
            .where(
                OrderRow.retailer_id == retailer.id,
                OrderRow.business_day == day,
                OrderRow.kind == kind,
                OrderRow.state == "draft",
                or_(OrderRow.abandoned_at.is_not(None), OrderRow.hold_expires_at <= self.now),
            )
            .order_by(OrderRow.id.desc())
            .with_for_update(skip_locked=True)
            .options(selectinload(OrderRow.lines))
            .execution_options(populate_existing=True)
        ).all()

    def _demand(self, order: OrderRow) -> dict[str, DemandRecord]:
        """The demand recorded for this order so far, by spec."""
        if order.id not in self._demands:
            records = self.session.scalars(select(DemandRecord).where(DemandRecord.order_id == order.id))
            self._demands[order.id] = {record.barcode: record for record in records}
        return self._demands[order.id]

    def _record_demand(
        self, order: OrderRow, barcode: str, requested: int, granted: int, reason: CutReason | None
    ) -> None:
        """Record both what was asked for and what was granted, met or not (AY 4.1.6)."""
        demand = self._demand(order)
        record = demand.get(barcode)
        if record is None:
            record = demand[barcode] = DemandRecord(
                order_id=order.id, retailer_id=order.retailer_id, business_day=order.business_day, barcode=barcode
            )
            self.session.add(record)
        record.requested_packs = requested
        record.granted_packs = granted
        record.reason = (reason or record.reason) if granted < requested else None
        record.withdrawn = False
        record.at = self.now

    def _note(self, order: OrderRow, event: str, **detail: Any) -> None:
        self.session.add(OrderHistory(order_id=order.id, at=self.now, event=event, detail=detail))


def _line(order: OrderRow, barcode: str) -> OrderLineRow | None:
    return next((line for line in order.lines if line.barcode == barcode), None)
