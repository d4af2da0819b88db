"""The figures of the order desk's days: need met and unmet per spec, the due retailers, channels, reasons (AY 4.4).

A period that is still running is counted until today, and of today what is decided (`orders.reporting.need_days`): an
order that is being typed changes no rate.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from fractions import Fraction

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from brand_catalog.models import BrandSpec
from orders.book.due import DueCounts, due_counts
from orders.book.models import COUNTED_STATES, Channel
from orders.outbound.models import MissedCall
from orders.reporting.need_days import DaySums, NeedDays, SpecDay, UnmetReason, need_days, order_sums
from orders.reporting.period import Period

# What the catalogue does not have is recorded in cartons of the usual size.
PACKS_PER_CARTON = 10

# A spec had again within this time is a repeat: the longest cycle is a month.
REPEATED_WITHIN = timedelta(days=35)


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
    asked: int
    reached: int
    repeated: int
    ordering: int
    unmet_by_reason: Mapping[UnmetReason, int] = field(default_factory=dict)

    @property
    def unmet_packs(self) -> int:
        return sum(self.unmet_by_reason.values())

    @property
    def met_rate(self) -> Fraction | None:
        """订足率: granted of requested. What one retailer got beyond its request meets no other's need."""
        return _met_rate(self.requested_packs, self.unmet_packs)

    @property
    def reach(self) -> Fraction | None:
        """The share of ordering retailers that have this spec."""
        return Fraction(self.reached, self.ordering) if self.ordering else None

    @property
    def repeat_rate(self) -> Fraction | None:
        return Fraction(self.repeated, self.reached) if self.reached else None


@dataclass(frozen=True, slots=True)
class DayFigures:
    """One day, or several: the retailers due, those of them that ordered, and the totals of all orders. `suspended`
    retailers are no part of those due. `drafts` with `draft_packs` are orders with lines that can still be saved, and
    are no part of any other figure; those of a day that is over are `lapsed`."""

    day: date
    due: int = 0
    due_ordered: int = 0
    suspended: int = 0
    orders: int = 0
    packs: int = 0
    amount_fen: int = 0
    requested_packs: int = 0
    unmet_packs: int = 0
    missed: int = 0
    drafts: int = 0
    draft_packs: int = 0
    lapsed: int = 0
    cancelled: int = 0

    @property
    def success(self) -> Fraction | None:
        """The share of the day's due retailers that have ordered."""
        return Fraction(self.due_ordered, self.due) if self.due else None

    @property
    def met_rate(self) -> Fraction | None:
        return _met_rate(self.requested_packs, self.unmet_packs)


@dataclass(frozen=True, slots=True)
class SpecDayFigures:
    """The need of one spec on one day, in packs."""

    day: date
    requested_packs: int
    met_packs: int
    unmet_packs: int

    @property
    def met_rate(self) -> Fraction | None:
        return _met_rate(self.requested_packs, self.unmet_packs)


@dataclass(frozen=True, slots=True)
class ChannelFigures:
    """The totals of one channel."""

    channel: Channel
    orders: int
    packs: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Figures:
    """All figures of a period: of its days on which a retailer was due or something was ordered; of every spec that
    was asked for or sold, in catalogue order and then by name what no catalogue has; of the channels, the most orders
    first; and the reasons why requests were cut and retailers not reached, with their counts, the most frequent first
    (TR 3.3). `period` ends today where it is still running."""

    period: Period
    days: Sequence[DayFigures]
    needs: Sequence[SpecNeed]
    channels: Sequence[ChannelFigures]
    unmet_reasons: Sequence[tuple[str, int]]
    missed_reasons: Sequence[tuple[str, int]]
    need_days: NeedDays

    @property
    def total(self) -> DayFigures:
        """The days added up."""
        return total(self.days, self.period)

    def days_of(self, need: SpecNeed) -> list[SpecDayFigures]:
        """The days of one spec, those on which it was asked for or sold."""
        return [
            SpecDayFigures(day, one.requested_packs, one.met_packs, one.unmet_packs)
            for day, needs in sorted(self.need_days.days.items())
            if self.period.first <= day <= self.period.last
            for one in needs.specs
            if one.barcode == need.barcode and (need.barcode or one.name == need.name)
        ]


def read_figures(session: Session, period: Period, today: date) -> Figures:
    """The figures of a period as they are on this day. What was added up for them is to be kept by
    `orders.reporting.need_days.keep`, so that it need not be added up again."""
    period = period.until(today)
    # A spec is repeated by what was ordered in the weeks before.
    with_before = Period(period.first - REPEATED_WITHIN, period.last)
    sums = order_sums(session, with_before) if period.days else {}
    needs = need_days(session, with_before, sums, today)
    unmet: Counter[str] = Counter()
    for day in period.days:
        unmet.update(needs.days[day].reasons if day in needs.days else {})
    return Figures(
        period,
        _days(session, period, sums, needs, today),
        _needs(session, period, needs),
        _channels(sums[day] for day in period.days if day in sums),
        sorted(unmet.items(), key=lambda one: (-one[1], one[0])),
        missed_reasons(session, period),
        needs,
    )


def day_figures(session: Session, day: date, today: date) -> tuple[DayFigures, NeedDays]:
    """The figures of one day, and the need that was added up for them."""
    period = Period(day, day)
    sums = order_sums(session, period)
    needs = need_days(session, period, sums, today)
    return next(iter(_days(session, period, sums, needs, today)), DayFigures(day)), needs


