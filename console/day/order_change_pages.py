"""Requested changes of saved orders, which somebody other than the requester approves or refuses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from console.authentication import may, requires_task, staff
from console.language import _
from ivr.services import services
from orders.book import order_changes
from orders.book.order_changes import REASON_MAX_CHARS, ChangeRefused, ListedChange
from orders.money import amount_fen
from storage import read_only, transaction

DECIDED_SHOWN = 50
OPEN_SHOWN = 200


@dataclass(frozen=True, slots=True)
class ChangedLine:
    """One line of a request: the packs before and after it."""

    name: str
    packs_per_carton: int
    before: int
    after: int


def order_change_routes() -> Blueprint:
    """The open requests and those decided last."""
    routes = Blueprint("order_changes", __name__, url_prefix="/order-changes")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return _page(session, "day/order_changes.html")

    @routes.post("/<int:number>")
    @requires_task("decide_changes")
    def decide(number: int) -> ResponseReturnValue:
        """Approve or refuse a request; a refusal needs its reason, which the retailer hears."""
        note, approve = request.form.get("note", "").strip(), request.form.get("decision") == "approve"
        if len(note) > REASON_MAX_CHARS or (not approve and not note):
            sentence = _("不同意请写明原因，最多%(most)d个字，客户来电时会听到。", most=REASON_MAX_CHARS)
            return _lists(error=(number, sentence), typed=note), 422
        try:
            with transaction(services().sessions) as session:
                order_changes.decide(session, number, approve=approve, by=staff().name, now=services().now(), note=note)
        except ChangeRefused as refused:
            return _lists(refused=refused.reason, error=(number, ""), typed=note), 422
        return _lists()

    return routes


def _lists(**variables: object) -> str:
    with read_only(services().sessions) as session:
        return _page(session, "day/order_change_lists.html", **variables)


def _page(session: Session, template: str, **variables: object) -> str:
    catalog = services().catalog(session)
    waiting = order_changes.requests(session, "requested", limit=OPEN_SHOWN)
    decided = order_changes.requests(session, "approved", "refused", "withdrawn", limit=DECIDED_SHOWN)
    return render_template(
        template,
        waiting=[(one, changed_lines(one, catalog), _amount_after(one, catalog)) for one in waiting],
        decided=[(one, changed_lines(one, catalog)) for one in decided],
        me=staff().name,
        may_decide=may("decide_changes"),
        note_max=REASON_MAX_CHARS,
        **({"error": (0, ""), "typed": "", "refused": ""} | variables),
    )


def changed_lines(one: ListedChange, catalog: Catalog) -> Sequence[ChangedLine]:
    """The lines a request changes; a cancellation changes all."""
    names = {line.barcode: (line.spec_name, line.packs_per_carton) for line in one.order.lines}
    before, after = one.change.lines_before, one.change.lines
    changed = []
    for barcode in dict.fromkeys((*before, *after)):
        spec = catalog.specs.get(barcode)
        name, per_carton = names.get(barcode) or ((spec.name, spec.packs_per_carton) if spec else (barcode, 10))
        if before.get(barcode, 0) != after.get(barcode, 0):
            changed.append(ChangedLine(name, per_carton, before.get(barcode, 0), after.get(barcode, 0)))
    return changed


def _amount_after(one: ListedChange, catalog: Catalog) -> int:
    """The amount of the order if the request is approved, in fen."""
    prices = {line.barcode: (line.price_fen, line.packs_per_carton) for line in one.order.lines}
    fen = 0
    for barcode, packs in one.change.lines.items():
        spec = catalog.specs.get(barcode)
        price, per_carton = prices.get(barcode) or ((spec.wholesale_fen, spec.packs_per_carton) if spec else (0, 1))
        fen += amount_fen(price, packs, per_carton)
    return fen
