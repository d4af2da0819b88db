"""Twilio's webhooks for callers who wait for an operator, and for the operators dialled for them."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, Response, request

from ivr.carrier import ENDED_STATUSES
from ivr.instructions import Instruction, Nothing, Question
from ivr.operators.callback_calls import CallbackCalls
from ivr.operators.direct_dial import DirectDial
from ivr.operators.handover import Handover, OperatorServices
from ivr.supervision.whispering import Whispering
from ivr.twilio import forms

Answer = Callable[[Instruction], Response]
"""Renders an instruction as the response to the present request."""


def add_operator_routes(routes: Blueprint, services: OperatorServices, answer: Answer) -> None:
    """Add the webhooks of callers' queues and of operators' calls to the carrier's other webhooks."""
    _add_queue_routes(routes, services.handover, answer)
    _add_question_routes(routes, services.handover, answer)
    _add_operator_call_routes(routes, services.handover, answer)
    _add_talk_routes(routes, services.handover, services.whispering, answer)
    _add_callback_routes(routes, services.callback_calls, answer)
    _add_direct_routes(routes, services.direct_dial, answer)


def _add_queue_routes(routes: Blueprint, handover: Handover, answer: Answer) -> None:
    @routes.post("/queue")
    def queue() -> Response:
        return answer(handover.sent_to_queue(forms.call_sid()))

    @routes.post("/waiting")
    def queue_round() -> Response:
        return answer(handover.queue_round(forms.call_sid(), forms.argument("announced"), forms.number("round")))

    @routes.post("/waiting/key")
    def queue_key() -> Response:
        return answer(handover.queue_key(forms.call_sid(), forms.field("Digits")))

    @routes.post("/left-queue")
    def left_queue() -> Response:
        return answer(handover.left_queue(forms.call_sid(), forms.queue_exit(), forms.field("QueueSid")))

    @routes.post("/hold")
    def hold() -> Response:
        return answer(handover.sent_to_hold(forms.call_sid()))

    @routes.post("/on-hold-round")
    def hold_round() -> Response:
        return answer(handover.hold_round(forms.call_sid()))


def _add_question_routes(routes: Blueprint, handover: Handover, answer: Answer) -> None:
    def unanswered(question: Question) -> Response:
        return answer(handover.question_unanswered(forms.call_sid(), question, forms.number("round")))

    def answered(question: Question) -> Response:
        return answer(handover.question_answered(forms.call_sid(), question, forms.field("Digits")))

    @routes.post("/no-operator")
    def no_operator() -> Response:
        return unanswered("no_operator")

    @routes.post("/no-operator/key")
    def no_operator_key() -> Response:
        return answered("no_operator")

    @routes.post("/operator-gone")
    def operator_gone() -> Response:
        return unanswered("operator_gone")

    @routes.post("/operator-gone/key")
    def operator_gone_key() -> Response:
        return answered("operator_gone")


def _add_operator_call_routes(routes: Blueprint, handover: Handover, answer: Answer) -> None:
    @routes.post("/ring-attempt")
    def ring_attempt() -> Response:
        return answer(handover.operator_answered(forms.number("attempt"), in_browser=forms.is_browser()))

    @routes.post("/ring-attempt/key")
    def ring_key() -> Response:
        return answer(handover.operator_key(forms.number("attempt"), forms.field("Digits")))

    @routes.post("/ring-attempt/status")
    def ring_status() -> Response:
        if (now := forms.call_status()) in ENDED_STATUSES:
            handover.operator_call_ended(forms.number("attempt"), now)
        return answer(Nothing())

    @routes.post("/operator-leg")
    def operator_leg() -> Response:
        attempt = forms.number("attempt")
        if "resumed" in request.args:
            return answer(handover.operator_reconnects(attempt))
        if "talk" in request.args:
            return answer(handover.operator_left_talk(attempt))
        if "kept" in request.args:
            return answer(handover.operator_hold_check(attempt))
        if "waited" in request.args:
            return answer(handover.operator_waited(attempt, forms.number("tries")))
        talked = forms.field("DialBridged") == "true"
        return answer(handover.operator_left_caller(attempt, talked=talked, tries=forms.number("tries")))

    @routes.post("/operator-leg/key")
    def operator_leg_key() -> Response:
        return answer(handover.operator_hold_key(forms.number("attempt"), forms.field("Digits")))


def _add_talk_routes(routes: Blueprint, handover: Handover, whispering: Whispering, answer: Answer) -> None:
    @routes.post("/talk")
    def talk() -> Response:
        return answer(handover.sent_to_talk(forms.call_sid()))

    @routes.post("/talk/left")
    def left_talk() -> Response:
        return answer(handover.left_talk(forms.call_sid()))

    @routes.post("/coach")
    def coach() -> Response:
        return answer(whispering.coach_answered(forms.number("supervision"), in_browser=forms.is_browser()))

    @routes.post("/coach/key")
    def coach_key() -> Response:
        return answer(whispering.coach_key(forms.number("supervision"), forms.field("Digits")))

    @routes.post("/coach/waited")
    def coach_waited() -> Response:
        return answer(whispering.coach_waited(forms.number("supervision"), forms.number("tries")))

    @routes.post("/coach/left")
    def coach_left() -> Response:
        return answer(whispering.coach_left(forms.number("supervision"), forms.number("tries")))

    @routes.post("/coach/status")
    def coach_status() -> Response:
        if forms.call_status() in ENDED_STATUSES:
            whispering.coach_call_ended(forms.number("supervision"))
        return answer(Nothing())


def _add_callback_routes(routes: Blueprint, callbacks: CallbackCalls, answer: Answer) -> None:
    def ids() -> tuple[int, int]:
        return forms.number("callback"), forms.number("staff")

    @routes.post("/callback")
    def callback() -> Response:
        return answer(callbacks.answered(*ids(), in_browser=forms.is_browser()))

    @routes.post("/callback/key")
    def callback_key() -> Response:
        return answer(callbacks.key_pressed(*ids(), forms.field("Digits")))

    @routes.post("/callback/over")
    def callback_over() -> Response:
        return answer(callbacks.over(*ids(), reached=forms.field("DialCallStatus") == "completed"))

    @routes.post("/notification")
    def notification() -> Response:
        return answer(Nothing())


def _add_direct_routes(routes: Blueprint, direct: DirectDial, answer: Answer) -> None:
    @routes.post("/direct")
    def direct_answered() -> Response:
        return answer(direct.answered())

    @routes.post("/direct/key")
    def direct_key() -> Response:
        return answer(direct.key_pressed(forms.field("Digits")))

    @routes.post("/direct/over")
    def direct_over() -> Response:
        talked = forms.field("DialCallStatus") == "completed"
        return answer(direct.over(forms.call_sid(), forms.number("tried"), talked=talked))
