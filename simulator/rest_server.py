"""The part of Twilio's REST interface the application uses: live calls, new calls, recordings."""

from __future__ import annotations

import functools
import hmac
import re
import socket
import threading
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from typing import Any

from flask import Flask, Response, jsonify, request
from werkzeug.datastructures import MultiDict
from werkzeug.serving import BaseWSGIServer, WSGIRequestHandler, make_server

from simulator.account import Account, Recording
from simulator.call import SimulatedCall
from simulator.carrier_habits import RETRY_AFTER_S
from simulator.instructions import CallUpdate
from simulator.legs import CallRequest
from simulator.live_call import LiveCall
from simulator.media import MediaStream, is_stream_url
from simulator.mulaw import RATE, to_wav
from simulator.placed_calls import PlaceCall, call_placer
from simulator.twiml_parser import Verb
from simulator.verbs import open_fork

API = "/2010-04-01/Accounts/<account_sid>"
NOT_AUTHENTICATED = 20003
NOT_FOUND = 20404
TOO_MANY_REQUESTS = 20429
BAD_URL = 21205
NO_INSTRUCTIONS = 21201
BAD_NUMBER = 21211
NOT_IN_PROGRESS = 21220
BAD_STATUS = 21218
QUEUE_NOT_EMPTY = 22002

LISTED_MAX = 50
STREAM_PARAMETERS_MAX = 99
# A call takes what it is asked between two ticks.
OPENED_WITHIN_S = 5.0
UNANSWERED = ("queued", "initiated", "ringing")
_NUMBER = re.compile(r"\+[0-9]{6,15}|client:[\w.-]+")


