"""The need of each day: what retailers asked for of each spec, what they have of it, and why they lack the rest.

The need is the most a retailer asked for of a spec on a day, by however many drafts and channels; met is what its saved
order has of it in the end, with every later change. So nothing is counted twice, and nothing asked for is lost.

Only what is decided counts, and what was cancelled does not. An order that is being typed, or that a call left unsaved
on this very day, can still be saved, so that nothing of it is met or unmet before it is saved, lapses, or its day is
over. The same holds for what a web order asked for beyond a limit, while it waits to be audited: it may be a mistake of
its sender.

A past day is added up once and kept (`NeedDay`), with a stamp of the orders it was made from; where that is another one
now, the day is added up again. So a month costs as much as its days, and not as its hundreds of thousands of lines.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import String, and_, case, cast, func, or_, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from orders.book.models import COUNTED_STATES, Channel, DemandRecord, OrderLineRow, OrderRow, OrderState
from orders.channels.models import WebOrderRow
from orders.reporting.models import NeedDay
from orders.reporting.period import Period
from storage import SessionFactory, transaction

UnmetReason = Literal["out_of_stock", "not_allotted", "limit", "not_in_catalogue", "unsaved"]
"""The reasons why a need was not met, as reports have them: in stock there was none or too little; none was allotted to
the retailer; a limit, its own or the department's; no catalogue has it; it was granted and not ordered in the end."""

UNMET_REASONS: tuple[UnmetReason, ...] = get_args(UnmetReason)

# The reason of the reports for each reason of the records.
_REPORTED: Mapping[str | None, UnmetReason] = {
    "out_of_stock": "out_of_stock",
    "stock": "out_of_stock",
    "not_allotted": "not_allotted",
    "limit": "limit",
    "order_max": "limit",
    "band_max": "limit",
    "not_in_catalogue": "not_in_catalogue",
}


@dataclass(frozen=True, slots=True)
class SpecDay:
    """The need of one spec on one day, in packs; a brand that no catalogue has is here without a barcode, by its name
    as it was said. `asking` and `having` are sets of retailers, those that asked for it and those that have it: bit n
    of a set is the retailer with the id n, so that the sets of a month are joined in no time."""

    barcode: str
    name: str
    requested_packs: int
    met_packs: int
    unmet_by_reason: Mapping[UnmetReason, int]
    asking: int
    having: int

    @property
    def unmet_packs(self) -> int:
        return sum(self.unmet_by_reason.values())


@dataclass(frozen=True, slots=True)
class DayNeeds:
    """The needs of one day, and how often each reason was recorded for a need that was cut."""

    specs: Sequence[SpecDay]
    reasons: Mapping[str, int]


class OrderSums(NamedTuple):
    """The orders of one day, channel and state: with lines, in packs and fen, and all of them with their events."""

    filled: int
    packs: int
    fen: int
    orders: int
    events: int
    last: int


DaySums = Mapping[tuple[Channel, OrderState], OrderSums]


@dataclass
class NeedDays:
    """The needs of the days of a period, and those of them that were added up for it and can be kept."""

    days: dict[date, DayNeeds] = field(default_factory=dict)
    to_keep: dict[date, str] = field(default_factory=dict)


def order_sums(session: Session, period: Period) -> dict[date, dict[tuple[Channel, OrderState], OrderSums]]:
    """The orders of each day, by channel and state."""
    found: dict[date, dict[tuple[Channel, OrderState], OrderSums]] = {}
    for day, channel, state, *sums in session.execute(
        select(
            OrderRow.business_day,
            OrderRow.channel,
            OrderRow.state,
            func.count().filter(OrderRow.total_packs > 0),
            func.sum(OrderRow.total_packs),
            func.sum(OrderRow.amount_fen),
            func.count(),
            func.sum(OrderRow.events),
            func.max(OrderRow.id),
        )
        .where(OrderRow.business_day.between(period.first, period.last))
        .group_by(OrderRow.business_day, OrderRow.channel, OrderRow.state)
    ):
        found.setdefault(day, {})[channel, state] = OrderSums(*(int(value) for value in sums))
    return found


def need_days(session: Session, period: Period, sums: Mapping[date, DaySums], today: date) -> NeedDays:
    """The needs of each day of the period that had orders; `sums` are those of its orders."""
    found = NeedDays()
    stamps = {day: _stamp(sums[day]) for day in period.days if day in sums}
    kept = session.execute(
        select(NeedDay.business_day, NeedDay.stamp, NeedDay.needs, NeedDay.retailers).where(
            NeedDay.business_day.between(period.first, period.last)
        )
    )
    for day, stamp, needs, retailers in kept:
        if day < today and stamps.get(day) == stamp:
            found.days[day] = _from_row(needs, retailers)
    for day, stamp in stamps.items():
        if day not in found.days:
            found.days[day] = _added_up(session, day, is_over=day < today)
            if day < today:
                found.to_keep[day] = stamp
    return found


