"""The carrier's webhooks for callers who wait for an operator, and for the operators dialled for them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from flask import Blueprint, Response, request
from sqlalchemy import func, select

from callflows.prompts import load_prompts
from callflows.state import CallState
from clock import Clock
from ivr.calls import Calls, CallSnapshot, UnknownCall
from ivr.models import Call
from ivr.operators.callback_calls import CallbackCalls, add_callback_routes
from ivr.operators.models import RingAttempt, Ticket
from ivr.operators.operator_prompts import OperatorPrompts
from ivr.operators.queue import CallerQueue
from ivr.operators.queue_position import QueuePosition
from ivr.operators.ringing import RING_STATES, RingDispatcher, RingingCarrier
from ivr.twilio.operator_twiml import OperatorTwiml
from orders.book.models import OrderLineRow, OrderRow
from orders.retailers.models import RetailerRow
from storage import SessionFactory, read_only

YES_KEY, OPERATOR_KEY, BACK_KEY = "1", "0", "*"
# An unchanged queue position is announced again after this many rounds of music.
ANNOUNCED_AGAIN_AFTER = 4
# A question is asked this often before the line says goodbye.
ASKS_MAX = 3
# An operator's call tries this often to connect to a caller who is just being sent to the queue.
CONNECT_TRIES_MAX = 3


@dataclass(frozen=True)
class OperatorServices:
    """The services that hand a call over to an operator."""

    sessions: SessionFactory
    calls: Calls
    queue: CallerQueue
    dispatcher: RingDispatcher
    markup: OperatorTwiml
    prompts: OperatorPrompts
    callback_calls: CallbackCalls

    @classmethod
    def build(
        cls,
        sessions: SessionFactory,
        clock: Clock,
        calls: Calls,
        carrier: RingingCarrier,
        markup: OperatorTwiml,
        numbers: Collection[str],
    ) -> OperatorServices:
        """Build the services of one line; `numbers` is the fixed list of operator numbers, which are always staffed."""
        ringing = RingDispatcher(sessions, clock, carrier, markup, numbers)
        waiting = CallerQueue(sessions, clock, calls, ringing, numbers)
        calling_back = CallbackCalls(sessions, clock, carrier, markup)
        return cls(sessions, calls, waiting, ringing, markup, OperatorPrompts(load_prompts()), calling_back)


RenderSnapshot = Callable[[CallSnapshot], Response]
"""Renders the response that says a call's current reply."""


def add_operator_routes(routes: Blueprint, services: OperatorServices, render: RenderSnapshot) -> None:
    """Add the webhooks of callers' queues and of operators' calls to the carrier's other webhooks."""
    _add_queue_routes(routes, services, render)
    _add_operator_call_routes(routes, services)
    add_callback_routes(routes, services.callback_calls, services.markup, services.prompts)


