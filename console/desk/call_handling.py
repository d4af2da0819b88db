"""Call handling at the desk: presence, and taking, holding, returning and finishing calls, and callbacks."""

from __future__ import annotations

import json
from dataclasses import dataclass

import structlog
from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from callflows import speaking
from callflows.prompts import load_prompts
from console.authentication import only_for, seat, staff
from console.desk import softphone
from console.desk.call_views import call_view
from console.event_stream import told_by_the_stream
from console.language import _
from console.services import room
from ivr.models import Call
from ivr.operators import callbacks, presence, ring_attempts, tickets
from ivr.operators.models import Reach, Reason, Ticket
from ivr.twilio.rest import CarrierError
from orders.book.models import OrderRow
from orders.staff.models import StaffRow
from storage import reading, transaction

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Caller:
    """A caller: the shop's name if it is known, and the reason they want an operator."""

    name: str
    reason: Reason


REACHES: tuple[Reach, ...] = ("browser", "phone")


def taking_routes() -> Blueprint:
    """The routes of the desk's buttons."""
    routes = Blueprint("taking", __name__, url_prefix="/desk")
    _add_duty(routes)
    _add_tickets(routes)
    _add_call_backs(routes)
    return routes


def duty_view(session: Session, me: StaffRow) -> dict[str, object]:
    """The template variables of operator presence: all operators present, and the state of this one."""
    now = room().now()
    people = presence.on_duty(session, now)
    mine = next((row for row, person in people if person.id == me.id), None)
    return {
        "me": me,
        "mine": mine,
        "people": people,
        "free": {one.staff_id for one in presence.free(session, (), now)},
        "rings": _who_rings(session, me.id),
        "talking": ring_attempts.talking_with(session, me.id),
        "softphone": softphone.is_there(room().settings),
        "carrier_telephone": softphone.has_key(room().settings),
    }


def _who_rings(session: Session, staff_id: int) -> Caller | None:
    """The caller this operator is being called for, or None."""
    ticket = ring_attempts.ringing_for(session, staff_id)
    if ticket is None:
        return None
    view = call_view(session, session.get_one(Call, ticket.call_sid))
    return Caller(view.retailer.name if view.retailer is not None else "", ticket.reason)


def _add_duty(routes: Blueprint) -> None:
    @routes.post("/ready")
    @only_for("take_calls")
    def ready() -> ResponseReturnValue:
        reach = next((one for one in REACHES if one == request.form.get("reach")), None)
        me = staff()
        if reach is None or not (softphone.is_there(room().settings) if reach == "browser" else me.phone):
            return _("没有登记可以接听的电话，请找班长。"), 409
        if not seat():
            return _("请先坐到席位上，再接电话。"), 409
        with transaction(room().sessions) as session:
            presence.be_ready(session, me.id, reach, room().now())
        room().line.people.ringing.look_soon()
        return told_by_the_stream()

    @routes.post("/pause")
    @only_for("take_calls")
    def pause() -> ResponseReturnValue:
        with transaction(room().sessions) as session:
            presence.pause(session, staff().id, room().now())
        return told_by_the_stream()


