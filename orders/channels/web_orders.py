"""Orders from the web or a file: the same book, limits and holds as an order by telephone (AY 4.2).

An order is entered once, however often it is sent. What exceeds a limit is cut to it and put on the audit list (4.2.7);
a retailer that got no order this way and could still place one by telephone is on the phone list (4.2.9, 4.2.10).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from clock import local
from orders.book.desk import Desk, Draft, LineRequest
from orders.book.models import COUNTED_STATES, Channel, OrderRow
from orders.book.order_history import record_event
from orders.book.views import DeskRefusal, LineOutcome, OrderView, Retailer
from orders.channels.models import WebOrderRow
from orders.retailers.models import RetailerRow
from orders.windows import business_day

# Reasons that a call could not resolve either, so that no retailer is called for them.
BEYOND_PHONE = ("unknown_retailer", "suspended", "not_order_day", "already_ordered")
# A cut for lack of stock is no mistake of the sender; these have to be audited.
AUDITED_CUTS = ("limit", "order_max", "band_max", "not_allotted")


class KeyReused(ValueError):
    """A sender used the key of another order again; the message says which."""


class AuditRefused(ValueError):
    """The order cannot be audited like this; the message says why."""


@dataclass(frozen=True, slots=True)
class WebOrder:
    """An order as it was sent: packs by barcode, and the moment its retailer placed it."""

    customer_code: str
    packs: Mapping[str, int]
    placed_at: datetime


@dataclass(frozen=True, slots=True)
class EnteredOrder:
    """The result of an order that was sent; `repeated` where it had been entered before."""

    row: WebOrderRow
    repeated: bool


def enter_order(
    desk: Desk, channel: Channel, sender: str, key: str, order: WebOrder, received_at: datetime
) -> EnteredOrder:
    """Enter an order into the book, as far as limits and stock allow, or store the reason why not. Sent again under its
    key it gets the same answer; KeyReused where the key was used for another order. `desk` is at the moment the
    order was placed, so that one imported after the window closed still counts."""
    session = desk.session
    requested = dict(order.packs)
    if (known := _known(session, sender, key)) is not None:
        return _repeated(known, order, requested)
    retailer = desk.retailer(order.customer_code)
    row = WebOrderRow(
        channel=channel,
        sender=sender,
        key=key,
        customer_code=order.customer_code,
        requested_packs=requested,
        business_day=business_day(order.placed_at) if retailer is None else desk.channel_day(retailer, channel),
        placed_at=order.placed_at,
        received_at=received_at,
        state="failed",
        answer={},
    )
    try:
        with session.begin_nested():
            session.add(row)
    except IntegrityError:
        # The same order came in twice at once, and the other one was first.
        if (known := _known(session, sender, key)) is None:
            raise
        return _repeated(known, order, requested)
    try:
        with session.begin_nested():
            _enter(desk, row, retailer, requested)
    except DeskRefusal as refusal:
        row.state, row.reason = "failed", refusal.reason
        if retailer is not None and (opens_at := desk.channel_eligibility(retailer, channel).opens_at) is not None:
            row.answer = {"state": row.state, "reason": row.reason, "opens_at": local(opens_at).isoformat()}
    row.answer = row.answer or {"state": row.state, "reason": row.reason}
    session.flush()
    return EnteredOrder(row, repeated=False)


def audit_list(session: Session, day: date) -> Sequence[WebOrderRow]:
    """The day's orders that were cut to a limit and have not been audited yet."""
    return session.scalars(
        select(WebOrderRow)
        .where(WebOrderRow.business_day == day, WebOrderRow.to_audit, WebOrderRow.audited_at.is_(None))
        .order_by(WebOrderRow.id)
    ).all()


def audit_order(session: Session, web_order_id: int, *, by: str, note: str, now: datetime) -> None:
    """Take an order off the audit list, with what was found. It stays as it was cut; more needs an approved change."""
    row = session.get(WebOrderRow, web_order_id, with_for_update=True, populate_existing=True)
    if row is None or not row.to_audit or row.audited_at is not None:
        raise AuditRefused(f"There is no web order {web_order_id} waiting to be audited.")
    if not note.strip() or not by.strip():
        raise AuditRefused("An audit needs a name, and a note of what was found.")
    row.audited_at, row.audited_by, row.audit_note = now, by, note
    if row.order_id is not None:
        record_event(session, session.get_one(OrderRow, row.order_id), "audited", now, by=by, note=note)
    session.flush()


