"""The carrier's webhooks, answered in TwiML: a call comes in, a turn is taken, a call is over.

Every route checks the carrier's signature. On any other failure the caller hears a sentence and the call goes on: the
first failure of a turn repeats the prompt, the second gives the call to an operator.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import dataclass, field

import structlog
from flask import Blueprint, Response, abort, request
from flask_sock import Sock
from werkzeug.exceptions import HTTPException

from callflows.prompts import Prompts, load_prompts
from callflows.replies import ListenFor
from ivr.calls import ENDED_STATUSES, Calls, CallSnapshot, TurnRequest, UnknownCall
from ivr.outbound.outbound_calls import OutboundCalls
from ivr.recognition import Recognition
from ivr.recordings import sound_of_wav
from ivr.twilio.media_socket import MediaSocket, MediaSockets
from ivr.twilio.operator_webhooks import OperatorServices, add_operator_routes
from ivr.twilio.rest import CarrierError, TwilioCarrier
from ivr.twilio.signature import is_signed
from ivr.twilio.twiml import FINISH_KEY, LineTwiml, TurnPrompt, key_count
from settings import Settings
from speech.utterance import NOTHING

# One failure repeats the prompt; the second in a row gives the call to an operator.
FAILURES_MAX = 2
# No request of the carrier's comes near this.
FORM_MAX_BYTES = 64_000

log = structlog.get_logger(__name__)


class LinePrompts:
    """The line's own sentences outside the conversation; read at the start, so that a missing prompt is found then."""

    def __init__(self, prompts: Prompts) -> None:
        self.trouble = prompts.text("line.trouble")
        self.trouble_goodbye = prompts.text("line.trouble_goodbye")
        self.trouble_operator = prompts.text("line.trouble_operator")


@dataclass(frozen=True)
class LineServices:
    """The services of the telephone line."""

    settings: Settings
    calls: Calls
    carrier: TwilioCarrier
    recognition: Recognition
    media_sockets: MediaSockets
    markup: LineTwiml
    outbound_calls: OutboundCalls
    operators: OperatorServices
    prompts: LinePrompts = field(default_factory=lambda: LinePrompts(load_prompts()))


def voice_routes(line: LineServices) -> Blueprint:
    """The routes under /voice."""
    routes = Blueprint("voice", __name__, url_prefix="/voice")
    sockets = Sock()

    @routes.before_request
    def check_signature() -> None:
        request.max_content_length = FORM_MAX_BYTES
        if not is_signed(request, line.settings):
            log.warning("a request without the carrier's signature was refused", path=request.path)
            abort(403, "This address answers the telephone carrier only: the signature is missing or wrong.")

    @routes.post("/incoming")
    def incoming() -> Response:
        caller, called = request.form.get("From", ""), request.form.get("To", "")
        return _render(line, line.calls.begin(_call_sid(), caller, called))

    @routes.post("/turn")
    def turn() -> Response:
        sid, n = _call_sid(), _number(request.args.get("n"))
        try:
            if "RecordingSid" in request.form:
                return _recorded(line, sid, n)
            return _take(line, sid, TurnRequest(n, keys=_keys(), early="early" in request.args, waited_s=_waited()))
        except UnknownCall:
            if request.form.get("Direction", "").startswith("outbound"):
                log.warning("a turn of a call that rang somebody and was never begun here", call=sid)
                return _xml(line.markup.hang_up([line.prompts.trouble_goodbye]))
            log.warning("a turn of a call never begun here: it is begun now", call=sid)
            return _xml(line.markup.redirect("/voice/incoming", [line.prompts.trouble]))

    @routes.post("/status")
    def status() -> Response:
        if (now := request.form.get("CallStatus", "")) in ENDED_STATUSES:
            line.calls.end(_call_sid(), now)
            line.operators.dispatcher.call_off_call(_call_sid())
        return _xml(line.markup.empty())

    @routes.post("/outbound")
    def picked_up() -> Response:
        """A person or a machine has answered an outbound call."""
        sid, key = _call_sid(), request.args.get("attempt", "")
        match line.outbound_calls.on_answer(key, sid, request.form.get("AnsweredBy", "")):
            case CallSnapshot() as present:
                return _render(line, present)
            case message:
                return _xml(line.markup.hang_up(message))

    @routes.post("/outbound/status")
    def outbound_status() -> Response:
        line.outbound_calls.on_status(request.args.get("attempt", ""), _call_sid(), request.form.get("CallStatus", ""))
        return _xml(line.markup.empty())

    add_operator_routes(routes, line.operators, lambda present: _render(line, present))

    @sockets.route("/stream", bp=routes)  # type: ignore[untyped-decorator]
    def stream(socket: MediaSocket) -> None:
        line.media_sockets.serve(socket)

    @routes.errorhandler(Exception)
    def handle_failure(error: Exception) -> Response | HTTPException:
        if isinstance(error, HTTPException):
            return error
        log.error("a post could not be answered as it should be", path=request.path, exc_info=error)
        return _xml(_after_failure(line))

    return routes


