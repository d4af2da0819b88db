"""Call handling at the desk: presence, and taking, holding and returning calls, and callbacks."""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import structlog
from flask import Blueprint, abort, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import requires_task, seat, staff
from console.desk.call_views import caller_names
from console.event_stream import streamed_response
from console.language import _
from ivr.carrier import CarrierError
from ivr.models import Call
from ivr.operators import callbacks, presence, ring_attempts, tickets
from ivr.operators.models import Device, Presence, Ticket, TicketReason
from ivr.services import services
from ivr.supervision.take_over import taken_away
from orders.retailers.dialling import may_be_dialled
from orders.staff.models import StaffRow
from storage import read_only, transaction

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class IncomingCaller:
    """A caller: the shop's name if it is known, and the reason they want an operator."""

    name: str
    reason: TicketReason


@dataclass(frozen=True, slots=True)
class TalkedTo:
    """A caller an operator is connected to, on hold or not: the ticket, the call, the shop's name if it is known, the
    time the operator took the call, and the time they were put on hold."""

    ticket_id: int
    call_key: str
    name: str
    since: datetime | None
    held_at: datetime | None


DEVICES: tuple[Device, ...] = ("browser", "phone")


def call_handling_routes() -> Blueprint:
    """The routes of the desk's buttons."""
    routes = Blueprint("call_handling", __name__, url_prefix="/desk")
    _add_presence(routes)
    _add_tickets(routes)
    _add_callbacks(routes)
    return routes


@dataclass(frozen=True, slots=True)
class OperatorPresence:
    """The operators present at one moment, those who are free, and the callers they are called for or talk to."""

    operators: Sequence[tuple[Presence, StaffRow]]
    free: frozenset[int | None]
    incoming: Mapping[int, IncomingCaller]
    talking: Mapping[int, TalkedTo]
    taken_away: Mapping[int, str]
    cut_off: Mapping[int, Ticket]
    wrapping_up: Mapping[int, datetime]

    def own(self, staff_id: int) -> Presence | None:
        """This operator's own presence, or None."""
        return next((row for row, person in self.operators if person.id == staff_id), None)

    def facts_for(self, staff_id: int) -> Hashable:
        """Everything this operator is shown of it, to be compared."""
        own, talking = self.own(staff_id), self.talking.get(staff_id)
        return (
            own and (own.ready, own.device, own.pause_reason),
            self.incoming.get(staff_id),
            talking,
            self.taken_away.get(staff_id),
            (cut_off := self.cut_off.get(staff_id)) and cut_off.id,
            tuple((row.ready, person.id, person.name, person.seat) for row, person in self.operators),
            tuple(self.wrapping_up.items()),
            self.free,
        )


def can_answer_in_browser() -> bool:
    """True if operators can answer in the browser."""
    return services().line.carrier.browser_telephone is not None or services().settings.demo


def read_presence(session: Session) -> OperatorPresence:
    """The presence of all operators at this moment."""
    now = services().now()
    operators = presence.present_operators(session, now)
    ringing, talking = ring_attempts.ringing(session), ring_attempts.talking(session)
    names = caller_names(session, {of.call_key for of in (*ringing.values(), *talking.values())})
    return OperatorPresence(
        operators=operators,
        free=frozenset(one.staff_id for one in presence.available_operators(session, (), now)),
        incoming={who: IncomingCaller(names.get(of.call_key, ""), of.reason) for who, of in ringing.items()},
        talking={
            who: TalkedTo(of.id, of.call_key, names.get(of.call_key, ""), of.taken_at, of.held_at)
            for who, of in talking.items()
        },
        taken_away=taken_away(session, now),
        cut_off=ring_attempts.cut_off(session),
        wrapping_up={
            person.id: row.wrap_up_until
            for row, person in operators
            if row.wrap_up_until is not None and presence.is_in_wrap_up(row, now)
        },
    )