def keep(sessions: SessionFactory, found: NeedDays) -> None:
    """Keep the days that were added up anew. A database that cannot be written just now fails nothing: they are added
    up again when they are next asked for."""
    for day, stamp in found.to_keep.items():
        needs, retailers = _to_row(found.days[day])
        try:
            with transaction(sessions) as session:
                session.merge(NeedDay(business_day=day, stamp=stamp, needs=needs, retailers=retailers))
        except SQLAlchemyError:
            return


def _stamp(sums: DaySums) -> str:
    """A text that is another one after any event of an order of the day. States that count alike are one."""
    classes: dict[str, list[int]] = {}
    for (_channel, state), own in sums.items():
        totals = classes.setdefault("saved" if state in COUNTED_STATES else state, [0, 0, 0, 0, 0])
        totals[:4] = [
            had + more for had, more in zip(totals, (own.orders, own.packs, own.fen, own.events), strict=False)
        ]
        totals[4] = max(totals[4], own.last)
    return " ".join(f"{state}:{'.'.join(map(str, totals))}" for state, totals in sorted(classes.items()))


class _SpecSums:
    """The need of one spec on one day, while it is added up."""

    __slots__ = ("asking", "having", "met", "requested", "unmet")

    def __init__(self) -> None:
        self.requested = self.met = 0
        self.unmet: Counter[UnmetReason] = Counter()
        self.asking: list[int] = []
        self.having: list[int] = []

    def add(self, retailer: int, need: _Need) -> None:
        """Add the need of one retailer."""
        self.requested += need.requested
        self.met += need.met
        self.asking.append(retailer)
        if need.met:
            self.having.append(retailer)
        if (unmet := need.requested - need.met) > 0:
            # The part of it that the latest record explains; the rest was granted, and not ordered in the end.
            explained = min(need.short, unmet) if need.reason is not None else 0
            if need.reason is not None:
                self.unmet[need.reason] += explained
            self.unmet["unsaved"] += unmet - explained


class _Need:
    """The need of one retailer of one spec on one day, while its orders are looked through."""

    __slots__ = ("met", "reason", "record", "requested", "short")

    def __init__(self) -> None:
        self.requested = self.met = self.record = self.short = 0
        self.reason: UnmetReason | None = None


def _added_up(session: Session, day: date, *, is_over: bool) -> DayNeeds:
    left_out: Sequence[OrderState] = ("cancelled",) if is_over else ("cancelled", "draft")
    unaudited = select(WebOrderRow.order_id).where(
        WebOrderRow.business_day == day,
        WebOrderRow.to_audit,
        WebOrderRow.audited_at.is_(None),
        WebOrderRow.order_id.is_not(None),
    )
    orders = select(OrderRow.retailer_id).where(OrderRow.business_day == day)
    # What these retailers need follows from several orders, or needs a closer look; it is a few of them.
    closer = orders.where(OrderRow.state.not_in(left_out)).group_by(OrderRow.retailer_id).having(func.count() > 1)
    closely = set(session.scalars(closer)) | set(session.scalars(orders.where(OrderRow.id.in_(unaudited))))
    sums: dict[tuple[str, str], _SpecSums] = {}
    reasons: Counter[str] = Counter()
    _add_simple(session, day, left_out, closely, sums, reasons)
    _add_closely(session, day, left_out, closely, set(session.scalars(unaudited)), sums, reasons)
    return DayNeeds(
        [
            SpecDay(barcode, name, own.requested, own.met, +own.unmet, _bits(own.asking), _bits(own.having))
            for (barcode, name), own in sums.items()
        ],
        reasons,
    )


def _add_simple(
    session: Session,
    day: date,
    left_out: Sequence[OrderState],
    closely: Collection[int],
    sums: dict[tuple[str, str], _SpecSums],
    reasons: Counter[str],
) -> None:
    """Add the needs of the retailers with one order, added up by the database."""
    counted = OrderRow.state.in_(COUNTED_STATES)
    met = case((counted, func.coalesce(OrderLineRow.granted_packs, 0)), else_=0)
    line_requested = case((counted, func.coalesce(OrderLineRow.requested_packs, 0)), else_=0)
    requested = case(
        (line_requested > DemandRecord.requested_packs, line_requested), else_=DemandRecord.requested_packs
    )
    unmet = case((requested > met, requested - met), else_=0)
    short = DemandRecord.requested_packs - DemandRecord.granted_packs
    explained = case((DemandRecord.reason.is_(None), 0), (short < unmet, short), else_=unmet)
    retailer = cast(DemandRecord.retailer_id, String)
    rows = session.execute(
        select(
            DemandRecord.barcode,
            DemandRecord.name,
            DemandRecord.reason,
            func.count(),
            func.sum(requested),
            func.sum(met),
            func.sum(unmet),
            func.sum(explained),
            func.aggregate_strings(retailer, ","),
            func.aggregate_strings(case((met > 0, retailer)), ","),
        )
        .join(OrderRow, OrderRow.id == DemandRecord.order_id)
        .outerjoin(
            OrderLineRow,
            and_(OrderLineRow.order_id == DemandRecord.order_id, OrderLineRow.barcode == DemandRecord.barcode),
        )
        .where(
            DemandRecord.business_day == day,
            ~DemandRecord.withdrawn,
            OrderRow.state.not_in(left_out),
            DemandRecord.retailer_id.not_in(closely),
        )
        .group_by(DemandRecord.barcode, DemandRecord.name, DemandRecord.reason)
    )
    for barcode, name, reason, count, wanted, had, lacking, because, asking, having in rows:
        own = sums.setdefault((barcode, name), _SpecSums())
        own.requested += int(wanted)
        own.met += int(had)
        own.unmet[_REPORTED.get(reason, "unsaved")] += int(because)
        own.unmet["unsaved"] += int(lacking) - int(because)
        own.asking.extend(map(int, asking.split(",")))
        own.having.extend(map(int, having.split(",") if having else ()))
        if reason is not None:
            reasons[reason] += count


