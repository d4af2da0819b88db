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
from ivr.calls import ENDED, Calls, Post, Present, UnknownCall
from ivr.outbound.outbound_calls import Outbound
from ivr.recognition import Hearing
from ivr.recordings import sound_of_wav
from ivr.twilio.media_socket import MediaLine, Socket
from ivr.twilio.operator_webhooks import People, add_people_routes
from ivr.twilio.rest import Carrier, CarrierError
from ivr.twilio.signature import is_signed
from ivr.twilio.twiml import FINISH_KEY, Asking, Markup, keys_wanted
from settings import Settings
from speech.utterance import NOTHING

# One failure repeats the prompt; the second in a row gives the call to an operator.
TROUBLE_MAX = 2
# No request of the carrier's comes near this.
FORM_MAX_BYTES = 64_000

log = structlog.get_logger(__name__)


class Notices:
    """The line's own sentences outside the conversation; read at the start, so that a missing prompt is found then."""

    def __init__(self, prompts: Prompts) -> None:
        self.trouble = prompts.text("line.trouble")
        self.trouble_goodbye = prompts.text("line.trouble_goodbye")
        self.trouble_operator = prompts.text("line.trouble_operator")


@dataclass(frozen=True)
class Line:
    """The services of the telephone line."""

    settings: Settings
    calls: Calls
    carrier: Carrier
    hearing: Hearing
    media: MediaLine
    markup: Markup
    outbound: Outbound
    people: People
    notices: Notices = field(default_factory=lambda: Notices(load_prompts()))


def voice_routes(line: Line) -> Blueprint:
    """The routes under /voice."""
    routes = Blueprint("voice", __name__, url_prefix="/voice")
    sockets = Sock()

    @routes.before_request
    def only_the_carrier() -> None:
        request.max_content_length = FORM_MAX_BYTES
        if not is_signed(request, line.settings):
            log.warning("a request without the carrier's signature was refused", path=request.path)
            abort(403, "This address answers the telephone carrier only: the signature is missing or wrong.")

    @routes.post("/incoming")
    def incoming() -> Response:
        caller, called = request.form.get("From", ""), request.form.get("To", "")
        return _speak(line, line.calls.begin(_call_sid(), caller, called))

    @routes.post("/turn")
    def turn() -> Response:
        sid, n = _call_sid(), _number(request.args.get("n"))
        try:
            if "RecordingSid" in request.form:
                return _recorded(line, sid, n)
            return _take(line, sid, Post(n, keys=_keys(), early="early" in request.args, waited=_waited()))
        except UnknownCall:
            if request.form.get("Direction", "").startswith("outbound"):
                log.warning("a turn of a call that rang somebody and was never begun here", call=sid)
                return _xml(line.markup.hang_up([line.notices.trouble_goodbye]))
            log.warning("a turn of a call never begun here: it is begun now", call=sid)
            return _xml(line.markup.again("/voice/incoming", [line.notices.trouble]))

    @routes.post("/status")
    def status() -> Response:
        if (now := request.form.get("CallStatus", "")) in ENDED:
            line.calls.end(_call_sid(), now)
            line.people.ringing.caller_gone(_call_sid())
        return _xml(line.markup.nothing())

    @routes.post("/outbound")
    def picked_up() -> Response:
        """A person or a machine has answered an outbound call."""
        sid, key = _call_sid(), request.args.get("attempt", "")
        match line.outbound.picked_up(key, sid, request.form.get("AnsweredBy", "")):
            case Present() as present:
                return _speak(line, present)
            case message:
                return _xml(line.markup.hang_up(message))

    @routes.post("/outbound/status")
    def how_it_rings() -> Response:
        line.outbound.told(request.args.get("attempt", ""), _call_sid(), request.form.get("CallStatus", ""))
        return _xml(line.markup.nothing())

    add_people_routes(routes, line.people, lambda present: _speak(line, present))

    @sockets.route("/stream", bp=routes)  # type: ignore[untyped-decorator]
    def stream(socket: Socket) -> None:
        line.media.serve(socket)

    @routes.errorhandler(Exception)
    def in_trouble(error: Exception) -> Response | HTTPException:
        if isinstance(error, HTTPException):
            return error
        log.error("a post could not be answered as it should be", path=request.path, exc_info=error)
        return _xml(_after_trouble(line))

    return routes