def presence_context(shown: OperatorPresence, me: StaffRow) -> dict[str, object]:
    """The template variables of operator presence: all operators present, and the state of this one."""
    return {
        "me": me,
        "own_presence": shown.own(me.id),
        "operators": shown.operators,
        "free": shown.free,
        "incoming": shown.incoming.get(me.id),
        "talking": shown.talking.get(me.id),
        "taken_away": shown.taken_away.get(me.id, ""),
        "cut_off": shown.cut_off.get(me.id),
        "wrapping_up": shown.wrapping_up,
        "softphone": can_answer_in_browser(),
        "carrier_telephone": services().line.carrier.browser_telephone,
    }


def _add_presence(routes: Blueprint) -> None:
    @routes.post("/ready")
    @requires_task("take_calls")
    def ready() -> ResponseReturnValue:
        device = next((one for one in DEVICES if one == request.form.get("device")), None)
        me = staff()
        if device is None or not (can_answer_in_browser() if device == "browser" else me.phone):
            return _("没有登记可以接听的电话，请找班长。"), 409
        if not seat():
            return _("请先坐到席位上，再接电话。"), 409
        with transaction(services().sessions) as session:
            presence.set_ready(session, me.id, device, services().now())
        services().line.operators.dispatcher.dispatch()
        return streamed_response()

    @routes.post("/pause")
    @requires_task("take_calls")
    def pause() -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            presence.pause(session, staff().id, services().now())
        return streamed_response()

    @routes.post("/end-wrap-up")
    @requires_task("take_calls")
    def end_wrap_up() -> ResponseReturnValue:
        """Be rung for the next caller before the wrap-up is over."""
        with transaction(services().sessions) as session:
            presence.end_wrap_up(session, staff().id)
            session.flush()
            tickets.close_served(session, services().now())
        services().line.operators.dispatcher.dispatch()
        return streamed_response()