def _add_tickets(routes: Blueprint) -> None:
    @routes.post("/tickets/<int:number>/take")
    @only_for("take_calls")
    def take(number: int) -> ResponseReturnValue:
        me = staff()
        with transaction(room().sessions) as session:
            mine = tickets.take(session, number, me.id, room().now())
            ticket = session.get(Ticket, number)
            taker = session.get(StaffRow, ticket.taken_by) if ticket is not None and ticket.taken_by else None
        if ticket is None or not (mine or ticket.taken_by == me.id):
            who = taker.name if taker is not None else None
            return (_("这通电话已经由%(name)s接了。", name=who) if who else _("这位客户已经挂机了。")), 409
        if mine:
            people = room().line.people
            if people.ringing.take(ticket.id) and ticket.queued_at is None:
                # A caller still in the dialogue, and not in the queue, is redirected there to be connected.
                _send_on(ticket.call_sid, people.markup.queue_url())
        return go_on(url_for("console.desk.order", key=ticket.call_sid))

    @routes.post("/tickets/<int:number>/hold")
    @only_for("take_calls")
    def hold(number: int) -> ResponseReturnValue:
        with reading(room().sessions) as session:
            _mine(session, number)
        if not room().line.people.ringing.hold(number):
            return _("现在没有接通，不用保留。"), 409
        return told_by_the_stream()

    @routes.post("/tickets/<int:number>/resume")
    @only_for("take_calls")
    def resume(number: int) -> ResponseReturnValue:
        with reading(room().sessions) as session:
            _mine(session, number)
        if not room().line.people.ringing.resume(number):
            return _("这位客户没有在保留。"), 409
        return told_by_the_stream()

    @routes.post("/tickets/<int:number>/put-back")
    @only_for("take_calls")
    def put_back(number: int) -> ResponseReturnValue:
        with transaction(room().sessions) as session:
            sid = _mine(session, number).call_sid
            tickets.put_back(session, number)
            # The operator is paused, so that they are not called again for it at once.
            presence.pause(session, staff().id, room().now())
        _send_on(sid, room().line.people.markup.queue_url())
        return _done()

    @routes.post("/tickets/<int:number>/give-back")
    @only_for("take_calls")
    def give_back(number: int) -> ResponseReturnValue:
        with transaction(room().sessions) as session:
            sid = _mine(session, number).call_sid
            tickets.close(session, number, "given_back", room().now())
        n = room().line.calls.give_back(sid)
        _send_on(sid, room().line.markup.turn_url(n))
        return _done()

    @routes.post("/tickets/<int:number>/finish")
    @only_for("take_calls")
    def finish(number: int) -> ResponseReturnValue:
        with transaction(room().sessions) as session:
            sid = _mine(session, number).call_sid
            tickets.close(session, number, "finished", room().now())
            saved = session.scalar(select(OrderRow).where(OrderRow.call_key == sid))
            order_number = saved.number if saved is not None else None
        _say_goodbye(sid, order_number)
        return _done()


def _add_call_backs(routes: Blueprint) -> None:
    @routes.post("/call-backs/<int:number>/ring")
    @only_for("take_calls")
    def ring_back(number: int) -> ResponseReturnValue:
        """Call this operator's own telephone, and then the caller's."""
        try:
            begun = room().line.people.calling_back.begin(number, staff().id)
        except CarrierError as error:
            log.warning("an operator could not be rung to call back", reason=str(error))
            return _("现在打不出去，请过一会儿再试。"), 409
        if not begun:
            return _("已经有人打通了，或者您还没有选用电话还是电脑接听。"), 409
        return "", 204

    @routes.post("/call-backs/<int:number>/<any(rung, reached):how>")
    @only_for("take_calls")
    def call_back(number: int, how: str) -> ResponseReturnValue:
        with transaction(room().sessions) as session:
            noted = callbacks.note(session, number, how == "reached", staff().id, room().now())
        if not noted:
            return _("这位客户已经有人打通了。"), 409
        return told_by_the_stream()


def _done() -> ResponseReturnValue:
    """Mark the operator free for the next caller and return to the desk."""
    with transaction(room().sessions) as session:
        presence.idle(session, staff().id, room().now())
    room().line.people.ringing.look_soon()
    return go_on(url_for("console.desk.page"))


def go_on(address: str) -> ResponseReturnValue:
    """Swap in another page of the desk without a page load, which would hang up the softphone."""
    onward = {"path": address, "target": "#work", "select": "#work", "swap": "outerHTML"}
    return "", 204, {"HX-Location": json.dumps(onward)}


def _mine(session: Session, number: int) -> Ticket:
    ticket = session.get(Ticket, number)
    if ticket is None or ticket.state != "taken" or ticket.taken_by != staff().id:
        abort(409, _("这通电话现在不在您手里。"))
    return ticket


def _say_goodbye(sid: str, order_number: str | None) -> None:
    prompts = load_prompts()
    saved = [prompts.text("goodbye.saved", number=speaking.one_by_one(order_number))] if order_number else []
    n = room().line.calls.finish(sid, (*saved, prompts.text("goodbye.thanks")))
    _send_on(sid, room().line.markup.turn_url(n))


def _send_on(sid: str, url: str) -> None:
    """Redirect the call to `url`; if it is over or the carrier cannot be reached, only log it."""
    try:
        room().line.carrier.redirect(sid, url)
    except CarrierError as error:
        log.warning("a call could not be sent on from the desk", call=sid, reason=str(error))