class MalformedRequest(ValueError):
    """A signed request without what every request of the carrier has."""


def _take(line: LineServices, sid: str, turn_request: TurnRequest) -> Response:
    answer = line.calls.take_turn(sid, turn_request)
    if isinstance(answer, CallSnapshot):
        return _render(line, answer)
    then = answer.snapshot.reply.then
    assert isinstance(then, ListenFor)
    asking = _turn_prompt(line, answer.snapshot)
    return _xml(line.markup.wait(then.listen, then.silence_ms, asking, sid, turn_request.waited_s or 0))


def _recorded(line: LineServices, sid: str, turn_number: int) -> Response:
    present = line.calls.snapshot(sid)
    then = present.reply.then
    if present.ended or turn_number != present.turn_number or not isinstance(then, ListenFor):
        return _render(line, present)
    if (key := _keys()) and (key in ("*", "#") or key_count(then.listen) == 1):
        return _take(line, sid, TurnRequest(turn_number, keys=key))
    if key:
        return _xml(line.markup.collect_keys(then.listen, TurnPrompt(turn_number), key))
    try:
        wav = line.carrier.recording(request.form["RecordingSid"])
        utterance, sound = line.recognition.recognise_recording(then.listen, wav), sound_of_wav(wav)
    except CarrierError as error:
        log.warning("a turn's recording could not be had: it counts as not understood", call=sid, reason=str(error))
        utterance, sound = NOTHING, b""
    return _take(line, sid, TurnRequest(turn_number, utterance=utterance, sound=sound))


def _render(line: LineServices, snapshot: CallSnapshot) -> Response:
    if snapshot.ended:
        return _xml(line.markup.hang_up())
    return _xml(line.markup.reply(snapshot.reply, _turn_prompt(line, snapshot), snapshot.call_key))


def _turn_prompt(line: LineServices, snapshot: CallSnapshot) -> TurnPrompt:
    """The presentation of this prompt: by stream if one is open or may yet be opened, by recording if it cannot, by
    keys alone if nothing can be recognised."""
    trouble = _number(request.args.get("trouble")) if not snapshot.taken else 0
    mode = line.settings.listen_mode if line.recognition.available else "keypad"
    listens = isinstance(snapshot.reply.then, ListenFor)
    stream = None
    if mode == "stream" and listens and snapshot.stream_due:
        line.calls.record_stream_start(snapshot.call_key)
        # The carrier requires a distinct name for every stream of a call.
        stream = f"ear-{secrets.token_hex(4)}"
    record = mode == "record" or (mode == "stream" and snapshot.stream_given_up)
    return TurnPrompt(snapshot.turn_number, record=record, stream=stream, failures=trouble)


def _after_failure(line: LineServices) -> str:
    """The response after a failure: a caller who waits goes on waiting; an operator's own call ends, and the next
    operator is dialled; every other call is tried again, and handed to an operator after the second failure in a row.
    """
    people = line.operators.markup
    match request.path.split("/")[2:]:
        case ["waiting" | "held", *_]:
            return people.queue_round([], "", 0)
        case ["offer" | "seat" | "call-back", *_]:
            return people.hang_up([line.prompts.trouble])
    trouble = _number(request.args.get("trouble")) + 1
    if trouble >= FAILURES_MAX or not request.form.get("CallSid"):
        _request_operator(line)
        return people.queue([line.prompts.trouble_operator], request.form.get("CallSid", "unknown")[:64])
    if request.path.endswith("/outbound"):
        key = request.args.get("attempt", "")
        return line.markup.redirect("/voice/outbound", [line.prompts.trouble], attempt=key, trouble=trouble)
    if request.path.endswith("/turn"):
        n = _number(request.args.get("n"))
        return line.markup.redirect("/voice/turn", [line.prompts.trouble], n=n, trouble=trouble)
    return line.markup.redirect("/voice/incoming", [line.prompts.trouble], trouble=trouble)


def _request_operator(line: LineServices) -> None:
    """Open a ticket for the call; if the database itself is in trouble, the call waits without one."""
    try:
        line.calls.request_operator(request.form.get("CallSid", ""))
    except Exception as error:
        log.error("a call in trouble is not among those that wait", exc_info=error)


def _call_sid() -> str:
    if not (sid := request.form.get("CallSid", ""))[:64]:
        raise MalformedRequest("the post names no call")
    return sid[:64]


def _keys() -> str:
    """The keys of this request as they were pressed, without the `#` that ended them; a lone `#` is kept."""
    first, digits = request.args.get("first", ""), request.form.get("Digits", "")
    if not digits and not first and request.form.get("FinishedOnKey") == FINISH_KEY:
        return FINISH_KEY
    return keys if re.fullmatch(r"[0-9*#]{0,64}", keys := first + digits) else ""


def _waited() -> int | None:
    return _number(request.args["waited"]) if "waited" in request.args else None


def _number(text: str | None) -> int:
    return int(text) if text is not None and re.fullmatch(r"[0-9]{1,6}", text) else 0


def _xml(markup: str) -> Response:
    return Response(markup, mimetype="text/xml")
