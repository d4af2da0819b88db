"""What the retailers' page shows: the order's state, whether it may order and when, the day's limits, the form."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from console.language import _
from orders.book.desk import AvailableSpec, Desk, Eligibility, OrderStatus, OrderView, Retailer
from orders.channels.order_rows import CARTONS_MAX
from orders.channels.shop_news import ShopNews, shop_news
from orders.channels.shop_orders import SHOP_CHANNEL

_FIGURES = re.compile(r"[0-9]{1,5}")


@dataclass(frozen=True, slots=True)
class ShopView:
    """Everything the page shows of a retailer. `telephone` is the number to ring, and `by_telephone` says that it can
    still order there."""

    retailer: Retailer
    eligibility: Eligibility
    closes_at: datetime
    is_over: bool
    orders: tuple[OrderStatus, ...]
    limits: tuple[AvailableSpec, ...]
    news: ShopNews
    telephone: str
    by_telephone: bool
    has_last: bool

    @property
    def today(self) -> OrderStatus | None:
        """The order of the day, or None."""
        ordered = self.eligibility.ordered
        return next((one for one in self.orders if ordered and one.order.number == ordered.number), None)

    @property
    def earlier(self) -> tuple[OrderStatus, ...]:
        """The latest orders but that of the day."""
        return tuple(one for one in self.orders if one is not self.today)


@dataclass(frozen=True, slots=True)
class TypedOrder:
    """What was typed into the form: packs by barcode, the texts by barcode, and what is wrong with it."""

    packs: dict[str, int]
    texts: dict[str, str]
    problem: str = ""
    wrong: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class FormRow:
    """One spec in the form: the most cartons it can have now, what it had last time, and what stands in the field."""

    one: AvailableSpec
    most_cartons: int
    last_cartons: int
    value: str
    is_wrong: bool = False


@dataclass(frozen=True, slots=True)
class OrderForm:
    """The rows of the form: those ordered before first, then by price; and the names of specs that are used up or out,
    and of those of the last order that are not on today's list."""

    rows: list[FormRow] = field(default_factory=list)
    used_up: list[str] = field(default_factory=list)
    not_today: list[str] = field(default_factory=list)


def shop_view(desk: Desk, retailer: Retailer) -> ShopView:
    """What the page shows of this retailer now, on the desk's day."""
    eligibility = desk.channel_eligibility(retailer, SHOP_CHANNEL)
    line = desk.main_hotline()
    closes_at = desk.channel_closes_at(SHOP_CHANNEL, desk.day)
    return ShopView(
        retailer=retailer,
        eligibility=eligibility,
        closes_at=closes_at,
        is_over=eligibility.reason == "closed" and (eligibility.opens_at is None or eligibility.opens_at > closes_at),
        orders=tuple(desk.order_statuses(retailer)),
        limits=tuple(desk.available_specs(retailer)),
        news=shop_news(desk, retailer),
        telephone=line.number if line is not None else "",
        by_telephone=line is not None and desk.eligibility(retailer, line).may_order,
        has_last=desk.last_order(retailer) is not None,
    )


def order_form(
    desk: Desk, retailer: Retailer, draft: OrderView | None, *, as_last: bool, typed: TypedOrder | None
) -> OrderForm:
    """The form, filled in with what was typed, as last time, or from the draft, in whole cartons."""
    last = desk.last_order(retailer)
    last_packs = {line.barcode: line.granted_packs for line in last.lines} if last is not None else {}
    own_packs = {line.barcode: line.granted_packs for line in draft.lines} if draft is not None else {}
    form = OrderForm()
    for one in desk.available_specs(retailer):
        spec = one.spec
        size = spec.packs_per_carton
        # What the draft has reserved is the retailer's own.
        most = max(0, one.left_packs + own_packs.get(spec.barcode, 0)) // size
        last_cartons = last_packs.get(spec.barcode, 0) // size
        if not most:
            form.used_up.append(spec.name)
            continue
        cartons = min(last_cartons, most) if as_last else own_packs.get(spec.barcode, 0) // size
        value = str(cartons) if cartons else ""
        if typed is not None:
            value = typed.texts.get(spec.barcode, "")
        wrong = typed is not None and spec.barcode in typed.wrong
        form.rows.append(FormRow(one, most, last_cartons, value, wrong))
    form.rows.sort(key=lambda row: (not row.last_cartons, row.one.spec.wholesale_fen))
    today = {one.spec.barcode for one in desk.available_specs(retailer)}
    form.not_today.extend(line.name for line in (last.lines if last is not None else ()) if line.barcode not in today)
    return form


def typed_order(desk: Desk, form: Mapping[str, str]) -> TypedOrder:
    """The order as it was typed: whole cartons by barcode in fields `cartons-…`."""
    texts = {
        name.removeprefix("cartons-"): value.strip()
        for name, value in form.items()
        if name.startswith("cartons-") and value.strip()
    }
    wrong = frozenset(
        barcode
        for barcode, text in texts.items()
        if barcode not in desk.catalog.specs or not _FIGURES.fullmatch(text) or int(text) > CARTONS_MAX
    )
    packs = {
        barcode: int(text) * desk.catalog.specs[barcode].packs_per_carton
        for barcode, text in texts.items()
        if barcode not in wrong and int(text)
    }
    problem = ""
    if wrong:
        problem = _("条数要写整数，比如 5。请改好标红的几行。")
    elif not packs:
        problem = _("还没有填条数。要哪种烟，就在后面填几条。")
    return TypedOrder(packs, texts, problem, wrong)
