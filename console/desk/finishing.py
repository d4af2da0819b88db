"""The end of a call at the desk: with unsaved lines the operator is asked first whether to save them."""

from __future__ import annotations

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from callflows import speaking
from callflows.prompts import load_prompts
from console.authentication import requires_task, staff
from console.desk.call_handling import become_idle, own_ticket, redirect_to_turn
from console.desk.order_sheet import order_version
from ivr.operators import tickets
from ivr.services import services
from orders.book.desk import DeskRefusal, OrderView
from orders.book.models import OrderRow
from storage import transaction

# What the operator answers: save the order and end the call, or end it and leave the order unsaved.
SAVE, LEAVE = "save", "leave"


def finishing_routes() -> Blueprint:
    """The route of the desk's button that ends a call."""
    routes = Blueprint("finishing", __name__, url_prefix="/desk/tickets")

    @routes.post("/<int:number>/finish")
    @requires_task("take_calls")
    def finish(number: int) -> ResponseReturnValue:
        answer = request.form.get("unsaved", "")
        with transaction(services().sessions) as session:
            ticket = own_ticket(session, number)
            draft = services().open_desk(session, by=staff().name).draft(ticket.call_key)
            unsaved = _unsaved(draft.view())
            if unsaved is not None and answer not in (SAVE, LEAVE):
                return _ask(number, unsaved)
            if unsaved is not None and answer == SAVE:
                if request.form.get("version") != order_version(unsaved):
                    return _ask(number, unsaved, changed=True)
                try:
                    draft.confirm()
                except DeskRefusal as refusal:
                    return _ask(number, draft.view() or unsaved, problem=refusal.reason)
            tickets.close(session, number, "finished", services().now())
            call_key, order_number = ticket.call_key, _saved_number(session, ticket.call_key)
        prompts = load_prompts()
        saved = [prompts.text("goodbye.saved", number=speaking.one_by_one(order_number))] if order_number else []
        turn_number = services().line.calls.finish(call_key, (*saved, prompts.text("goodbye.thanks")))
        redirect_to_turn(call_key, turn_number)
        return become_idle()

    return routes


def _unsaved(order: OrderView | None) -> OrderView | None:
    """The order if it is a draft with lines, or None: there is nothing to save."""
    return order if order is not None and order.state == "draft" and order.lines else None


def _ask(number: int, order: OrderView, *, changed: bool = False, problem: str = "") -> ResponseReturnValue:
    """The question with the order as it is now, after the reason why it was not saved, if that was asked for."""
    return render_template(
        "desk/unsaved_lines.html",
        ticket_id=number,
        order=order,
        version=order_version(order),
        changed=changed,
        problem=problem,
    )


def _saved_number(session: Session, call_key: str) -> str | None:
    return session.scalar(select(OrderRow.number).where(OrderRow.call_key == call_key))
