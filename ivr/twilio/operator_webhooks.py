"""The carrier's webhooks for callers who wait for an operator, and for the operators dialled for them."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

from flask import Blueprint, Response, request
from sqlalchemy import func, select

from callflows.prompts import load_prompts
from callflows.state import CallState
from clock import Clock
from ivr.calls import Calls, Present, UnknownCall
from ivr.models import Call
from ivr.operators.callback_calls import CallingBack, add_call_back_routes
from ivr.operators.models import Offer, Ticket
from ivr.operators.operator_prompts import PeopleWords
from ivr.operators.queue import Waiting
from ivr.operators.queue_position import Standing
from ivr.operators.ringing import OUTCOMES, Exchange, Ringing
from ivr.twilio.operator_twiml import PeopleMarkup
from orders.book.models import OrderLineRow, OrderRow
from orders.retailers.models import RetailerRow
from storage import SessionFactory, reading

YES_KEY, OPERATOR_KEY, BACK_KEY = "1", "0", "*"
# An unchanged queue position is announced again after this many rounds of music.
SAID_AGAIN_AFTER = 4
# A question is asked this often before the line says goodbye.
ASKED_MOST = 3
# An operator's call tries this often to connect to a caller who is just being sent to the queue.
TRIES_MOST = 3


@dataclass(frozen=True)
class People:
    """The services that hand a call over to an operator."""

    sessions: SessionFactory
    calls: Calls
    waiting: Waiting
    ringing: Ringing
    markup: PeopleMarkup
    words: PeopleWords
    calling_back: CallingBack

    @classmethod
    def of(
        cls,
        sessions: SessionFactory,
        clock: Clock,
        calls: Calls,
        carrier: Exchange,
        markup: PeopleMarkup,
        numbers: Collection[str],
    ) -> People:
        """Build the services of one line; `numbers` is the fixed list of operator numbers, which are always staffed."""
        ringing = Ringing(sessions, clock, carrier, markup, numbers)
        waiting = Waiting(sessions, clock, calls, ringing, numbers)
        calling_back = CallingBack(sessions, clock, carrier, markup)
        return cls(sessions, calls, waiting, ringing, markup, PeopleWords(load_prompts()), calling_back)


Speak = Callable[[Present], Response]
"""Renders the response that says a call's current reply."""


def add_people_routes(routes: Blueprint, people: People, speak: Speak) -> None:
    """Add the webhooks of callers' queues and of operators' calls to the carrier's other webhooks."""
    _add_caller_routes(routes, people, speak)
    _add_operator_routes(routes, people)
    add_call_back_routes(routes, people.calling_back, people.markup, people.words)


