"""The figures of the order desk's days: need met and unmet per spec, the due retailers, channels, reasons (AY 4.4).

The need is the most a retailer asked for of a spec on a day, by however many drafts and channels; met is what its saved
order has of it in the end, with every later change. So nothing is counted twice, and nothing asked for is lost.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction
from typing import Literal

from sqlalchemy import Case, Subquery, case, distinct, func, literal, select, union_all
from sqlalchemy.orm import Session

from brand_catalog.models import BrandSpec
from orders.book.models import COUNTED_STATES, Channel, DemandRecord, OrderLineRow, OrderRow
from orders.book.views import CutReason
from orders.outbound.models import MissedCall
from orders.retailers.lookup import due_by_day
from orders.windows import ONE_DAY

Span = Literal["day", "week", "month"]

UnmetReason = Literal["out_of_stock", "not_allotted", "limit", "not_in_catalogue", "unsaved"]
"""The reasons why a need was not met, as reports have them: in stock there was none or too little; none was allotted to
the retailer; a limit, its own or the department's; no catalogue has it; it was granted and not ordered in the end."""

# The reasons of the records under each reason of the reports.
_RECORDED: Mapping[UnmetReason, tuple[CutReason, ...]] = {
    "out_of_stock": ("out_of_stock", "stock"),
    "not_allotted": ("not_allotted",),
    "limit": ("limit", "order_max", "band_max"),
    "not_in_catalogue": ("not_in_catalogue",),
}
# What the catalogue does not have is recorded in cartons of the usual size.
_PACKS_PER_CARTON = 10

# A spec had again within this time is a repeat: the longest cycle is a month.
REPEATED_WITHIN = timedelta(days=35)


@dataclass(frozen=True, slots=True)
class Period:
    """Business days from `first` to `last`, both counted."""

    first: date
    last: date

    @classmethod
    def around(cls, day: date, span: Span) -> Period:
        """The day itself, its week from Monday, or its calendar month."""
        if span == "day":
            return cls(day, day)
        if span == "week":
            monday = day - timedelta(days=day.weekday())
            return cls(monday, monday + timedelta(days=6))
        first = day.replace(day=1)
        return cls(first, (first + timedelta(days=31)).replace(day=1) - ONE_DAY)

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.first + ONE_DAY * count for count in range((self.last - self.first).days + 1))


@dataclass(frozen=True, slots=True)
class SpecNeed:
    """The need of one spec, in packs; `unmet_by_reason` adds up to what is unmet. A brand no catalogue has is here
    without a barcode, by its name as it was said. `asked` retailers wanted it, `reached` have it, `repeated` of those
    had it before; `ordering` is how many retailers ordered anything."""

    barcode: str
    name: str
    packs_per_carton: int
    requested_packs: int
    met_packs: int
    unmet_packs: int
    asked: int
    reached: int
    repeated: int
    ordering: int
    unmet_by_reason: Mapping[UnmetReason, int] = field(default_factory=dict)

    @property
    def met_rate(self) -> Fraction | None:
        """订足率: granted of requested. What one retailer got beyond its request meets no other's need."""
        wanted = self.requested_packs
        return Fraction(wanted - self.unmet_packs, wanted) if wanted else None

    @property
    def reach(self) -> Fraction | None:
        """The share of ordering retailers that have this spec."""
        return Fraction(self.reached, self.ordering) if self.ordering else None

    @property
    def repeat_rate(self) -> Fraction | None:
        return Fraction(self.repeated, self.reached) if self.reached else None


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day: the retailers due, those of them that ordered, and the totals of all orders."""

    day: date
    due: int
    due_ordered: int
    orders: int
    packs: int
    amount_fen: int
    requested_packs: int
    unmet_packs: int
    missed: int
    lapsed: int
    cancelled: int

    @property
    def success(self) -> Fraction | None:
        """The share of the day's due retailers that have ordered."""
        return Fraction(self.due_ordered, self.due) if self.due else None

    @property
    def met_rate(self) -> Fraction | None:
        wanted = self.requested_packs
        return Fraction(wanted - self.unmet_packs, wanted) if wanted else None


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """The totals of one channel."""

    channel: Channel
    orders: int
    packs: int
    amount_fen: int