def _add_closely(
    session: Session,
    day: date,
    left_out: Sequence[OrderState],
    closely: Collection[int],
    unaudited: Collection[int | None],
    sums: dict[tuple[str, str], _SpecSums],
    reasons: Counter[str],
) -> None:
    """Add the needs of the retailers to be looked at closely, and of lines that no demand was recorded of."""
    needs: dict[tuple[str, str, int], _Need] = {}
    demand = (
        select(
            DemandRecord.id,
            DemandRecord.order_id,
            DemandRecord.retailer_id,
            DemandRecord.barcode,
            DemandRecord.name,
            DemandRecord.requested_packs,
            DemandRecord.granted_packs,
            DemandRecord.reason,
        )
        .join(OrderRow, OrderRow.id == DemandRecord.order_id)
        .where(
            DemandRecord.business_day == day,
            ~DemandRecord.withdrawn,
            OrderRow.state.not_in(left_out),
            DemandRecord.retailer_id.in_(closely),
        )
    )
    for record, order, retailer, barcode, name, requested, granted, reason in session.execute(demand):
        if order in unaudited:
            requested, reason = granted, None
        need = needs.setdefault((barcode, name, retailer), _Need())
        need.requested = max(need.requested, requested)
        if record > need.record:
            need.record, need.short, need.reason = record, requested - granted, _REPORTED.get(reason)
        if reason is not None:
            reasons[reason] += 1
    recorded = select(DemandRecord.id).where(
        DemandRecord.order_id == OrderLineRow.order_id,
        DemandRecord.barcode == OrderLineRow.barcode,
        ~DemandRecord.withdrawn,
    )
    lines = (
        select(
            OrderRow.id,
            OrderRow.retailer_id,
            OrderLineRow.barcode,
            OrderLineRow.requested_packs,
            OrderLineRow.granted_packs,
        )
        .join(OrderLineRow, OrderLineRow.order_id == OrderRow.id)
        .where(
            OrderRow.business_day == day,
            OrderRow.state.in_(COUNTED_STATES),
            or_(OrderRow.retailer_id.in_(closely), ~recorded.exists()),
        )
    )
    for order, retailer, barcode, requested, granted in session.execute(lines):
        need = needs.setdefault((barcode, "", retailer), _Need())
        need.requested = max(need.requested, granted if order in unaudited else requested)
        need.met += granted
    for (barcode, name, retailer), need in needs.items():
        sums.setdefault((barcode, name), _SpecSums()).add(retailer, need)


def _bits(retailers: Sequence[int]) -> int:
    """The set with these retailers."""
    bits = bytearray(max(retailers, default=0) // 8 + 1)
    for number in retailers:
        bits[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(bits, "little")


def _to_row(needs: DayNeeds) -> tuple[dict[str, object], bytes]:
    sets = [(_bytes(one.asking), _bytes(one.having)) for one in needs.specs]
    specs = [
        [
            one.barcode,
            one.name,
            one.requested_packs,
            one.met_packs,
            [one.unmet_by_reason.get(reason, 0) for reason in UNMET_REASONS],
            len(asking),
            len(having),
        ]
        for one, (asking, having) in zip(needs.specs, sets, strict=True)
    ]
    return {"specs": specs, "reasons": dict(needs.reasons)}, b"".join(asking + having for asking, having in sets)


def _bytes(retailers: int) -> bytes:
    return retailers.to_bytes((retailers.bit_length() + 7) // 8, "little")


def _from_row(needs: Mapping[str, Any], retailers: bytes) -> DayNeeds:
    specs, at = [], 0
    for barcode, name, requested, met, unmet, asking, having in needs["specs"]:
        by_reason = {reason: packs for reason, packs in zip(UNMET_REASONS, unmet, strict=True) if packs}
        middle, end = at + asking, at + asking + having
        sets = (int.from_bytes(retailers[at:middle], "little"), int.from_bytes(retailers[middle:end], "little"))
        specs.append(SpecDay(barcode, name, requested, met, by_reason, *sets))
        at = end
    return DayNeeds(specs, needs["reasons"])