class MalformedPost(ValueError):
    """A signed request without what every request of the carrier has."""


def _take(line: Line, sid: str, post: Post) -> Response:
    answer = line.calls.take(sid, post)
    if isinstance(answer, Present):
        return _speak(line, answer)
    then = answer.present.reply.then
    assert isinstance(then, ListenFor)
    asking = _asking(line, answer.present)
    return _xml(line.markup.wait(then.listen, then.silence_ms, asking, sid, post.waited or 0))


def _recorded(line: Line, sid: str, n: int) -> Response:
    present = line.calls.present(sid)
    then = present.reply.then
    if present.over or n != present.n or not isinstance(then, ListenFor):
        return _speak(line, present)
    if (key := _keys()) and (key in ("*", "#") or keys_wanted(then.listen) == 1):
        return _take(line, sid, Post(n, keys=key))
    if key:
        return _xml(line.markup.more_keys(then.listen, Asking(n), key))
    try:
        wav = line.carrier.recording(request.form["RecordingSid"])
        utterance, sound = line.hearing.of_recording(then.listen, wav), sound_of_wav(wav)
    except CarrierError as error:
        log.warning("a turn's recording could not be had: it counts as not understood", call=sid, reason=str(error))
        utterance, sound = NOTHING, b""
    return _take(line, sid, Post(n, utterance=utterance, sound=sound))


def _speak(line: Line, present: Present) -> Response:
    if present.over:
        return _xml(line.markup.hang_up())
    return _xml(line.markup.reply(present.reply, _asking(line, present), present.sid))


def _asking(line: Line, present: Present) -> Asking:
    """The presentation of this prompt: by stream if one is open or may yet be opened, by recording if it cannot, by
    keys alone if nothing can be recognised."""
    trouble = _number(request.args.get("trouble")) if not present.taken else 0
    mode = line.settings.listen_mode if line.hearing.works else "keypad"
    listens = isinstance(present.reply.then, ListenFor)
    stream = None
    if mode == "stream" and listens and present.ear_due:
        line.calls.note_ear_start(present.sid)
        # The carrier requires a distinct name for every stream of a call.
        stream = f"ear-{secrets.token_hex(4)}"
    record = mode == "record" or (mode == "stream" and present.ear_given_up)
    return Asking(present.n, record=record, stream=stream, trouble=trouble)


def _after_trouble(line: Line) -> str:
    """The response after a failure: a caller who waits goes on waiting; an operator's own call ends, and the next
    operator is dialled; every other call is tried again, and handed to an operator after the second failure in a row.
    """
    people = line.people.markup
    match request.path.split("/")[2:]:
        case ["waiting" | "held", *_]:
            return people.waiting([], "", 0)
        case ["offer" | "seat" | "call-back", *_]:
            return people.hang_up([line.notices.trouble])
    trouble = _number(request.args.get("trouble")) + 1
    if trouble >= TROUBLE_MAX or not request.form.get("CallSid"):
        _ask_for_a_person(line)
        return people.queue([line.notices.trouble_operator], request.form.get("CallSid", "unknown")[:64])
    if request.path.endswith("/outbound"):
        key = request.args.get("attempt", "")
        return line.markup.again("/voice/outbound", [line.notices.trouble], attempt=key, trouble=trouble)
    if request.path.endswith("/turn"):
        n = _number(request.args.get("n"))
        return line.markup.again("/voice/turn", [line.notices.trouble], n=n, trouble=trouble)
    return line.markup.again("/voice/incoming", [line.notices.trouble], trouble=trouble)


def _ask_for_a_person(line: Line) -> None:
    """Open a ticket for the call; if the database itself is in trouble, the call waits without one."""
    try:
        line.calls.needs_a_person(request.form.get("CallSid", ""))
    except Exception as error:
        log.error("a call in trouble is not among those that wait", exc_info=error)


def _call_sid() -> str:
    if not (sid := request.form.get("CallSid", ""))[:64]:
        raise MalformedPost("the post names no call")
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
