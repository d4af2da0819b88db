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

from array import array
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Literal, NamedTuple, get_args

from sqlalchemy import and_, func, select
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

# Whole numbers of eight bytes each, as rows keep them.
_NUMBERS = "q"

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
    as it was said. `having` and `lacking` are sets of retailers, those that have it and those that asked for it and
    have none: bit n of a set is the retailer with the id n, so that the sets of a month are joined in no time."""

    barcode: str
    name: str
    requested_packs: int
    met_packs: int
    unmet_by_reason: Mapping[UnmetReason, int]
    having: int
    lacking: int

    @property
    def unmet_packs(self) -> int:
        return sum(self.unmet_by_reason.values())


@dataclass(frozen=True, slots=True)
class DayNeeds:
    """The needs of one day, how often each reason was recorded for a need that was cut, and the need of each retailer
    (`shop_needs`)."""

    specs: Sequence[SpecDay]
    reasons: Mapping[str, int]
    shops: bytes

    def shop_needs(self) -> Iterator[tuple[int, int, int]]:
        """The id of each retailer that asked for anything, with the packs it asked for and those it lacks."""
        numbers = array(_NUMBERS)
        numbers.frombytes(self.shops)
        return zip(numbers[::3], numbers[1::3], numbers[2::3], strict=True)


class OrderSums(NamedTuple):
    """The orders of one day, channel and state: with lines, in packs and fen, and all of them with their events."""

    filled: int
    packs: int
    fen: int
    orders: int
    events: int


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
        )
        .where(OrderRow.business_day.between(period.first, period.last))
        .group_by(OrderRow.business_day, OrderRow.state, OrderRow.channel)
    ):
        found.setdefault(day, {})[channel, state] = OrderSums(*(int(value) for value in sums))
    return found


def need_days(session: Session, period: Period, sums: Mapping[date, DaySums], today: date) -> NeedDays:
    """The needs of each day of the period that had orders; `sums` are those of its orders."""
    found = NeedDays()
    stamps = {day: _stamp(sums[day]) for day in period.days if day in sums}
    kept = session.execute(
        select(NeedDay.business_day, NeedDay.stamp, NeedDay.needs, NeedDay.retailers, NeedDay.shops).where(
            NeedDay.business_day.between(period.first, period.last)
        )
    )
    for day, stamp, needs, retailers, shops in kept:
        # A version that did not keep the shops may still be running beside this one.
        if day < today and stamps.get(day) == stamp and shops is not None:
            found.days[day] = _from_row(needs, retailers, shops)
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
        shops = found.days[day].shops
        try:
            with transaction(sessions) as session:
                session.merge(NeedDay(business_day=day, stamp=stamp, needs=needs, retailers=retailers, shops=shops))
        except SQLAlchemyError:
            return


def _stamp(sums: DaySums) -> str:
    """A text that is another one after any event of an order of the day. States that count alike are one."""
    classes: dict[str, tuple[int, ...]] = {}
    for (_channel, state), own in sums.items():
        alike = "saved" if state in COUNTED_STATES else state
        had = classes.get(alike, (0, 0, 0, 0))
        classes[alike] = (had[0] + own.orders, had[1] + own.packs, had[2] + own.fen, had[3] + own.events)
    return " ".join(f"{state}:{'.'.join(map(str, totals))}" for state, totals in sorted(classes.items()))


class _Need:
    """The need of one retailer of one spec on one day, while its orders are looked through."""

    __slots__ = ("met", "reason", "record", "requested", "short")

    def __init__(self) -> None:
        self.requested = self.met = self.record = self.short = 0
        self.reason: str | None = None


def _added_up(session: Session, day: date, *, is_over: bool) -> DayNeeds:
    needs: dict[tuple[str, str], dict[int, _Need]] = {}
    reasons: Counter[str] = Counter()
    counted: set[int] = set()
    left_out: set[int] = set()
    for order, state in session.execute(select(OrderRow.id, OrderRow.state).where(OrderRow.business_day == day)):
        if state in COUNTED_STATES:
            counted.add(order)
        elif state == "cancelled" or (state == "draft" and not is_over):
            left_out.add(order)
    unaudited = set(
        session.scalars(
            select(WebOrderRow.order_id).where(
                WebOrderRow.business_day == day, WebOrderRow.to_audit, WebOrderRow.audited_at.is_(None)
            )
        )
    )
    lines_read = 0
    is_line = and_(OrderLineRow.order_id == DemandRecord.order_id, OrderLineRow.barcode == DemandRecord.barcode)
    recorded = (
        select(
            DemandRecord.id,
            DemandRecord.order_id,
            DemandRecord.retailer_id,
            DemandRecord.barcode,
            DemandRecord.name,
            DemandRecord.requested_packs,
            DemandRecord.granted_packs,
            DemandRecord.reason,
            OrderLineRow.requested_packs,
            OrderLineRow.granted_packs,
        )
        .select_from(OrderRow)
        # By order, as they were written, and not by spec: the rows of an order are next to each other.
        .join(DemandRecord, DemandRecord.order_id == OrderRow.id)
        .outerjoin(OrderLineRow, is_line)
        .where(OrderRow.business_day == day, ~DemandRecord.withdrawn)
    )
    for record, order, retailer, barcode, name, requested, granted, reason, on_line, had in session.execute(recorded):
        if order in left_out:
            continue
        lines_read += had is not None and order in counted
        if order in unaudited:
            requested, reason, on_line = granted, None, had
        of_spec = needs.setdefault((barcode, name), {})
        if (need := of_spec.get(retailer)) is None:
            need = of_spec[retailer] = _Need()
        if requested > need.requested:
            need.requested = requested
        if record > need.record:
            need.record, need.short, need.reason = record, requested - granted, reason
        if reason is not None:
            reasons[reason] += 1
        if had is not None and order in counted:
            need.met += had
            if on_line > need.requested:
                need.requested = on_line
    if lines_read < _count_lines(session, day):
        _add_unrecorded(session, day, needs)
    specs = [_spec_day(barcode, name, of_spec) for (barcode, name), of_spec in needs.items()]
    return DayNeeds(specs, reasons, _shops(needs.values()))


def _shops(needs: Iterable[Mapping[int, _Need]]) -> bytes:
    """The need of each retailer: its id, the packs it asked for of all specs, and those it lacks."""
    requested: Counter[int] = Counter()
    unmet: Counter[int] = Counter()
    for of_spec in needs:
        for retailer, need in of_spec.items():
            requested[retailer] += need.requested
            unmet[retailer] += max(0, need.requested - need.met)
    return array(_NUMBERS, [one for shop, packs in requested.items() for one in (shop, packs, unmet[shop])]).tobytes()


def _count_lines(session: Session, day: date) -> int:
    """The number of lines of the day's saved orders."""
    lines = select(func.count()).select_from(OrderRow).join(OrderLineRow, OrderLineRow.order_id == OrderRow.id)
    return session.scalar(lines.where(OrderRow.business_day == day, OrderRow.state.in_(COUNTED_STATES))) or 0