def _add_queue_routes(routes: Blueprint, people: OperatorServices, speak: RenderSnapshot) -> None:
    markup, words = people.markup, people.prompts

    @routes.post("/queue")
    def queue() -> Response:
        coming = people.queue.position(_sid()).state == "coming"
        return _xml(markup.queue([words.connecting] if coming else [], _sid()))

    @routes.post("/waiting")
    def waiting() -> Response:
        standing = people.queue.record_in_queue(_sid())
        people.dispatcher.dispatch()
        return _xml(_queue_round(people, standing, request.args.get("told", ""), _count("again")))

    @routes.post("/waiting/key")
    def waiting_key() -> Response:
        key = request.form.get("Digits", "")
        if key == YES_KEY and people.queue.request_callback(_sid()):
            return _xml(markup.leave_queue())
        if key == BACK_KEY and people.queue.return_to_line(_sid()):
            return _xml(markup.leave_queue())
        return _xml(_queue_round(people, people.queue.position(_sid()), "", 0))

    @routes.post("/operator")
    def left_queue() -> Response:
        """Continue a caller who has left the queue; reports about callers who are elsewhere already are ignored."""
        result = request.form.get("QueueResult", "")
        people.dispatcher.delete_queue(request.form.get("QueueSid", ""))
        if result.startswith(("hangup", "redirected")):
            return _xml(markup.empty())
        if result in ("error", "queue-full", "system-error"):
            return _no_operator(people, people.queue.record_left_queue(_sid()), 0)
        return _continue_caller(people, _sid(), speak, talked=result == "bridged")

    @routes.post("/nobody")
    def nobody() -> Response:
        standing = people.queue.position(_sid())
        if standing.state != "waiting" or standing.operators_present:
            return _continue_caller(people, _sid(), speak)
        return _no_operator(people, standing, _count("again"))

    @routes.post("/nobody/key")
    def nobody_key() -> Response:
        key = request.form.get("Digits", "")
        if key == YES_KEY:
            people.queue.request_callback(_sid())
        elif key == BACK_KEY:
            people.queue.return_to_line(_sid())
        return _continue_caller(people, _sid(), speak)

    @routes.post("/alone")
    def alone() -> Response:
        standing = people.queue.position(_sid())
        if standing.state not in ("coming", "alone"):
            return _continue_caller(people, _sid(), speak)
        if _count("again") >= ASKS_MAX:
            return _goodbye(people, [words.thanks])
        return _xml(markup.ask("/voice/alone", [words.operator_gone], _count("again") + 1))

    @routes.post("/alone/key")
    def alone_key() -> Response:
        match request.form.get("Digits", ""):
            case key if key == OPERATOR_KEY:
                people.queue.requeue(_sid())
            case key if key == YES_KEY:
                people.queue.continue_without_operator(_sid())
            case _:
                return _xml(markup.ask("/voice/alone", [words.operator_gone], 1))
        return _continue_caller(people, _sid(), speak)

    @routes.post("/hold")
    def hold() -> Response:
        return _xml(markup.on_hold([words.hold], _sid()))

    @routes.post("/held")
    def held() -> Response:
        standing = people.queue.record_in_queue(_sid())
        if standing.state in ("held", "coming"):
            return _xml(markup.music([words.held] if standing.state == "held" else []))
        return _xml(markup.leave_queue())


def _add_operator_call_routes(routes: Blueprint, people: OperatorServices) -> None:
    markup, words = people.markup, people.prompts

    @routes.post("/offer")
    def offer() -> Response:
        number = _count("offer")
        if request.form.get("To", "").startswith("client:"):
            return _connect(people, number)
        sentences = _whisper(people, number)
        return _xml(markup.whisper(sentences, number)) if sentences else _goodbye(people, [words.caller_gone])

    @routes.post("/offer/key")
    def offer_key() -> Response:
        number = _count("offer")
        if request.form.get("Digits", "") == YES_KEY:
            return _connect(people, number)
        people.dispatcher.end_attempt(number, "declined")
        return _goodbye(people, [words.call_over])

    @routes.post("/offer/status")
    def offer_status() -> Response:
        outcome = RING_STATES.get(request.form.get("CallStatus", ""))
        if outcome is not None:
            people.dispatcher.end_attempt(_count("offer"), outcome)
        return _xml(markup.empty())

    @routes.post("/seat")
    def seat() -> Response:
        """Continue an operator's call that has left its caller, or was redirected here to be connected again."""
        number = _count("offer")
        standing = _caller_of(people, number)
        talked = request.form.get("DialBridged") == "true" and "resumed" not in request.args
        if standing is None or standing[1].state not in ("coming", "held"):
            return _goodbye(people, [words.call_over])
        if standing[1].state == "held":
            return _xml(markup.hold_operator([] if "kept" in request.args else [words.caller_on_hold], number))
        if talked or _count("tries") >= CONNECT_TRIES_MAX:
            return _goodbye(people, [words.call_over])
        return _xml(markup.connect(standing[0], number, _count("tries") + 1))

    @routes.post("/seat/key")
    def seat_key() -> Response:
        number = _count("offer")
        if request.form.get("Digits", "") == YES_KEY:
            people.dispatcher.take_off_hold_by_key(number)
        standing = _caller_of(people, number)
        if standing is None:
            return _goodbye(people, [words.call_over])
        if standing[1].state == "held":
            return _xml(markup.hold_operator([words.caller_on_hold], number))
        return _xml(markup.connect(standing[0], number, 1))


