"""The part of an order's page that asks for a change or a cancellation, and shows what was asked, why, and what came of
it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from brand_catalog.catalog import Catalog, Spec
from console.authentication import may, requires_task, staff
from console.day.order_change_pages import changed_lines
from console.desk.order_sheet import LineDifference, differences, order_version
from console.language import _
from ivr.services import services
from orders.book import order_changes
from orders.book.models import OrderRow
from orders.book.order_changes import REASON_MAX_CHARS, ChangeRefused, ListedChange, most_packs, same_person
from orders.book.views import order_view
from orders.channels.order_rows import CARTONS_MAX
from orders.retailers.models import RetailerRow
from orders.supply.models import Supply
from storage import read_only, transaction

# Rows for specs that are not on the order yet; whoever needs more asks again, and the later request replaces this one.
NEW_LINES = 3


@dataclass(frozen=True, slots=True)
class FormLine:
    """One line of the form: the packs on the order now, and the most a change can come to."""

    barcode: str
    name: str
    packs_per_carton: int
    packs: int
    most_packs: int


@dataclass(frozen=True, slots=True)
class Refused:
    """Why a request was not made: a sentence, the errors of the fields by their names, and the lines that changed
    since the page was shown."""

    sentence: str = ""
    errors: tuple[tuple[str, str], ...] = ()
    changed: tuple[LineDifference, ...] = ()


def order_change_form_routes() -> Blueprint:
    """Asking for a change or a cancellation of one order, and withdrawing it."""
    routes = Blueprint("order_change_form", __name__, url_prefix="/orders")

    @routes.post("/<int:number>/change")
    @requires_task("request_changes")
    def change(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            order = _order(session, number)
            refused, wanted = _wanted(session, order, services().catalog(session))
        return _ask(number, refused, wanted)

    @routes.post("/<int:number>/cancel")
    @requires_task("request_changes")
    def cancel(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            _order(session, number)
        return _ask(number, _without_reason("cancel-reason"), {})

    @routes.post("/<int:number>/change/withdraw")
    @requires_task("request_changes")
    def withdraw(number: int) -> ResponseReturnValue:
        """Withdraw one's own open request."""
        with transaction(services().sessions) as session:
            order = _order(session, number)
            one = order_changes.open_request(session, order)
            is_own = one is not None and same_person(one.requested_by, staff().name)
            if is_own:
                order_changes.withdraw(session, str(order.number), by=staff().name, now=services().now())
        return _part(number, None if is_own else Refused(_("这个申请已经有人办过。")))

    return routes


def form_context(session: Session, order: OrderRow, refused: Refused | None = None) -> dict[str, object]:
    """What `calls/order_change.html` shows of an order."""
    catalog = services().catalog(session)
    retailer = session.get_one(RetailerRow, order.retailer_id)
    changes = order_changes.requests_of(session, order)
    listed = [(one, changed_lines(ListedChange(one, order, retailer), catalog)) for one in changes]
    waiting = next((one for one in changes if one.state == "requested"), None)
    closed_by = _not_changeable(session, order)
    may_ask = may("request_changes") and not closed_by
    lines = _form_lines(session, order, catalog) if may_ask else ()
    return {
        "changes": listed,
        "waiting": waiting,
        "may_withdraw": waiting is not None and same_person(waiting.requested_by, staff().name),
        "may_ask": may_ask,
        "closed_by": closed_by,
        "form_lines": [line for line in lines if line.packs],
        "new_specs": [line for line in lines if not line.packs and line.most_packs >= line.packs_per_carton],
        "new_rows": range(NEW_LINES),
        "change_version": order_version(order_view(order)),
        "refused": refused or Refused(),
        "errors": dict(refused.errors) if refused is not None else {},
        "typed": request.form if refused is not None else {},
        "me": staff().name,
        "note_max": REASON_MAX_CHARS,
    }


def written(packs: int, packs_per_carton: int) -> str:
    """A quantity as the form has it: cartons, with packs behind the point as parts of a carton."""
    return f"{Decimal(packs) / packs_per_carton:f}"


def _order(session: Session, number: int) -> OrderRow:
    row = session.scalar(select(OrderRow).where(OrderRow.id == number).options(selectinload(OrderRow.lines)))
    if row is None or row.number is None:
        abort(404)
    return row


def _not_changeable(session: Session, order: OrderRow) -> str:
    """The reason why this order is not changed any more in one word; empty where it can be."""
    try:
        order_changes.check_changeable(session, order)
    except ChangeRefused as refused:
        return refused.reason
    return ""


