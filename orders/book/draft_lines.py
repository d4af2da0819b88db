"""The lines of drafts: each is granted as far as limit, stock and rules allow, reserved, and recorded as demand."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, Literal, NamedTuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog, Spec
from orders.book import holds
from orders.book.availability import substitute
from orders.book.headroom import DraftRules, cut_reason, headroom, left_by_rules
from orders.book.models import NAME_MAX_CHARS, DemandRecord, OrderLineRow, OrderRow
from orders.book.order_history import OrderEvent, record_event
from orders.book.views import CutReason, LineOutcome, SpecHeadroom, order_view
from orders.retailers.models import RetailerRow

Mode = Literal["add", "set"]


@dataclass(frozen=True, slots=True)
class LineRequest:
    """One request: so much more of a spec, or so much in all."""

    barcode: str
    packs: int
    mode: Mode = "add"


@dataclass(frozen=True, slots=True)
class KeptLine:
    """A line as it was at an earlier moment, in packs."""

    barcode: str
    requested_packs: int
    granted_packs: int


class _Granted(NamedTuple):
    """The packs granted; of a request that was cut the reason, the limit, and what the retailer had of it."""

    packs: int
    reason: CutReason | None = None
    limit_packs: int = 0
    has_packs: int = 0


class DraftLines:
    """The lines of the drafts of one unit of work. The orders passed in are drafts, their rows locked."""

    def __init__(
        self, session: Session, catalog: Catalog, now: datetime, rules: Callable[[], DraftRules], by: str
    ) -> None:
        self.session = session
        self.by = by
        self.catalog = catalog
        self.now = now
        self._rules = rules
        self._demands: dict[int, dict[str, DemandRecord]] = {}

    @cached_property
    def rules(self) -> DraftRules:
        """The department's rules for drafts."""
        return self._rules()

    def request(self, order: OrderRow, requests: Sequence[LineRequest]) -> list[LineOutcome]:
        """Grant each request as far as limits and stock allow; the outcomes come in the order of the requests."""
        if len(requests) > 1:
            # Locked at once, so that two callers who name the same specs cannot block each other; then granted in the
            # order they were said, which is the order of the lines.
            holds.lock(self.session, order.business_day, [request.barcode for request in requests])
        outcomes = [self._request(order, request) for request in requests]
        _add_up(order)
        self.session.flush()
        return outcomes

    def headroom(self, order: OrderRow, barcode: str) -> SpecHeadroom:
        """The further packs this order could be granted of a spec, in whole cartons, and the reason why not more."""
        spec = self.catalog.specs.get(barcode)
        if spec is None:
            return SpecHeadroom(0, "not_in_catalogue")
        holds.release_expired(self.session, self.now)
        bounds = headroom(self.session, self.catalog, self.rules, order, spec)
        return SpecHeadroom(
            bounds.least // spec.packs_per_carton * spec.packs_per_carton,
            cut_reason(order, barcode, bounds),
            bounds.limit_packs,
            bounds.has_packs,
        )

    def record_unknown(self, order: OrderRow, name: str, packs: int) -> None:
        """Record the demand for a brand that the catalogue does not have, under its name as it was said; 0 packs where
        no quantity was said."""
        name = name[:NAME_MAX_CHARS]
        record = self._demand(order).get(name)
        packs = max(packs, record.requested_packs if record is not None else 0)
        self._record_demand(order, "", packs, 0, "not_in_catalogue", name=name)
        self.session.flush()

    def remove(self, order: OrderRow, barcode: str) -> bool:
        """Remove a line and release its hold; False where it is not on the order."""
        line = _line(order, barcode)
        if line is None:
            return False
        holds.release(self.session, order, barcode, line.granted_packs)
        self.record(order, "removed", barcode=barcode, packs=line.granted_packs)
        order.lines.remove(line)
        if (record := self._demand(order).get(barcode)) is not None:
            record.withdrawn = True
        _add_up(order)
        self.session.flush()
        return True

    def accept_less(self, order: OrderRow, barcode: str, packs: int) -> None:
        """Reduce a line to `packs` of what it was granted, 0 for none; what was asked for stays the demand."""
        line = _line(order, barcode)
        if line is None or line.granted_packs <= packs:
            return
        holds.release(self.session, order, barcode, line.granted_packs - packs)
        self.record(order, "less_accepted", barcode=barcode, now=packs)
        line.requested_packs = line.granted_packs = packs
        if not packs:
            order.lines.remove(line)
        if (record := self._demand(order).get(barcode)) is not None:
            record.granted_packs = packs
        _add_up(order)
        self.session.flush()

    def restore(self, order: OrderRow, lines: Sequence[KeptLine], since: datetime) -> None:
        """Put the lines back to what they were at `since`, as far as what was given up meanwhile is still there; demand
        recorded since then is withdrawn where no line is left of it."""
        kept = {line.barcode: line for line in lines}
        for added in [line.barcode for line in order.lines if line.barcode not in kept]:
            self.remove(order, added)
        present = {line.barcode: (line.requested_packs, line.granted_packs) for line in order.lines}
        changed = [line for line in lines if present.get(line.barcode) != (line.requested_packs, line.granted_packs)]
        self.request(order, [LineRequest(line.barcode, line.granted_packs, "set") for line in changed])
        demand = self._demand(order)
        for line in changed:
            demand[line.barcode].requested_packs = line.requested_packs
            if (row := _line(order, line.barcode)) is not None:
                row.requested_packs = line.requested_packs
        for barcode, record in demand.items():
            if record.at >= since and barcode not in kept:
                record.withdrawn = True
        self.session.flush()

    def renew_holds(self, order: OrderRow) -> bool:
        """Restart the time of the holds. Where they had expired and were released, reserve again what is still there;
        True if some of it is not."""
        lost = False
        if not order.holds_active:
            for line in holds.in_lock_order(order.lines):
                lost |= self._reserve_again(order, line)
            _add_up(order)
        order.holds_active = True
        order.hold_expires_at = self.now + self.rules.hold_for
        self.session.flush()
        return lost

    def discard(self, order: OrderRow) -> None:
        """Let the draft lapse, and release its holds."""
        if order.holds_active:
            for line in holds.in_lock_order(order.lines):
                holds.release(self.session, order, line.barcode, line.granted_packs)
        order.holds_active = False
        order.state = "lapsed"
        order.call_key = None
        self.record(order, "lapsed")
        self.session.flush()

    # --- one request

    def _request(self, order: OrderRow, request: LineRequest) -> LineOutcome:
        if request.packs <= 0:
            raise ValueError(f"{request.packs} packs were requested; a line has at least one, and `remove` removes it.")
        spec = self.catalog.specs.get(request.barcode)
        line = _line(order, request.barcode)
        own = line.granted_packs if line is not None else 0
        more = request.packs if request.mode == "add" else request.packs - own
        wanted = request.packs + (line.requested_packs if line is not None and request.mode == "add" else 0)
        result = _Granted(more)
        if more > 0:
            result = self._reserve(order, request.barcode, spec, more, request.packs)
        elif more < 0:
            holds.release(self.session, order, request.barcode, -more)
        granted, reason = result.packs, result.reason
        if line is None and spec is not None and granted:
            line = OrderLineRow(barcode=spec.barcode, packs_per_carton=spec.packs_per_carton)
            order.lines.append(line)
        if line is not None:
            line.requested_packs, line.granted_packs = wanted, own + granted
            if spec is not None:
                line.spec_name, line.price_fen = spec.name, spec.wholesale_fen
        self._record_demand(order, request.barcode, wanted, own + granted, reason)
        self.record(order, request.mode, barcode=request.barcode, asked=request.packs, now=own + granted, reason=reason)
        instead = None
        if reason in ("out_of_stock", "not_allotted") and spec is not None:
            retailer = self.session.get_one(RetailerRow, order.retailer_id)
            instead = substitute(self.session, self.catalog, retailer, order.business_day, spec)
        return LineOutcome(
            barcode=request.barcode,
            line=None if line is None else next(v for v in order_view(order).lines if v.barcode == request.barcode),
            requested_packs=request.packs,
            granted_packs=granted if request.mode == "add" else own + granted,
            reason=reason,
            substitute=instead,
            limit_packs=result.limit_packs,
            has_packs=result.has_packs,
        )

    def _reserve(self, order: OrderRow, barcode: str, spec: Spec | None, more: int, asked: int) -> _Granted:
        """Reserve up to `more` packs; return the packs granted, and the reason for a cut."""
        if spec is None:
            return _Granted(0, "not_in_catalogue")
        # A request in cartons is granted in whole ones.
        step = spec.packs_per_carton if asked % spec.packs_per_carton == 0 else 1
        # Most requests are met in full: what is left is queried only where one cannot be.
        by_rules = left_by_rules(self.session, self.catalog, self.rules, order, spec)
        if more <= min(by_rules.values()) and holds.reserve(self.session, order, barcode, more):
            return _Granted(more)
        swept = False
        while True:
            bounds = headroom(self.session, self.catalog, self.rules, order, spec)
            if bounds.least < more and not swept:
                # Before the caller hears that there is no more, release what ended calls still hold.
                swept = True
                holds.release_expired(self.session, self.now)
                continue
            granted = min(more, bounds.least // step * step)
            if granted and not holds.reserve(self.session, order, barcode, granted):
                continue
            reason = None if granted == more else cut_reason(order, barcode, bounds)
            return _Granted(granted, reason, bounds.limit_packs, bounds.has_packs)

    def _reserve_again(self, order: OrderRow, line: OrderLineRow) -> bool:
        """Reserve a line whose hold was released; True if some of it is no longer there."""
        spec = self.catalog.specs.get(line.barcode)
        # What is not reserved any more does not count against the order's own bounds.
        before, line.granted_packs = line.granted_packs, 0
        granted, reason, *_ = self._reserve(order, line.barcode, spec, before, before)
        line.granted_packs = granted
        if granted == before:
            return False
        self._record_demand(order, line.barcode, line.requested_packs, granted, reason)
        self.record(order, "cut", barcode=line.barcode, asked=before, now=granted, reason=reason)
        if not granted:
            order.lines.remove(line)
        return True

    # --- demand and history

    def _demand(self, order: OrderRow) -> dict[str, DemandRecord]:
        """The demand recorded for this order so far, by spec, or by name where the catalogue does not have it."""
        if order.id not in self._demands:
            records = self.session.scalars(select(DemandRecord).where(DemandRecord.order_id == order.id))
            self._demands[order.id] = {record.barcode or record.name: record for record in records}
        return self._demands[order.id]

    def _record_demand(
        self,
        order: OrderRow,
        barcode: str,
        requested: int,
        granted: int,
        reason: CutReason | None,
        *,
        name: str = "",
    ) -> None:
        """Record both what was asked for and what was granted, met or not (AY 4.1.6)."""
        demand = self._demand(order)
        record = demand.get(barcode or name)
        if record is None:
            record = demand[barcode or name] = DemandRecord(
                order_id=order.id,
                retailer_id=order.retailer_id,
                business_day=order.business_day,
                barcode=barcode,
                name=name,
            )
            self.session.add(record)
        record.requested_packs = requested
        record.granted_packs = granted
        record.reason = (reason or record.reason) if granted < requested or not barcode else None
        record.withdrawn = False
        record.at = self.now

    def record(self, order: OrderRow, event: OrderEvent, **detail: Any) -> None:
        """Append an event to the order's history, with the name of the member of staff whose doing it is."""
        record_event(self.session, order, event, self.now, **detail, **({"by": self.by} if self.by else {}))


def _add_up(order: OrderRow) -> None:
    """Set the order's sums to those of its lines."""
    view = order_view(order)
    order.total_packs, order.amount_fen = view.total_packs, view.amount_fen


def _line(order: OrderRow, barcode: str) -> OrderLineRow | None:
    return next((line for line in order.lines if line.barcode == barcode), None)