def _add_caller_routes(routes: Blueprint, people: People, speak: Speak) -> None:
    markup, words = people.markup, people.words

    @routes.post("/queue")
    def queue() -> Response:
        coming = people.waiting.standing(_sid()).where == "coming"
        return _xml(markup.queue([words.coming] if coming else [], _sid()))

    @routes.post("/waiting")
    def waiting() -> Response:
        standing = people.waiting.heard_of(_sid())
        people.ringing.look_soon()
        return _xml(_while_waiting(people, standing, request.args.get("told", ""), _count("again")))

    @routes.post("/waiting/key")
    def waiting_key() -> Response:
        key = request.form.get("Digits", "")
        if key == YES_KEY and people.waiting.ask_back(_sid()):
            return _xml(markup.leave_queue())
        if key == BACK_KEY and people.waiting.go_back(_sid()):
            return _xml(markup.leave_queue())
        return _xml(_while_waiting(people, people.waiting.standing(_sid()), "", 0))

    @routes.post("/operator")
    def left_queue() -> Response:
        """Continue a caller who has left the queue; reports about callers who are elsewhere already are ignored."""
        result = request.form.get("QueueResult", "")
        people.ringing.forget_queue(request.form.get("QueueSid", ""))
        if result.startswith(("hangup", "redirected")):
            return _xml(markup.nothing())
        if result in ("error", "queue-full", "system-error"):
            return _nobody(people, people.waiting.left_queue(_sid()), 0)
        return _onward(people, _sid(), speak, talked=result == "bridged")

    @routes.post("/nobody")
    def nobody() -> Response:
        standing = people.waiting.standing(_sid())
        if standing.where != "waiting" or standing.on_duty:
            return _onward(people, _sid(), speak)
        return _nobody(people, standing, _count("again"))

    @routes.post("/nobody/key")
    def nobody_key() -> Response:
        key = request.form.get("Digits", "")
        if key == YES_KEY:
            people.waiting.ask_back(_sid())
        elif key == BACK_KEY:
            people.waiting.go_back(_sid())
        return _onward(people, _sid(), speak)

    @routes.post("/alone")
    def alone() -> Response:
        standing = people.waiting.standing(_sid())
        if standing.where not in ("coming", "alone"):
            return _onward(people, _sid(), speak)
        if _count("again") >= ASKED_MOST:
            return _goodbye(people, [words.thanks])
        return _xml(markup.ask("/voice/alone", [words.alone], _count("again") + 1))

    @routes.post("/alone/key")
    def alone_key() -> Response:
        match request.form.get("Digits", ""):
            case key if key == OPERATOR_KEY:
                people.waiting.wait_again(_sid())
            case key if key == YES_KEY:
                people.waiting.go_on_alone(_sid())
            case _:
                return _xml(markup.ask("/voice/alone", [words.alone], 1))
        return _onward(people, _sid(), speak)

    @routes.post("/hold")
    def hold() -> Response:
        return _xml(markup.on_hold([words.hold], _sid()))

    @routes.post("/held")
    def held() -> Response:
        standing = people.waiting.heard_of(_sid())
        if standing.where in ("held", "coming"):
            return _xml(markup.music([words.held] if standing.where == "held" else []))
        return _xml(markup.leave_queue())


def _add_operator_routes(routes: Blueprint, people: People) -> None:
    markup, words = people.markup, people.words

    @routes.post("/offer")
    def offer() -> Response:
        number = _count("offer")
        if request.form.get("To", "").startswith("client:"):
            return _connect(people, number)
        sentences = _whisper(people, number)
        return _xml(markup.whisper(sentences, number)) if sentences else _goodbye(people, [words.gone])

    @routes.post("/offer/key")
    def offer_key() -> Response:
        number = _count("offer")
        if request.form.get("Digits", "") == YES_KEY:
            return _connect(people, number)
        people.ringing.over(number, "declined")
        return _goodbye(people, [words.over])

    @routes.post("/offer/status")
    def offer_status() -> Response:
        outcome = OUTCOMES.get(request.form.get("CallStatus", ""))
        if outcome is not None:
            people.ringing.over(_count("offer"), outcome)
        return _xml(markup.nothing())

    @routes.post("/seat")
    def seat() -> Response:
        """Continue an operator's call that has left its caller, or was redirected here to be connected again."""
        number = _count("offer")
        standing = _caller_of(people, number)
        talked = request.form.get("DialBridged") == "true" and "resumed" not in request.args
        if standing is None or standing[1].where not in ("coming", "held"):
            return _goodbye(people, [words.over])
        if standing[1].where == "held":
            return _xml(markup.keep([] if "kept" in request.args else [words.keep], number))
        if talked or _count("tries") >= TRIES_MOST:
            return _goodbye(people, [words.over])
        return _xml(markup.connect(standing[0], number, _count("tries") + 1))

    @routes.post("/seat/key")
    def seat_key() -> Response:
        number = _count("offer")
        if request.form.get("Digits", "") == YES_KEY:
            people.ringing.resume_offer(number)
        standing = _caller_of(people, number)
        if standing is None:
            return _goodbye(people, [words.over])
        if standing[1].where == "held":
            return _xml(markup.keep([words.keep], number))
        return _xml(markup.connect(standing[0], number, 1))


