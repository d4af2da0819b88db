"""Orders a retailer makes on its own page: proposed, read over, and saved with a yes, as in a call (AY 4.1.7).

What it proposes is a draft of the order book, reserved under the same limits, stock and rules as a caller's. Between
two requests of the page nothing is connected, so a call may take the draft up, and the page may take up one of a call.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import select

from orders.book.desk import Confirmed, Desk, LineRequest, OrderView, Retailer
from orders.book.models import Channel, DemandRecord, OrderRow

# The page is made for the telephone in a shopkeeper's pocket; its hours are those of mobile orders (AY 4.2.4).
SHOP_CHANNEL: Channel = "mobile"


@dataclass(frozen=True, slots=True)
class Cut:
    """What was asked for and could not be had in full, in packs, and why."""

    name: str
    requested_packs: int
    granted_packs: int
    packs_per_carton: int
    reason: str


class Unavailable(Exception):
    """The draft is not there any more: a call has taken it up, or it was saved."""


def propose(desk: Desk, retailer: Retailer, key: str, packs: Mapping[str, int]) -> str:
    """Put exactly these packs by barcode on the retailer's draft, as far as limits and stock allow, and return the
    draft's key: `key`, or a new one where that draft is over. DeskRefusal where no order may be taken now."""
    if not key or desk.draft(key).view() is None:
        key = f"shop-{secrets.token_hex(12)}"
    draft = desk.open_channel_draft(key, retailer, SHOP_CHANNEL, fresh=False)
    before = draft.view()
    had = {line.barcode: line.granted_packs for line in before.lines} if before is not None else {}
    for barcode in had.keys() - packs.keys():
        draft.remove(barcode)
    # A line that was cut and is left as it is keeps what was asked for as its demand.
    draft.set_lines(
        [LineRequest(barcode, wanted, "set") for barcode, wanted in packs.items() if had.get(barcode) != wanted]
    )
    return key


def cuts(desk: Desk, key: str) -> list[Cut]:
    """What the retailer asked for in this draft and could not be had in full."""
    rows = desk.session.execute(
        select(DemandRecord)
        .join(OrderRow, OrderRow.id == DemandRecord.order_id)
        .where(OrderRow.call_key == key, ~DemandRecord.withdrawn, DemandRecord.reason.is_not(None))
        .order_by(DemandRecord.id)
    ).scalars()
    found = []
    for row in rows:
        spec = desk.catalog.specs.get(row.barcode)
        if spec is not None and row.granted_packs < row.requested_packs:
            found.append(
                Cut(spec.name, row.requested_packs, row.granted_packs, spec.packs_per_carton, row.reason or "")
            )
    return found


def save(desk: Desk, key: str, shown: Mapping[str, int]) -> Confirmed | OrderView:
    """Save the draft if it still has the lines that were shown, packs by barcode; otherwise return the draft as it is
    now, which has to be read over again. Saved again it is the same order. Unavailable where it is gone, DeskRefusal
    where it may not be saved."""
    draft = desk.draft(key)
    if draft.saved() is not None:
        return draft.confirm()
    order = draft.view()
    if order is None:
        raise Unavailable
    if {line.barcode: line.granted_packs for line in order.lines} != dict(shown):
        return order
    return draft.confirm()


def drop(desk: Desk, key: str) -> None:
    """Give up the draft and what it has reserved."""
    draft = desk.draft(key)
    order = draft.view()
    for line in order.lines if order is not None else ():
        draft.remove(line.barcode)
    draft.abandon()
