"""What an operator has at hand about the shop on the line: its numbers, route, grade and manager, when it last ordered,
and the note the department keeps about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import requires_task, staff
from console.language import _
from ivr.services import services
from orders.retailers.lookup import by_code, phones_of
from orders.retailers.models import RetailerRow
from orders.retailers.notes import NOTE_MAX_CHARS, note_of, set_note
from storage import transaction


@dataclass(frozen=True, slots=True)
class ShopFacts:
    """The facts of a shop; `last_order_on` is the business day of its latest saved order, None without one."""

    phones: Sequence[str]
    route: str
    grade: int
    manager: str
    last_order_on: date | None


def shop_facts(session: Session, retailer_id: int, last_order_on: date | None) -> ShopFacts:
    """The facts of the shop with this id."""
    row = session.get_one(RetailerRow, retailer_id)
    return ShopFacts(phones_of(session, [retailer_id])[retailer_id], row.route, row.grade, row.manager, last_order_on)


def note_context(session: Session, retailer_id: int) -> dict[str, object]:
    """The variables of the note about a shop."""
    return {"shop_note": note_of(session, retailer_id), "shop_note_max": NOTE_MAX_CHARS}


def shop_note_routes() -> Blueprint:
    """Writing the note about a shop."""
    routes = Blueprint("shop_notes", __name__, url_prefix="/retailers")

    @routes.post("/<code>/note")
    @requires_task("take_calls")
    def write(code: str) -> ResponseReturnValue:
        text = request.form.get("note", "").strip()
        with transaction(services().sessions) as session:
            row = by_code(session, code)
            if row is None:
                abort(404)
            problem = ""
            if len(text) > NOTE_MAX_CHARS:
                problem = _("备注最多%(most)d个字，没有保存。", most=NOTE_MAX_CHARS)
            else:
                set_note(session, row, text, by=staff().name, now=services().now())
            page = render_template(
                "desk/shop_note.html",
                customer_code=code,
                note_problem=problem,
                note_typed=text if problem else None,
                note_kept=not problem,
                **note_context(session, row.id),
            )
        return page, 422 if problem else 200

    return routes