def total(days: Sequence[DayFigures], period: Period) -> DayFigures:
    """The days of a period added up."""
    return DayFigures(
        period.last,
        due=sum(day.due for day in days),
        due_ordered=sum(day.due_ordered for day in days),
        suspended=sum(day.suspended for day in days),
        orders=sum(day.orders for day in days),
        packs=sum(day.packs for day in days),
        amount_fen=sum(day.amount_fen for day in days),
        requested_packs=sum(day.requested_packs for day in days),
        unmet_packs=sum(day.unmet_packs for day in days),
        missed=sum(day.missed for day in days),
        drafts=sum(day.drafts for day in days),
        draft_packs=sum(day.draft_packs for day in days),
        lapsed=sum(day.lapsed for day in days),
        cancelled=sum(day.cancelled for day in days),
    )


def missed_reasons(session: Session, period: Period) -> list[tuple[str, int]]:
    """The reasons why retailers were not reached, with their counts, the most frequent first (TR 3.3)."""
    rows = session.execute(
        select(MissedCall.reason, func.count())
        .where(MissedCall.missed_on.between(period.first, period.last))
        .group_by(MissedCall.reason)
        .order_by(func.count().desc(), MissedCall.reason)
    )
    return [(reason, count) for reason, count in rows]


def _days(
    session: Session, period: Period, sums: Mapping[date, DaySums], needs: NeedDays, today: date
) -> list[DayFigures]:
    missed = Counter(
        session.scalars(select(MissedCall.missed_on).where(MissedCall.missed_on.between(period.first, period.last)))
    )
    due = due_counts(session, period.days)
    found = []
    for day in period.days:
        specs = needs.days[day].specs if day in needs.days else ()
        orders = sums.get(day, {})
        if due[day].due or specs or any(state in (*COUNTED_STATES, "draft") for _channel, state in orders):
            found.append(_day(day, due[day], orders, specs, missed[day], is_over=day < today))
    return found


def _day(
    day: date, due: DueCounts, sums: DaySums, specs: Collection[SpecDay], missed: int, *, is_over: bool
) -> DayFigures:
    saved = [own for (_channel, state), own in sums.items() if state in COUNTED_STATES]
    drafts = [own for (_channel, state), own in sums.items() if state == "draft"]
    # A draft without lines asked for nothing, so nothing of it lapsed.
    lapsed = sum(own.filled for (_channel, state), own in sums.items() if state == "lapsed")
    unsaved = sum(own.filled for own in drafts)
    return DayFigures(
        day,
        due=due.due,
        due_ordered=due.ordered,
        suspended=due.suspended,
        orders=sum(own.orders for own in saved),
        packs=sum(own.packs for own in saved),
        amount_fen=sum(own.fen for own in saved),
        requested_packs=sum(one.requested_packs for one in specs),
        unmet_packs=sum(one.unmet_packs for one in specs),
        missed=missed,
        drafts=0 if is_over else unsaved,
        draft_packs=0 if is_over else sum(own.packs for own in drafts),
        lapsed=lapsed + unsaved if is_over else lapsed,
        cancelled=sum(own.orders for (_channel, state), own in sums.items() if state == "cancelled"),
    )


def _needs(session: Session, period: Period, found: NeedDays) -> list[SpecNeed]:
    known = {
        barcode: (position, name, per)
        for barcode, position, name, per in session.execute(
            select(BrandSpec.barcode, BrandSpec.position, BrandSpec.name, BrandSpec.packs_per_carton)
        )
    }
    sums: dict[tuple[str, str], _SpecSums] = {}
    for day, needs in sorted(found.days.items()):
        for one in needs.specs:
            own = sums.setdefault((one.barcode, one.name), _SpecSums())
            own.add(one, in_period=day >= period.first)
    ordering = 0
    for own in sums.values():
        ordering |= own.having
    rows = [
        SpecNeed(
            barcode,
            known[barcode][1] if barcode in known else name or barcode,
            known[barcode][2] if barcode in known else PACKS_PER_CARTON,
            own.requested,
            own.met,
            own.asking.bit_count(),
            own.having.bit_count(),
            (own.again | (own.having & own.before)).bit_count(),
            ordering.bit_count(),
            own.unmet,
        )
        for (barcode, name), own in sums.items()
        if own.asking
    ]
    last = len(known)
    return sorted(rows, key=lambda one: (known[one.barcode][0] if one.barcode in known else last, one.name))


class _SpecSums:
    """The days of one spec, while they are added up: the sets of retailers that asked for it and that have it in the
    period, had it before, and have it on a second day of the period."""

    def __init__(self) -> None:
        self.requested = self.met = self.asking = self.having = self.before = self.again = 0
        self.unmet: Counter[UnmetReason] = Counter()

    def add(self, day: SpecDay, *, in_period: bool) -> None:
        if not in_period:
            self.before |= day.having
            return
        self.requested += day.requested_packs
        self.met += day.met_packs
        for reason, packs in day.unmet_by_reason.items():
            self.unmet[reason] += packs
        self.asking |= day.having | day.lacking
        self.again |= self.having & day.having
        self.having |= day.having


def _channels(sums: Iterable[DaySums]) -> list[ChannelFigures]:
    orders: Counter[Channel] = Counter()
    packs: Counter[Channel] = Counter()
    fen: Counter[Channel] = Counter()
    for day in sums:
        for (channel, state), own in day.items():
            if state in COUNTED_STATES:
                orders[channel] += own.orders
                packs[channel] += own.packs
                fen[channel] += own.fen
    found = [ChannelFigures(channel, count, packs[channel], fen[channel]) for channel, count in orders.items()]
    return sorted(found, key=lambda one: (-one.orders, one.channel))


def _met_rate(requested: int, unmet: int) -> Fraction | None:
    return Fraction(requested - unmet, requested) if requested else None