class RestError(Exception):
    """A refusal by Twilio's REST interface."""

    def __init__(self, status: HTTPStatus, code: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.code = code


def create_rest(account: Account, place_call: PlaceCall | None = None) -> Flask:
    """The REST interface of one account, to be served at its `api_base`. Calls the application places go to the
    account's parties, unless `place_call` is given."""
    rest = Flask("simulator.rest_server")
    place_call = place_call or call_placer(account)

    @rest.errorhandler(RestError)
    def refuse(error: RestError) -> tuple[Response, int]:
        body = {
            "code": error.code,
            "message": str(error),
            "more_info": f"https://www.twilio.com/docs/errors/{error.code}",
            "status": error.status.value,
        }
        return jsonify(body), error.status.value

    @rest.errorhandler(HTTPStatus.NOT_FOUND)
    def unknown(error: Exception) -> tuple[Response, int]:
        return refuse(_not_found())

    @rest.before_request
    def authenticate() -> None:
        given = request.authorization
        known = (
            given is not None
            and given.type == "basic"
            and hmac.compare_digest(given.username or "", account.sid)
            and hmac.compare_digest(given.password or "", account.auth_token)
        )
        if not known:
            raise RestError(HTTPStatus.UNAUTHORIZED, NOT_AUTHENTICATED, "Authenticate")
        if request.view_args and request.view_args.get("account_sid") != account.sid:
            raise _not_found()

    @rest.before_request
    def refuse_too_many() -> tuple[Response, int, dict[str, str]] | None:
        if not account.refuses_request():
            return None
        refused = RestError(HTTPStatus.TOO_MANY_REQUESTS, TOO_MANY_REQUESTS, "Too Many Requests")
        return *refuse(refused), {"Retry-After": str(RETRY_AFTER_S)}

    @rest.get(f"{API}.json")
    def show_account(account_sid: str) -> Response:
        return jsonify(sid=account.sid, status="active", type="Full", friendly_name="simulator")

    @rest.get(f"{API}/IncomingPhoneNumbers.json")
    def list_numbers(account_sid: str) -> Response:
        return jsonify(
            incoming_phone_numbers=[
                {
                    "phone_number": one.number,
                    "voice_url": one.voice_url,
                    "voice_method": one.method,
                    "status_callback": one.status_url,
                    "status_callback_method": one.method,
                }
                for one in account.numbers
            ],
            next_page_uri=None,
            uri=request.full_path,
        )

    @rest.post(f"{API}/Calls.json")
    def create_call(account_sid: str) -> tuple[Response, int]:
        asked = replace(_call_request(request.form), queue_time_ms=account.queue_time_ms())
        resource = _call_resource(account, place_call(asked)) | {"queue_time": str(asked.queue_time_ms)}
        return jsonify(resource), HTTPStatus.CREATED

    @rest.get(f"{API}/Calls.json")
    def list_calls(account_sid: str) -> Response:
        """The latest calls, filtered by To and From if given."""
        wanted = [
            call
            for call in reversed(list(account.calls.values()))
            if request.args.get("To", call.called) == call.called
            and request.args.get("From", call.caller) == call.caller
        ]
        return jsonify(
            calls=[_call_resource(account, call) for call in wanted[:LISTED_MAX]],
            next_page_uri=None,
            page=0,
            page_size=LISTED_MAX,
            uri=request.full_path,
        )

    @rest.get(f"{API}/Calls/<sid>.json")
    def show_call(account_sid: str, sid: str) -> Response:
        return jsonify(_call_resource(account, _call(sid)))

    @rest.post(f"{API}/Calls/<sid>.json")
    def update_call(account_sid: str, sid: str) -> Response:
        call = _call(sid)
        change = _call_update(request.form.to_dict())
        if change.only_unanswered:
            # "canceled" ends a call that has not been answered; an answered one continues.
            if call.status in UNANSWERED:
                call.update(change)
            return jsonify(_call_resource(account, call))
        if call.ended or (call.status != "in-progress" and not change.completed):
            raise RestError(HTTPStatus.BAD_REQUEST, NOT_IN_PROGRESS, "Call is not in-progress. Cannot redirect.")
        call.update(change)
        return jsonify(_call_resource(account, call))

    @rest.post(f"{API}/Calls/<sid>/Streams.json")
    def create_stream(account_sid: str, sid: str) -> tuple[Response, int]:
        """A stream beside whatever the call does. https://www.twilio.com/docs/voice/api/stream-resource"""
        call = _call(sid)
        if call.ended or call.status != "in-progress":
            raise RestError(HTTPStatus.BAD_REQUEST, NOT_IN_PROGRESS, "Call is not in-progress.")
        assert isinstance(call, SimulatedCall)
        noun, opened = _stream(request.form), Future[MediaStream]()
        call.run_soon(lambda: opened.set_result(open_fork(call, noun)))
        stream = opened.result(OPENED_WITHIN_S)
        body = {
            "account_sid": account.sid,
            "call_sid": sid,
            "name": stream.parameters.name or None,
            "sid": stream.sid,
            "status": "in-progress",
            "uri": f"/2010-04-01/Accounts/{account.sid}/Calls/{sid}/Streams/{stream.sid}.json",
        }
        return jsonify(body), HTTPStatus.CREATED

    @rest.get(f"{API}/Recordings/<sid>")
    def fetch_recording(account_sid: str, sid: str) -> Response:
        sid, _, kind = sid.partition(".")
        recording = _recording(sid)
        if kind == "json":
            return jsonify(_recording_resource(recording))
        if kind not in ("", "wav") or not recording.is_ready:
            raise _not_found()
        return Response(to_wav(recording.mulaw), mimetype="audio/x-wav")

    @rest.delete(f"{API}/Recordings/<sid>")
    def delete_recording(account_sid: str, sid: str) -> tuple[str, int]:
        del account.recordings[_recording(sid.partition(".")[0]).sid]
        return "", HTTPStatus.NO_CONTENT

    @rest.delete(f"{API}/Queues/<sid>.json")
    def delete_queue(account_sid: str, sid: str) -> tuple[str, int]:
        queue = account.queue_by_sid(sid)
        if queue is None:
            raise _not_found()
        if not account.delete_queue(queue):
            raise RestError(HTTPStatus.BAD_REQUEST, QUEUE_NOT_EMPTY, "Queue must be empty before deletion")
        return "", HTTPStatus.NO_CONTENT

    def _call(sid: str) -> LiveCall:
        if sid not in account.calls:
            raise _not_found()
        return account.calls[sid]

    def _recording(sid: str) -> Recording:
        recording = account.recordings.get(sid)
        if recording is None:
            raise _not_found()
        return recording

    def _recording_resource(recording: Recording) -> dict[str, Any]:
        path = f"/2010-04-01/Accounts/{account.sid}/Recordings/{recording.sid}"
        return {
            "account_sid": account.sid,
            "api_version": "2010-04-01",
            "call_sid": recording.call_sid,
            "channels": 1,
            "date_created": format_datetime(recording.created_at),
            "duration": str(round(len(recording.mulaw) / RATE)),
            "media_url": account.recording_url(recording.sid),
            "sid": recording.sid,
            "source": "RecordVerb",
            "status": recording.status,
            "uri": f"{path}.json",
        }

    return rest


def _call_resource(account: Account, call: LiveCall) -> dict[str, Any]:
    begun = datetime.fromtimestamp(call.started_at, UTC)
    return {
        "account_sid": account.sid,
        "answered_by": call.answered_by or None,
        "api_version": "2010-04-01",
        "date_created": format_datetime(begun),
        "direction": call.direction,
        "duration": str(call.duration_seconds) if call.ended else None,
        "from": call.caller,
        "sid": call.sid,
        "start_time": format_datetime(begun),
        "status": call.status,
        "to": call.called,
        "uri": f"/2010-04-01/Accounts/{account.sid}/Calls/{call.sid}.json",
    }


def _call_update(form: dict[str, str]) -> CallUpdate:
    status = form.get("Status")
    if status is not None:
        if status not in ("completed", "canceled"):
            raise RestError(HTTPStatus.BAD_REQUEST, BAD_STATUS, f"Invalid status: {status}")
        return CallUpdate(completed=True, only_unanswered=status == "canceled")
    if form.get("Twiml"):
        return CallUpdate(twiml=form["Twiml"])
    if not form.get("Url"):
        raise RestError(HTTPStatus.BAD_REQUEST, NO_INSTRUCTIONS, "A Url, Twiml or Status is needed to update a call")
    return CallUpdate(url=_checked_url(form["Url"]), method=form.get("Method", "POST"))


def _call_request(form: MultiDict[str, str]) -> CallRequest:
    if not form.get("From") or not form.get("To"):
        raise RestError(HTTPStatus.BAD_REQUEST, NO_INSTRUCTIONS, "No 'To' or 'From' number is specified")
    if not _NUMBER.fullmatch(form["To"]):
        raise RestError(
            HTTPStatus.BAD_REQUEST,
            BAD_NUMBER,
            f"The phone number you are attempting to call is not valid: {form['To']}",
        )
    detection = form.get("MachineDetection", "")
    return CallRequest(
        caller=form["From"],
        called=form["To"],
        voice_url=_checked_url(form.get("Url", "")),
        fallback_url=form.get("FallbackUrl", ""),
        status_url=form.get("StatusCallback", ""),
        events=frozenset(form.getlist("StatusCallbackEvent")) or frozenset({"completed"}),
        machine_detection="Enable" if detection == "Enable" else "DetectMessageEnd" if detection else "",
        timeout_s=form.get("Timeout", 60, type=int),
    )


def _stream(form: MultiDict[str, str]) -> Verb:
    """The stream of a request, as the noun that describes one in a document."""
    if not form.get("Url"):
        raise RestError(HTTPStatus.BAD_REQUEST, NO_INSTRUCTIONS, "A Url is needed to create a stream")
    if not is_stream_url(form["Url"]):
        raise RestError(HTTPStatus.BAD_REQUEST, BAD_URL, f"Url is not a wss one: {form['Url']}")
    attributes = {"url": form["Url"], "name": form.get("Name", ""), "track": form.get("Track", "inbound_track")}
    parameters = tuple(
        Verb("Parameter", {"name": name, "value": form.get(f"Parameter{number}.Value", "")})
        for number in range(1, STREAM_PARAMETERS_MAX + 1)
        if (name := form.get(f"Parameter{number}.Name"))
    )
    return Verb("Stream", attributes, children=parameters)


def _checked_url(url: str) -> str:
    if not url.startswith(("http://", "https://")):
        raise RestError(HTTPStatus.BAD_REQUEST, BAD_URL, f"Url is not a valid URL: {url}")
    return url


def _not_found() -> RestError:
    return RestError(HTTPStatus.NOT_FOUND, NOT_FOUND, f"The requested resource {request.path} was not found")


class _Quiet(WSGIRequestHandler):
    # Connections stay open, as Twilio's do.
    protocol_version = "HTTP/1.1"

    def log(self, type: str, message: str, *args: Any) -> None:
        pass


class RestServer:
    """The REST interface served from a thread, until the `with` block ends. `port` 0 takes a free one.

    Raises OSError if the port is taken.
    """

    def __init__(self, rest: Flask, host: str, port: int) -> None:
        # A socket of our own, so that a taken port raises OSError instead of werkzeug ending the process.
        with socket.create_server((host, port)) as listening:
            port = listening.getsockname()[1]
            self._server: BaseWSGIServer = make_server(
                host, port, rest, threaded=True, request_handler=_Quiet, fd=listening.fileno()
            )
        self.url = f"http://{host}:{self._server.port}"

    def __enter__(self) -> RestServer:
        serve = functools.partial(self._server.serve_forever, poll_interval=0.02)
        threading.Thread(target=serve, name="twilio rest", daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