def needs(session: Session, period: Period) -> list[SpecNeed]:
    """Every spec that was asked for or sold, in catalogue order; then what no catalogue has, by name."""
    need = _need(period)
    unmet = _unmet(need)
    # The part of it that the latest record explains; the rest was granted, and not ordered in the end.
    short = DemandRecord.requested_packs - DemandRecord.granted_packs
    explained = case((short < unmet, short), else_=unmet)
    by_reason = [
        func.coalesce(func.sum(case((DemandRecord.reason.in_(recorded), explained))), 0)
        for recorded in _RECORDED.values()
    ]
    repeated = _repeated(session, period)
    ordering = session.scalar(
        select(func.count(distinct(OrderRow.retailer_id))).where(
            OrderRow.business_day.between(period.first, period.last), OrderRow.state.in_(COUNTED_STATES)
        )
    )
    rows = session.execute(
        select(
            need.c.barcode,
            func.coalesce(BrandSpec.name, need.c.name),
            func.coalesce(BrandSpec.packs_per_carton, _PACKS_PER_CARTON),
            func.sum(need.c.requested),
            func.sum(need.c.met),
            func.sum(unmet),
            func.count(distinct(need.c.retailer_id)),
            func.count(distinct(case((need.c.met > 0, need.c.retailer_id)))),
            *by_reason,
        )
        .outerjoin(BrandSpec, BrandSpec.barcode == need.c.barcode)
        .outerjoin(DemandRecord, DemandRecord.id == need.c.record)
        .group_by(need.c.barcode, need.c.name, BrandSpec.name, BrandSpec.packs_per_carton, BrandSpec.position)
        .order_by(BrandSpec.position.is_(None), BrandSpec.position, need.c.name)
    )
    return [
        SpecNeed(
            barcode,
            name or barcode,
            per,
            int(wanted),
            int(met),
            int(lacking),
            asked,
            reached,
            repeated[barcode],
            ordering or 0,
            _by_reason(int(lacking), [int(packs) for packs in explained_packs]),
        )
        for barcode, name, per, wanted, met, lacking, asked, reached, *explained_packs in rows
    ]


def days(session: Session, period: Period) -> list[DayFigures]:
    """Each day of the period on which a retailer was due or something was ordered."""
    in_period = OrderRow.business_day.between(period.first, period.last)
    sums = {
        day: (count, int(packs), int(fen))
        for day, count, packs, fen in session.execute(
            select(OrderRow.business_day, func.count(), func.sum(OrderRow.total_packs), func.sum(OrderRow.amount_fen))
            .where(in_period, OrderRow.state.in_(COUNTED_STATES))
            .group_by(OrderRow.business_day)
        )
    }
    ordered: dict[date, set[int]] = {}
    for day, retailer_id in session.execute(
        select(OrderRow.business_day, OrderRow.retailer_id).where(in_period, OrderRow.state.in_(COUNTED_STATES))
    ):
        ordered.setdefault(day, set()).add(retailer_id)
    need = _need(period)
    wanted = {
        day: (int(requested), int(unmet))
        for day, requested, unmet in session.execute(
            select(need.c.business_day, func.sum(need.c.requested), func.sum(_unmet(need))).group_by(
                need.c.business_day
            )
        )
    }
    ended: Counter[tuple[date, str]] = Counter()
    # A draft without lines asked for nothing, so nothing of it lapsed.
    for day, state, count in session.execute(
        select(OrderRow.business_day, OrderRow.state, func.count())
        .where(in_period, (OrderRow.state == "cancelled") | ((OrderRow.state == "lapsed") & OrderRow.lines.any()))
        .group_by(OrderRow.business_day, OrderRow.state)
    ):
        ended[day, state] = count
    missed = Counter(
        session.scalars(select(MissedCall.missed_on).where(MissedCall.missed_on.between(period.first, period.last)))
    )
    due = due_by_day(session, period.days)
    figures = []
    for day in period.days:
        if not (due[day] or day in sums or day in wanted):
            continue
        orders, packs, fen = sums.get(day, (0, 0, 0))
        requested, unmet = wanted.get(day, (0, 0))
        figures.append(
            DayFigures(
                day,
                due=len(due[day]),
                due_ordered=len(due[day] & ordered.get(day, set())),
                orders=orders,
                packs=packs,
                amount_fen=fen,
                requested_packs=requested,
                unmet_packs=unmet,
                missed=missed[day],
                lapsed=ended[day, "lapsed"],
                cancelled=ended[day, "cancelled"],
            )
        )
    return figures


def total(days: Sequence[DayFigures], period: Period) -> DayFigures:
    """The days of a period added up."""
    return DayFigures(
        period.last,
        due=sum(day.due for day in days),
        due_ordered=sum(day.due_ordered for day in days),
        orders=sum(day.orders for day in days),
        packs=sum(day.packs for day in days),
        amount_fen=sum(day.amount_fen for day in days),
        requested_packs=sum(day.requested_packs for day in days),
        unmet_packs=sum(day.unmet_packs for day in days),
        missed=sum(day.missed for day in days),
        lapsed=sum(day.lapsed for day in days),
        cancelled=sum(day.cancelled for day in days),
    )