def _form_lines(session: Session, order: OrderRow, catalog: Catalog) -> Sequence[FormLine]:
    """The order's lines, and after them every other spec supplied on its day."""
    supplied = set(session.scalars(select(Supply.barcode).where(Supply.business_day == order.business_day)))
    lines = [
        FormLine(line.barcode, line.spec_name, line.packs_per_carton, line.granted_packs, most)
        for line in order.lines
        for most in [most_packs(session, order, line.barcode)]
    ]
    on_order = {line.barcode for line in order.lines}
    others: list[Spec] = [spec for code, spec in catalog.specs.items() if code in supplied and code not in on_order]
    left = order_changes.most_new_packs(session, order)
    return [
        *lines,
        *(FormLine(one.barcode, one.name, one.packs_per_carton, 0, left.get(one.barcode, 0)) for one in others),
    ]


def _wanted(session: Session, order: OrderRow, catalog: Catalog) -> tuple[Refused | None, dict[str, int]]:
    """What is asked for, in packs by barcode, or why that is not possible."""
    shown, now = request.form.get("version", ""), order_view(order)
    if shown != order_version(now):
        changed = tuple(differences(shown, now, catalog.specs))
        return Refused(_("订单在这一页打开以后改过，申请没有提交："), changed=changed), {}
    wanted = order_changes.granted_packs(order)
    before, errors = dict(wanted), dict[str, str]()
    fields = [(f"cartons-{line.barcode}", line.barcode) for line in order.lines]
    fields += [(f"new-cartons-{row}", request.form.get(f"new-{row}", "")) for row in range(NEW_LINES)]
    for field, barcode in fields:
        text = request.form.get(field, "").strip()
        spec = catalog.specs.get(barcode)
        line = next((line for line in order.lines if line.barcode == barcode), None)
        if field.startswith("new-") and bool(text) != bool(barcode):
            errors[field] = _("品规和条数都要填。")
        if not text or (spec is None and line is None):
            continue
        per_carton = line.packs_per_carton if line is not None else spec.packs_per_carton if spec is not None else 10
        packs = _packs(text, per_carton)
        most = most_packs(session, order, barcode)
        if packs is None:
            errors[field] = _("条数要写数字，不要了写0。")
        elif packs > before.get(barcode, 0) and packs > most:
            errors[field] = _("限量和货源最多只够%(most)s条。", most=written(most, per_carton))
        else:
            wanted[barcode] = packs
    wanted = {barcode: packs for barcode, packs in wanted.items() if packs}
    if errors:
        return Refused(errors=tuple(errors.items())), {}
    if wanted == before:
        return Refused(_("和现在的订单一样，没有要改的。")), {}
    if not wanted:
        return Refused(_("都不要了，请用“申请取消订单”。")), {}
    return _without_reason("change-reason"), wanted


def _packs(text: str, per_carton: int) -> int | None:
    """The packs written as cartons, `2` or `2.3`; None if that is no quantity of whole packs."""
    try:
        packs = Decimal(text) * per_carton
    except InvalidOperation:
        return None
    if not packs.is_finite() or packs != packs.to_integral_value() or not 0 <= packs <= CARTONS_MAX * per_carton:
        return None
    return int(packs)


def _without_reason(field: str) -> Refused | None:
    reason = request.form.get("reason", "").strip()
    if reason and len(reason) <= REASON_MAX_CHARS:
        return None
    return Refused(errors=((field, _("请写明原因，最多%(most)d个字。", most=REASON_MAX_CHARS)),))


def _ask(number: int, refused: Refused | None, wanted: dict[str, int]) -> ResponseReturnValue:
    if refused is None:
        reason = request.form.get("reason", "").strip()
        try:
            with transaction(services().sessions) as session:
                order = _order(session, number)
                order_changes.request_change(
                    session, str(order.number), wanted, by=staff().name, reason=reason, now=services().now()
                )
        except ChangeRefused:
            # The page shown now says what the order has become.
            refused = Refused(_("订单刚刚变了，申请没有提交。"))
    return _part(number, refused)


def _part(number: int, refused: Refused | None = None) -> ResponseReturnValue:
    with read_only(services().sessions) as session:
        order = _order(session, number)
        page = render_template("calls/order_change.html", row=order, **form_context(session, order, refused))
    return page, 422 if refused is not None else 200
