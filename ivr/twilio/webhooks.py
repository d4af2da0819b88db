"""Twilio's webhooks: each request's signature is checked, its form parsed, the line asked, and the answer rendered."""

from __future__ import annotations

import time
from contextlib import ExitStack

import structlog
from flask import Blueprint, Response, abort, g, request
from structlog.contextvars import bind_contextvars, clear_contextvars
from werkzeug.exceptions import HTTPException

from ivr.carrier import ENDED_STATUSES
from ivr.instructions import EndCall, Instruction, Nothing
from ivr.line import LineServices
from ivr.metrics import WEBHOOK_SECONDS
from ivr.turns.calls import TurnRequest
from ivr.twilio import forms
from ivr.twilio.operator_webhooks import add_operator_routes
from ivr.twilio.signature import is_signed
from ivr.twilio.twiml import Twiml
from storage import waits_within

# No request of the carrier's comes near this.
FORM_MAX_BYTES = 64_000
# Notifications of a call's status. What could not be stored is answered with an error, so that the carrier notifies
# again; all other requests are answered for the caller, who hears the answer.
NOTIFICATIONS = ("voice.status", "voice.outbound_status", "voice.ring_status")

log = structlog.get_logger(__name__)


def voice_routes(line: LineServices) -> Blueprint:
    """The routes under /voice."""
    routes = Blueprint("voice", __name__, url_prefix="/voice")
    twiml = Twiml(line.settings, line.sentence_sounds)

    def answer(instruction: Instruction) -> Response:
        return Response(twiml.render(instruction), mimetype="text/xml")

    @routes.before_request
    def bound_waits() -> None:
        g.bounded_waits = ExitStack()
        g.bounded_waits.enter_context(waits_within())

    @routes.teardown_request
    def end_bounds(_error: BaseException | None) -> None:
        if (bounds := g.pop("bounded_waits", None)) is not None:
            bounds.close()

    @routes.before_request
    def begin() -> None:
        g.webhook_begun = time.perf_counter()
        # Threads take one request after the other: what the last one was about must not stay.
        clear_contextvars()

    @routes.after_request
    def end(answer: Response) -> Response:
        event = (request.endpoint or "").removeprefix("voice.")
        # A request that the application itself refuses never came to `begin`.
        if (begun := g.pop("webhook_begun", None)) is not None:
            WEBHOOK_SECONDS.labels(event, answer.status_code).observe(time.perf_counter() - begun)
        clear_contextvars()
        return answer

    @routes.before_request
    def check_signature() -> None:
        request.max_content_length = FORM_MAX_BYTES
        if not is_signed(request, line.settings):
            log.warning("a request without the carrier's signature was refused", path=request.path)
            abort(403, "This address answers the telephone carrier only: the signature is missing or wrong.")
        about = {"call": forms.field("CallSid")[:64], "turn": forms.number("turn")}
        bind_contextvars(**{name: value for name, value in about.items() if value})

    @routes.post("/incoming")
    def incoming() -> Response:
        caller, called = forms.field("From"), forms.field("To")
        return answer(line.automatic.call_started(forms.call_sid(), caller, called, forms.number("failures")))

    @routes.post("/turn")
    def turn() -> Response:
        call_sid, turn_number, failures = forms.call_sid(), forms.number("turn"), forms.number("failures")
        outbound = forms.is_outbound()
        if recording := forms.recording_id():
            keys = forms.turn_keys()
            return answer(
                line.automatic.turn_recorded(call_sid, turn_number, recording, keys, failures, is_outbound=outbound)
            )
        turn_request = TurnRequest(
            turn_number,
            keys=forms.turn_keys(),
            early="early" in request.args,
            waited_s=forms.waited_s(),
            names_finish_key=forms.names_finish_key(),
        )
        return answer(line.automatic.turn_taken(call_sid, turn_request, failures, is_outbound=outbound))

    @routes.post("/status")
    def status() -> Response:
        call_sid, now = forms.call_sid(), forms.call_status()
        if now in ENDED_STATUSES:
            line.automatic.call_ended(call_sid, now)
        return answer(Nothing())

    @routes.post("/outbound")
    def outbound() -> Response:
        attempt, failures = forms.argument("attempt"), forms.number("failures")
        answered_by = forms.answered_by()
        return answer(line.automatic.outbound_answered(attempt, forms.call_sid(), answered_by, failures))

    @routes.post("/outbound/status")
    def outbound_status() -> Response:
        if (now := forms.call_status()) is not None:
            line.automatic.outbound_status(forms.argument("attempt"), forms.call_sid(), now)
        return answer(Nothing())

    add_operator_routes(routes, line.operators, answer)

    @routes.errorhandler(Exception)
    def handle_failure(error: Exception) -> Response | HTTPException:
        # The line recovers from its own failures: this one is of the request, or of a notification.
        if isinstance(error, HTTPException):
            return error
        log.error("a request could not be answered as it should be", path=request.path, exc_info=error)
        if request.endpoint in NOTIFICATIONS and not isinstance(error, forms.MalformedRequest):
            return Response("The notification could not be stored.", 503, mimetype="text/plain")
        return answer(EndCall((line.prompts.failure_goodbye,)))

    return routes
