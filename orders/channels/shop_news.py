"""The news of a day for a retailer: messages, and which of its specs are new or the day's key ones (AY 4.1.6)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from brand_catalog.catalog import Spec
from orders.book.desk import AvailableSpec, Desk, Retailer
from orders.staff import notices


@dataclass(frozen=True, slots=True)
class ShopNews:
    """The news of `day`: the messages to shops, and the specs that are new or key. What is for the staff is no part."""

    day: date
    messages: tuple[str, ...]
    new_specs: tuple[Spec, ...]
    key_specs: tuple[Spec, ...]


def shop_news(desk: Desk, retailer: Retailer) -> ShopNews:
    """The news of the desk's day for this retailer; of specs only those it was allotted some of."""
    specs = desk.available_specs(retailer)
    return ShopNews(
        day=desk.day,
        messages=tuple(one.text for one in notices.in_force(desk.session, desk.day) if one.kind == "shops"),
        new_specs=_of(specs, new=True),
        key_specs=_of(specs, new=False),
    )


def _of(specs: list[AvailableSpec], *, new: bool) -> tuple[Spec, ...]:
    return tuple(one.spec for one in specs if one.is_new is new and (new or one.is_key))