def _while_waiting(people: People, standing: Standing, told: str, again: int) -> str:
    """The next round of the queue: an announcement if there is news, or none was made for a while, and music."""
    markup, words = people.markup, people.words
    if standing.where == "served":
        return markup.waiting([words.in_hands] if again % SAID_AGAIN_AFTER == 0 else [], told, again + 1)
    if standing.where in ("coming", "alone"):
        return markup.waiting([], told, again)
    if standing.where != "waiting" or not standing.on_duty:
        return markup.leave_queue()
    now = f"{standing.place}-{standing.minutes}-{standing.long_wait:d}"
    if now != told or again >= SAID_AGAIN_AFTER:
        return markup.waiting(words.news(standing), now, 1)
    return markup.waiting([], told, again + 1)


def _onward(people: People, sid: str, speak: Speak, *, talked: bool = False) -> Response:
    """Continue a caller who is in no queue just now; `talked` is true if an operator has just hung up."""
    standing = people.waiting.left_queue(sid)
    if standing.asked_back:
        return _goodbye(people, people.words.asked_back)
    if standing.where == "waiting":
        return _xml(people.markup.queue([], sid)) if standing.on_duty else _nobody(people, standing, 0)
    if standing.where == "alone" or (talked and standing.where == "coming"):
        return _xml(people.markup.ask("/voice/alone", [people.words.alone], 1))
    if standing.where in ("coming", "served"):
        return _xml(people.markup.queue([], sid))
    if standing.where == "held":
        return _xml(people.markup.on_hold([], sid))
    try:
        return speak(people.calls.present(sid))
    except UnknownCall:
        return _goodbye(people, [people.words.nobody_free])


def _nobody(people: People, standing: Standing, asked: int) -> Response:
    if asked >= ASKED_MOST:
        return _goodbye(people, [people.words.nobody_free])
    return _xml(people.markup.ask("/voice/nobody", people.words.nobody(standing), asked + 1))


def _connect(people: People, offer: int) -> Response:
    sid = people.ringing.accept(offer)
    if sid is None:
        return _goodbye(people, [people.words.gone])
    return _xml(people.markup.connect(sid, offer, 1))


def _caller_of(people: People, offer_id: int) -> tuple[str, Standing] | None:
    """The caller's call that this operator's call belongs to, and its queue position; None if the attempt is not
    accepted or is over."""
    with reading(people.sessions) as session:
        offer = session.get(Offer, offer_id)
        if offer is None or offer.state != "accepted" or offer.ended_at is not None:
            return None
        sid = session.get_one(Ticket, offer.ticket_id).call_sid
    return sid, people.waiting.standing(sid)


def _whisper(people: People, offer_id: int) -> tuple[str, ...]:
    """The whisper for this ring attempt: who is calling, and why; empty if it no longer rings."""
    with reading(people.sessions) as session:
        offer = session.get(Offer, offer_id)
        if offer is None or offer.state != "ringing" or offer.ended_at is not None:
            return ()
        ticket = session.get_one(Ticket, offer.ticket_id)
        call = session.get_one(Call, ticket.call_sid)
        code = CallState.from_json(call.state).customer_code
        name = session.scalar(select(RetailerRow.name).where(RetailerRow.customer_code == code)) if code else None
        lines = session.scalar(
            select(func.count())
            .select_from(OrderLineRow)
            .join(OrderRow, OrderRow.id == OrderLineRow.order_id)
            .where(OrderRow.call_key == call.sid, OrderRow.state != "lapsed")
        )
    return people.words.whisper(name or "", ticket.reason, lines or 0)


def _goodbye(people: People, sentences: list[str] | tuple[str, ...]) -> Response:
    return _xml(people.markup.hang_up(sentences))


def _sid() -> str:
    return request.form.get("CallSid", "")[:64]


def _count(name: str) -> int:
    text = request.args.get(name, "")
    return int(text) if text.isdecimal() and len(text) < 9 else 0


def _xml(markup: str) -> Response:
    return Response(markup, mimetype="text/xml")