def phone_list(session: Session, day: date) -> list[tuple[RetailerRow, WebOrderRow]]:
    """The retailers without an order of the day whose web order failed, each with its latest try: to be called."""
    counted = exists().where(
        OrderRow.retailer_id == RetailerRow.id,
        OrderRow.business_day == day,
        OrderRow.state.in_(COUNTED_STATES),
    )
    rows = session.execute(
        select(RetailerRow, WebOrderRow)
        .join(WebOrderRow, WebOrderRow.customer_code == RetailerRow.customer_code)
        .where(
            WebOrderRow.business_day == day,
            WebOrderRow.state == "failed",
            WebOrderRow.reason.not_in(BEYOND_PHONE),
            ~counted,
        )
        .order_by(WebOrderRow.id)
    ).all()
    return list({retailer.id: (retailer, row) for retailer, row in rows}.values())


def _known(session: Session, sender: str, key: str) -> WebOrderRow | None:
    return session.scalar(select(WebOrderRow).where(WebOrderRow.sender == sender, WebOrderRow.key == key))


def _repeated(known: WebOrderRow, order: WebOrder, requested: dict[str, int]) -> EnteredOrder:
    if known.customer_code != order.customer_code or known.requested_packs != requested:
        raise KeyReused(
            f"The key {known.key!r} belongs to another order of {known.sender}, received at "
            f"{known.received_at:%Y-%m-%d %H:%M} UTC: send this one under a key of its own."
        )
    return EnteredOrder(known, repeated=True)


def _enter(desk: Desk, row: WebOrderRow, retailer: Retailer | None, requested: Mapping[str, int]) -> None:
    """Save the order, or set the row's reason why not; DeskRefusal where nothing of it may be kept."""
    if retailer is None:
        row.reason = "unknown_retailer"
        return
    if any(barcode not in desk.catalog.specs for barcode in requested):
        row.reason = "unknown_spec"
        return
    # A web order is complete in itself: a draft that a call abandoned is not added to it.
    draft = desk.open_channel_draft(f"{row.channel}-{row.id}", retailer, row.channel)
    outcomes = draft.set_lines([LineRequest(barcode, packs) for barcode, packs in requested.items()])
    if not any(outcome.granted_packs for outcome in outcomes):
        _abandon(draft, row, "nothing_left", outcomes)
        return
    try:
        saved = draft.confirm().order
    except DeskRefusal as refusal:
        if refusal.reason != "order_min":
            raise
        # A call can add to it: the draft stays reserved until its holds expire, to be resumed.
        _abandon(draft, row, refusal.reason, outcomes)
        return
    cuts = [outcome.reason for outcome in outcomes if outcome.reason is not None]
    row.state = "cut" if cuts else "saved"
    row.to_audit = any(reason in AUDITED_CUTS for reason in cuts)
    row.order_id = desk.session.scalar(select(OrderRow.id).where(OrderRow.number == saved.number))
    row.answer = _answer(desk, row, retailer, saved, outcomes)


def _abandon(draft: Draft, row: WebOrderRow, reason: str, outcomes: Sequence[LineOutcome]) -> None:
    draft.abandon()
    row.reason = reason
    row.answer = {"state": row.state, "reason": reason, "lines": [_line(outcome) for outcome in outcomes]}


def _answer(
    desk: Desk, row: WebOrderRow, retailer: Retailer, saved: OrderView, outcomes: Sequence[LineOutcome]
) -> dict[str, Any]:
    balance_fen = desk.balance(retailer)
    return {
        "state": row.state,
        "reason": None,
        "number": saved.number,
        "business_day": saved.business_day.isoformat(),
        "lines": [_line(outcome) for outcome in outcomes],
        "total_packs": saved.total_packs,
        "amount_fen": saved.amount_fen,
        "balance_fen": balance_fen,
        "shortfall_fen": max(0, saved.amount_fen - balance_fen),
    }


def _line(outcome: LineOutcome) -> dict[str, Any]:
    return {
        "barcode": outcome.barcode,
        "requested_packs": outcome.requested_packs,
        "granted_packs": outcome.granted_packs,
        "reason": outcome.reason,
        "amount_fen": outcome.line.amount_fen if outcome.line is not None else 0,
    }