def _queue_round(people: OperatorServices, standing: QueuePosition, announced: str, round_number: int) -> str:
    """The next round of the queue: an announcement if there is news, or none was made for a while, and music."""
    markup, words = people.markup, people.prompts
    if standing.state == "served":
        return markup.queue_round(
            [words.being_served] if round_number % ANNOUNCED_AGAIN_AFTER == 0 else [], announced, round_number + 1
        )
    if standing.state in ("coming", "alone"):
        return markup.queue_round([], announced, round_number)
    if standing.state != "waiting" or not standing.operators_present:
        return markup.leave_queue()
    now = f"{standing.place}-{standing.minutes}-{standing.long_wait:d}"
    if now != announced or round_number >= ANNOUNCED_AGAIN_AFTER:
        return markup.queue_round(words.announcement(standing), now, 1)
    return markup.queue_round([], announced, round_number + 1)


def _continue_caller(people: OperatorServices, sid: str, speak: RenderSnapshot, *, talked: bool = False) -> Response:
    """Continue a caller who is in no queue just now; `talked` is true if an operator has just hung up."""
    standing = people.queue.record_left_queue(sid)
    if standing.callback_requested:
        return _goodbye(people, people.prompts.callback_requested)
    if standing.state == "waiting":
        return _xml(people.markup.queue([], sid)) if standing.operators_present else _no_operator(people, standing, 0)
    if standing.state == "alone" or (talked and standing.state == "coming"):
        return _xml(people.markup.ask("/voice/alone", [people.prompts.operator_gone], 1))
    if standing.state in ("coming", "served"):
        return _xml(people.markup.queue([], sid))
    if standing.state == "held":
        return _xml(people.markup.on_hold([], sid))
    try:
        return speak(people.calls.snapshot(sid))
    except UnknownCall:
        return _goodbye(people, [people.prompts.no_operator_free])


def _no_operator(people: OperatorServices, standing: QueuePosition, asks: int) -> Response:
    if asks >= ASKS_MAX:
        return _goodbye(people, [people.prompts.no_operator_free])
    return _xml(people.markup.ask("/voice/nobody", people.prompts.no_operator(standing), asks + 1))


def _connect(people: OperatorServices, attempt_id: int) -> Response:
    sid = people.dispatcher.accept(attempt_id)
    if sid is None:
        return _goodbye(people, [people.prompts.caller_gone])
    return _xml(people.markup.connect(sid, attempt_id, 1))


def _caller_of(people: OperatorServices, attempt_id: int) -> tuple[str, QueuePosition] | None:
    """The caller's call that this operator's call belongs to, and its queue position; None if the attempt is not
    accepted or is over."""
    with read_only(people.sessions) as session:
        offer = session.get(RingAttempt, attempt_id)
        if offer is None or offer.state != "accepted" or offer.ended_at is not None:
            return None
        sid = session.get_one(Ticket, offer.ticket_id).call_key
    return sid, people.queue.position(sid)


def _whisper(people: OperatorServices, attempt_id: int) -> tuple[str, ...]:
    """The whisper for this ring attempt: who is calling, and why; empty if it no longer rings."""
    with read_only(people.sessions) as session:
        offer = session.get(RingAttempt, attempt_id)
        if offer is None or offer.state != "ringing" or offer.ended_at is not None:
            return ()
        ticket = session.get_one(Ticket, offer.ticket_id)
        call = session.get_one(Call, ticket.call_key)
        code = CallState.from_json(call.state).customer_code
        name = session.scalar(select(RetailerRow.name).where(RetailerRow.customer_code == code)) if code else None
        lines = session.scalar(
            select(func.count())
            .select_from(OrderLineRow)
            .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
            .where(OrderRow.call_key == call.call_key, OrderRow.state != "lapsed")
        )
    return people.prompts.whisper(name or "", ticket.reason, lines or 0)


def _goodbye(people: OperatorServices, sentences: list[str] | tuple[str, ...]) -> Response:
    return _xml(people.markup.hang_up(sentences))


def _sid() -> str:
    return request.form.get("CallSid", "")[:64]


def _count(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _xml(markup: str) -> Response:
    return Response(markup, mimetype="text/xml")