def _add_tickets(routes: Blueprint) -> None:
    @routes.post("/tickets/<int:number>/take")
    @requires_task("take_calls")
    def take_call(number: int) -> ResponseReturnValue:
        me = staff()
        with transaction(services().sessions) as session:
            taken = tickets.take(session, number, me.id, services().now())
            ticket = session.get(Ticket, number)
            taker = session.get(StaffRow, ticket.taken_by) if ticket is not None and ticket.taken_by else None
        if ticket is None or not (taken or ticket.taken_by == me.id):
            name = taker.name if taker is not None else None
            return (_("这通电话已经由%(name)s接了。", name=name) if name else _("这位客户已经挂机了。")), 409
        if taken:
            operators = services().line.operators
            if operators.dispatcher.dial_taker(ticket.id) and ticket.queued_at is None:
                # A caller still in the dialogue, and not in the queue, is redirected there to be connected.
                _redirect(ticket.call_key, services().line.carrier.redirect_to_queue)
        return swap_work_area(url_for("console.desk.order", key=ticket.call_key))

    @routes.post("/tickets/<int:number>/hold")
    @requires_task("take_calls")
    def hold(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            own_ticket(session, number)
        if not services().line.operators.dispatcher.put_on_hold(number):
            return _("现在没有接通，不用请客户等。"), 409
        return streamed_response()

    @routes.post("/tickets/<int:number>/resume")
    @requires_task("take_calls")
    def resume(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            own_ticket(session, number)
        if not services().line.operators.dispatcher.take_off_hold(number):
            return _("这位客户没有在等。"), 409
        return streamed_response()

    @routes.post("/tickets/<int:number>/put-back")
    @requires_task("take_calls")
    def put_back(number: int) -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            call_key = own_ticket(session, number).call_key
            tickets.put_back(session, number)
            # The operator is paused, so that they are not called again for it at once.
            presence.pause(session, staff().id, services().now())
        _redirect(call_key, services().line.carrier.redirect_to_queue)
        return become_idle()

    @routes.post("/tickets/<int:number>/give-back")
    @requires_task("take_calls")
    def give_back(number: int) -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            call_key = own_ticket(session, number).call_key
            tickets.close(session, number, "given_back", services().now())
        turn_number = services().line.calls.give_back(call_key)
        redirect_to_turn(call_key, turn_number)
        return become_idle()

    @routes.post("/tickets/<int:number>/reconnect")
    @requires_task("take_calls")
    def reconnect(number: int) -> ResponseReturnValue:
        """Call this operator again for the caller they have lost, who is still there."""
        with read_only(services().sessions) as session:
            call_key = own_ticket(session, number).call_key
        if not services().line.operators.dispatcher.reconnect(number):
            return _("接不回去：客户已经挂机，或者打不通您的电话。"), 409
        _redirect(call_key, services().line.carrier.redirect_to_queue)
        return streamed_response()


def _add_callbacks(routes: Blueprint) -> None:
    @routes.post("/callbacks/<int:number>/dial")
    @requires_task("take_calls")
    def dial(number: int) -> ResponseReturnValue:
        """Call this operator's own telephone, and then the caller's, and open the caller's order sheet."""
        return _dial_callback(number)

    @routes.post("/tickets/<int:number>/ring")
    @requires_task("take_calls")
    def ring(number: int) -> ResponseReturnValue:
        """Call back who gave up waiting: their call becomes a callback, which stays until they are reached."""
        with transaction(services().sessions) as session:
            ticket = session.get(Ticket, number)
            call = session.get(Call, ticket.call_key) if ticket is not None else None
            if ticket is None or call is None or ticket.state != "abandoned":
                return _("这位客户没有在等了，或者已经有人打给他。"), 409
            if not may_be_dialled(call.caller, services().settings.dialled_prefixes):
                return _("没有可以打回去的号码。"), 409
            callback_id = callbacks.request_callback(session, ticket, call, services().now()).id
        return _dial_callback(callback_id)

    @routes.post("/callbacks/<int:number>/<any(attempted, reached):outcome>")
    @requires_task("take_calls")
    def note_callback(number: int, outcome: str) -> ResponseReturnValue:
        with transaction(services().sessions) as session:
            recorded = callbacks.record_attempt(session, number, outcome == "reached", staff().id, services().now())
        if not recorded:
            return _("这位客户已经有人打通了。"), 409
        return streamed_response()


def _dial_callback(number: int) -> ResponseReturnValue:
    try:
        dialled = services().line.operators.callback_calls.dial_operator(number, staff().id)
    except CarrierError as error:
        log.warning("an operator could not be dialled for a callback", reason=str(error))
        return _("现在打不出去，请过一会儿再试。"), 409
    if not dialled:
        return _("已经有人打通了，或者您还没有选用电话还是电脑接听。"), 409
    return swap_work_area(url_for("console.desk.order", key=callbacks.order_key(number)))


def become_idle() -> ResponseReturnValue:
    """Mark the operator free for the next caller and return to the desk."""
    with transaction(services().sessions) as session:
        presence.end_wrap_up(session, staff().id)
        presence.record_call_end(session, staff().id, services().now())
    services().line.operators.dispatcher.dispatch()
    return swap_work_area(url_for("console.desk.page"))


def swap_work_area(url: str) -> ResponseReturnValue:
    """Swap in another page of the desk without a page load, so that what is open beside it stays."""
    location = {"path": url, "target": "#work", "select": "#work", "swap": "outerHTML"}
    return "", 204, {"HX-Location": json.dumps(location)}


def own_ticket(session: Session, number: int) -> Ticket:
    """The ticket of a call that is in this operator's hands; 409 if it is not."""
    ticket = session.get(Ticket, number)
    if ticket is None or ticket.state != "taken" or ticket.taken_by != staff().id:
        abort(409, _("这通电话现在不在您手里。"))
    return ticket


def redirect_to_turn(call_key: str, turn_number: int) -> None:
    """Send the caller to this turn of the conversation."""
    _redirect(call_key, lambda call_key: services().line.carrier.redirect_to_turn(call_key, turn_number))


def _redirect(call_key: str, redirect: Callable[[str], None]) -> None:
    """Redirect the call; if it is over or the carrier cannot be reached, only log it."""
    try:
        redirect(call_key)
    except CarrierError as error:
        log.warning("a call could not be redirected from the desk", call=call_key, reason=str(error))