def _add_unrecorded(session: Session, day: date, needs: dict[tuple[str, str], dict[int, _Need]]) -> None:
    """Add the lines that no demand was recorded of: those of orders that were imported."""
    has_record = select(DemandRecord.id).where(
        DemandRecord.order_id == OrderLineRow.order_id,
        DemandRecord.barcode == OrderLineRow.barcode,
        ~DemandRecord.withdrawn,
    )
    unrecorded = (
        select(OrderRow.retailer_id, OrderLineRow.barcode, OrderLineRow.requested_packs, OrderLineRow.granted_packs)
        .join(OrderLineRow, OrderLineRow.order_id == OrderRow.id)
        .where(OrderRow.business_day == day, OrderRow.state.in_(COUNTED_STATES), ~has_record.exists())
    )
    for retailer, barcode, requested, granted in session.execute(unrecorded):
        need = needs.setdefault((barcode, ""), {}).setdefault(retailer, _Need())
        need.requested = max(need.requested, requested)
        need.met += granted


def _spec_day(barcode: str, name: str, of_spec: Mapping[int, _Need]) -> SpecDay:
    by_reason: Counter[UnmetReason] = Counter()
    requested = met = 0
    for need in of_spec.values():
        requested += need.requested
        met += need.met
        if (unmet := need.requested - need.met) > 0:
            # The part of it that the latest record explains; the rest was granted, and not ordered in the end.
            explained = min(need.short, unmet) if need.reason is not None else 0
            by_reason[_REPORTED.get(need.reason, "unsaved")] += explained
            by_reason["unsaved"] += unmet - explained
    having = _bits([retailer for retailer, need in of_spec.items() if need.met])
    lacking = _bits([retailer for retailer, need in of_spec.items() if not need.met])
    return SpecDay(barcode, name, requested, met, +by_reason, having, lacking)


def _bits(retailers: Collection[int]) -> int:
    """The set with these retailers."""
    bits = bytearray(max(retailers, default=0) // 8 + 1)
    for number in retailers:
        bits[number >> 3] |= 1 << (number & 7)
    return int.from_bytes(bits, "little")


def _to_row(needs: DayNeeds) -> tuple[dict[str, object], bytes]:
    sets = [(_bytes(one.having), _bytes(one.lacking)) for one in needs.specs]
    specs = [
        [
            one.barcode,
            one.name,
            one.requested_packs,
            one.met_packs,
            dict(one.unmet_by_reason),
            len(having),
            len(lacking),
        ]
        for one, (having, lacking) in zip(needs.specs, sets, strict=True)
    ]
    return {"specs": specs, "reasons": dict(needs.reasons)}, b"".join(having + lacking for having, lacking in sets)


def _bytes(retailers: int) -> bytes:
    return retailers.to_bytes((retailers.bit_length() + 7) // 8, "little")


def _from_row(needs: Mapping[str, Any], retailers: bytes, shops: bytes) -> DayNeeds:
    specs, at = [], 0
    for barcode, name, requested, met, unmet, having, lacking in needs["specs"]:
        middle, end = at + having, at + having + lacking
        sets = (int.from_bytes(retailers[at:middle], "little"), int.from_bytes(retailers[middle:end], "little"))
        specs.append(SpecDay(barcode, name, requested, met, unmet, *sets))
        at = end
    return DayNeeds(specs, needs["reasons"], shops)