def channels(session: Session, period: Period) -> list[ChannelFigures]:
    """The totals of each channel, the most orders first."""
    rows = session.execute(
        select(OrderRow.channel, func.count(), func.sum(OrderRow.total_packs), func.sum(OrderRow.amount_fen))
        .where(OrderRow.business_day.between(period.first, period.last), OrderRow.state.in_(COUNTED_STATES))
        .group_by(OrderRow.channel)
        .order_by(func.count().desc(), OrderRow.channel)
    )
    return [ChannelFigures(channel, count, int(packs), int(fen)) for channel, count, packs, fen in rows]


def unmet_reasons(session: Session, period: Period) -> list[tuple[str, int]]:
    """The reasons why requests were not met in full, with their counts, the most frequent first."""
    rows = session.execute(
        select(DemandRecord.reason, func.count())
        .where(
            DemandRecord.business_day.between(period.first, period.last),
            DemandRecord.reason.is_not(None),
            ~DemandRecord.withdrawn,
        )
        .group_by(DemandRecord.reason)
        .order_by(func.count().desc(), DemandRecord.reason)
    )
    return [(str(reason), count) for reason, count in rows]


def missed_reasons(session: Session, period: Period) -> list[tuple[str, int]]:
    """The reasons why retailers were not reached, with their counts, the most frequent first (TR 3.3)."""
    rows = session.execute(
        select(MissedCall.reason, func.count())
        .where(MissedCall.missed_on.between(period.first, period.last))
        .group_by(MissedCall.reason)
        .order_by(func.count().desc(), MissedCall.reason)
    )
    return [(reason, count) for reason, count in rows]


def _by_reason(unmet: int, explained: Sequence[int]) -> dict[UnmetReason, int]:
    """The unmet packs by reason, without the reasons for none."""
    found: dict[UnmetReason, int] = dict(zip(_RECORDED, explained, strict=True))
    found["unsaved"] = unmet - sum(explained)
    return {reason: packs for reason, packs in found.items() if packs}


def _need(period: Period) -> Subquery:
    """Per day, retailer and spec: the most that was asked for, what a saved order has of it, and the latest record."""
    asked = select(
        DemandRecord.business_day,
        DemandRecord.retailer_id,
        DemandRecord.barcode,
        DemandRecord.name,
        DemandRecord.requested_packs.label("requested"),
        literal(0).label("met"),
        DemandRecord.id.label("record"),
    ).where(DemandRecord.business_day.between(period.first, period.last), ~DemandRecord.withdrawn)
    got = (
        select(
            OrderRow.business_day,
            OrderRow.retailer_id,
            OrderLineRow.barcode,
            literal("").label("name"),
            OrderLineRow.requested_packs.label("requested"),
            OrderLineRow.granted_packs.label("met"),
            literal(0).label("record"),
        )
        .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
        .where(OrderRow.business_day.between(period.first, period.last), OrderRow.state.in_(COUNTED_STATES))
    )
    both = union_all(asked, got).subquery()
    return (
        select(
            both.c.business_day,
            both.c.retailer_id,
            both.c.barcode,
            both.c.name,
            func.max(both.c.requested).label("requested"),
            func.sum(both.c.met).label("met"),
            func.max(both.c.record).label("record"),
        )
        .group_by(both.c.business_day, both.c.retailer_id, both.c.barcode, both.c.name)
        .subquery()
    )


def _unmet(need: Subquery) -> Case[int]:
    return case((need.c.requested > need.c.met, need.c.requested - need.c.met), else_=0)


def _repeated(session: Session, period: Period) -> Counter[str]:
    """By spec, the number of retailers that have it and had it on an earlier day as well, within REPEATED_WITHIN."""
    lines = (
        select(OrderLineRow.barcode, OrderRow.retailer_id, func.max(OrderRow.business_day).label("latest"))
        .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
        .where(
            OrderRow.state.in_(COUNTED_STATES),
            OrderRow.business_day.between(period.first - REPEATED_WITHIN, period.last),
        )
        .group_by(OrderLineRow.barcode, OrderRow.retailer_id)
        .having(func.count(distinct(OrderRow.business_day)) > 1)
        .subquery()
    )
    rows = session.execute(
        select(lines.c.barcode, func.count()).where(lines.c.latest >= period.first).group_by(lines.c.barcode)
    )
    return Counter(dict(rows.all()))
