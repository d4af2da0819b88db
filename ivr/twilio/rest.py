"""Twilio's REST API: redirect, place and end calls, fetch recordings, and sign browser telephones in."""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final, TypeVar

import requests
import structlog
from requests.adapters import HTTPAdapter
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.jwt.access_token import AccessToken
from twilio.jwt.access_token.grants import VoiceGrant
from twilio.rest import Client
from urllib3.exceptions import ProtocolError

from ivr.call_pace import CallPace
from ivr.carrier import (
    OPERATOR_RING_S,
    RETAILER_RING_S,
    BrowserTelephone,
    CallStatus,
    CarrierBusy,
    CarrierError,
    CarrierRefused,
    NumberAtCarrier,
    browser_identity,
)
from ivr.metrics import carrier_request
from ivr.twilio.forms import CALL_STATUSES
from ivr.twilio.signature import socket_base, stream_token
from ivr.twilio.urls import WebhookUrls
from orders.retailers.dialling import may_be_dialled
from settings import Settings

API: Final = "https://api.twilio.com"
TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 16
# The requests that may be sent twice: reads, and updates of a call, which say what is to be and not what is to be done.
REPEATABLE: Final = re.compile(r"^GET |^POST .*/Calls/\w+\.json$")
RECORDING_MAX_BYTES: Final = 4_000_000
# A greeting shorter than a sentence with a pause of this length after it comes from a person.
HELLO_PAUSE_MS: Final = 800
# The line speaks first if nothing is said for this long after the call is answered.
INITIAL_SILENCE_MS: Final = 3_000
# How long to wait after too many requests, in seconds, where the carrier does not say, and at most.
RETRY_AFTER_S: Final = 1.0
RETRY_AFTER_MAX_S: Final = 60.0
CALLS_LISTED_MAX: Final = 5
NUMBERS_LISTED_MAX: Final = 1000
# Mandarin as spoken on the mainland. https://www.twilio.com/docs/voice/twiml/say/text-speech
VOICES: Final = frozenset(
    {"Polly.Zhiyu", "Polly.Zhiyu-Neural"}
    | {f"Google.cmn-CN-Standard-{one}" for one in "ABCD"}
    | {f"Google.cmn-CN-Wavenet-{one}" for one in "ABCD"}
    | {
        f"Google.cmn-CN-Chirp3-HD-{one}"
        for one in ("Aoede", "Charon", "Fenrir", "Kore", "Leda", "Orus", "Puck", "Zephyr")
    }
)
CLOCK_SKEW: Final = timedelta(seconds=10)
TOKEN_S: Final = 3600
# The Voice SDK's hosts for signalling, reporting and its sounds; the talk goes by WebRTC. The policy is the one that
# the README of the package @twilio/voice-sdk asks for.
SOUND_HOSTS: Final = ("https://media.twiliocdn.com", "https://sdk.twilio.com")
BROWSER_TELEPHONE: Final = BrowserTelephone(
    "twilio-voice/twilio.min.js",
    "twilio.js",
    ("https://eventgw.twilio.com", "wss://voice-js.roaming.twilio.com", *SOUND_HOSTS),
    ("mediastream:", *SOUND_HOSTS),
)

log = structlog.get_logger(__name__)


A = TypeVar("A", Response, requests.Response)


class _ApiBaseClient:
    """The carrier's own HTTP client, sending to TWILIO_API_BASE instead of the carrier's host, over connections that
    stay open. While the token is being changed, the one that the carrier takes is used: what it refuses it has not
    done."""

    def __init__(self, base: str, account: str, tokens: Sequence[str]) -> None:
        self._account = account
        # The one to use first; the carrier stops to take the old token at the moment the new one is promoted.
        self._tokens = deque(tokens)
        self._client = TwilioHttpClient(timeout=TIMEOUT_S)
        self._base = base.rstrip("/")
        assert self._client.session is not None
        self._session = self._client.session
        self._session.mount(self._base, HTTPAdapter(pool_maxsize=CONNECTIONS_MAX))

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        with carrier_request():
            url = url.replace(API, self._base, 1)
            answer = self._answer(lambda auth: self._send(method, url, *args, **{**kwargs, "auth": auth}))
        if answer.status_code == requests.codes.too_many_requests:
            raise CarrierBusy("the carrier has had too many requests", _retry_after_s(answer.headers))
        return answer

    def _send(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        try:
            return self._client.request(method, url, *args, **kwargs)
        except requests.ConnectionError as error:
            # The carrier may close an open connection at the moment it is used. A call must not be placed twice.
            if not (_is_reset(error) and REPEATABLE.search(f"{method} {url}")):
                raise
            return self._client.request(method, url, *args, **kwargs)

    def _answer(self, ask: Callable[[tuple[str, str]], A]) -> A:
        """The answer to a request that is made with the account and a token; with each token, until one is taken."""
        for _token in range(len(self._tokens)):
            answer = ask((self._account, self._tokens[0]))
            if answer.status_code != requests.codes.unauthorized:
                break
            self._tokens.rotate(-1)
        return answer

    def connect(self) -> requests.Response:
        """Open a connection, to be used by the next request, and return the answer to a request for nothing."""
        answer: requests.Response = self._session.head(self._base, timeout=TIMEOUT_S, allow_redirects=False)
        return answer

    def get(self, path: str) -> requests.Response:
        """The answer to a GET of this path, as it comes."""
        answer: requests.Response = self._answer(
            lambda auth: self._session.get(f"{self._base}{path}", auth=auth, timeout=TIMEOUT_S)
        )
        return answer


def _is_reset(error: requests.ConnectionError) -> bool:
    """True if the far end closed the connection instead of answering."""
    reason = error.args[0] if error.args else None
    return isinstance(reason, ProtocolError) and isinstance(reason.args[-1], ConnectionError)


def _retry_after_s(headers: Mapping[str, str] | None) -> float:
    given = (headers or {}).get("Retry-After", "")
    return min(float(given), RETRY_AFTER_MAX_S) if given.isdecimal() else RETRY_AFTER_S


class TwilioCarrier:
    """Twilio's REST API as the line's carrier (`ivr.carrier.Carrier`). Calls are placed at the line's `pace`; without
    one, those that come too fast wait at Twilio's."""

    def __init__(self, settings: Settings, pace: CallPace | None = None) -> None:
        self._settings = settings
        self._pace = pace
        self._urls = WebhookUrls(settings)
        tokens = settings.twilio_auth_tokens or ("",)
        self._http = _ApiBaseClient(settings.twilio_api_base, settings.twilio_account_sid, tokens)
        self._client = Client(settings.twilio_account_sid, settings.twilio_auth_token, http_client=self._http)

    def check(self) -> None:
        """Fetch our own account. Raises CarrierError if the carrier cannot be reached, or the account is not active."""
        try:
            account = self._client.api.accounts(self._settings.twilio_account_sid).fetch()
        except (TwilioException, requests.RequestException) as error:
            remedy = "see the network, TWILIO_ACCOUNT_SID and TWILIO_AUTH_TOKEN"
            raise CarrierError(f"the carrier could not be asked for the account: {error}: {remedy}") from error
        if account.status != "active":
            raise CarrierError(f"the account at the carrier is {account.status}")

    def numbers(self) -> list[NumberAtCarrier]:
        """The numbers of our account, and what has to be set for them in Twilio's console. Raises CarrierError if they
        cannot be listed."""
        try:
            listed = self._client.incoming_phone_numbers.list(limit=NUMBERS_LISTED_MAX)
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the numbers of the account could not be listed: {error}") from error
        return [NumberAtCarrier(str(one.phone_number), self._wrong_webhooks(one)) for one in listed]

    def _wrong_webhooks(self, number: Any) -> str:
        wanted = (
            ("A call comes in", number.voice_url, number.voice_method, self._urls.incoming()),
            ("Call status changes", number.status_callback, number.status_callback_method, self._urls.status()),
        )
        return "; ".join(
            f"set “{field}” to {url} (POST): it is {found or 'empty'}"
            for field, found, method, url in wanted
            if (found, method) != (url, "POST")
        )

    def clock_ahead_s(self, now: datetime) -> float:
        """The seconds by which `now` is ahead of the clock of Twilio's servers, which give whole seconds. Raises
        CarrierError if they cannot be asked."""
        try:
            date = parsedate_to_datetime(self._http.connect().headers["Date"])
        except (requests.RequestException, KeyError, ValueError) as error:
            raise CarrierError(f"the carrier did not say what time it is: {error}") from error
        return (now - date).total_seconds()

    @property
    def voices(self) -> Collection[str]:
        """Twilio's voices for Mandarin."""
        return VOICES

    @property
    def redirects_at_once(self) -> bool:
        """False: a redirect takes a request to the carrier and one of the carrier's."""
        return False

    def warm_up(self) -> None:
        """Open a connection for the next request. Raises CarrierError if the carrier cannot be reached."""
        try:
            self._http.connect()
        except requests.RequestException as error:
            raise CarrierError(f"the carrier could not be reached: {error}") from error

    def redirect_to_turn(self, call_key: str, turn_number: int) -> None:
        """Redirect the call to this turn, whatever is being played to it. Raises CarrierError if that fails."""
        self._redirect(call_key, self._urls.turn(turn_number))

    def redirect_to_queue(self, call_key: str) -> None:
        """Redirect the call to the queue. Raises CarrierError if that fails."""
        self._redirect(call_key, self._urls.queue())

    def redirect_to_hold(self, call_key: str) -> None:
        """Redirect the call to be put on hold. Raises CarrierError if that fails."""
        self._redirect(call_key, self._urls.hold())

    def redirect_to_talk(self, call_key: str) -> None:
        """Redirect the call to the talk a supervisor can join. Raises CarrierError if that fails."""
        self._redirect(call_key, self._urls.talk())

    def dial_coach(self, address: str, line: str, supervision_id: int) -> str:
        """Dial a supervisor who is to whisper and return the call's id. Raises CarrierError if that fails."""
        return self._dial(address, line, self._urls.coach(supervision_id), self._urls.coach(supervision_id, "/status"))

    def reconnect_operator(self, operator_call_key: str, attempt_id: int) -> None:
        """Redirect an operator's call to be connected to its caller again. Raises CarrierError if that fails."""
        self._redirect(operator_call_key, self._urls.operator_leg(attempt_id, resumed=1))

    def _redirect(self, call_sid: str, url: str) -> None:
        try:
            self._client.calls(call_sid).update(url=url, method="POST")
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the call could not be redirected: {error}") from error

    def dial_retailer(self, phone: str, line: str, attempt_key: str) -> str:
        """Call a retailer from this line and return the call's id. Raises CarrierRefused if no call is placed, and
        CarrierBusy if none is placed yet; after any other CarrierError it may have been."""
        if not may_be_dialled(phone, self._settings.dialled_prefixes):
            raise CarrierRefused("the number may not be dialled: it is a premium one, or not under DIALLED_PREFIXES")
        try:
            return self._place(
                to=phone,
                from_=line,
                url=self._urls.outbound(attempt_key),
                # Requested where a request fails: the call goes on with what it was waiting for.
                fallback_url=self._urls.outbound(attempt_key),
                status_callback=self._urls.outbound_status(attempt_key),
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                timeout=RETAILER_RING_S,
                # The end of a machine's greeting is waited for, so that the message comes after its tone; a person who
                # says hello is recognised by the pause after it, sooner than with the carrier's default.
                machine_detection="DetectMessageEnd",
                machine_detection_speech_end_threshold=HELLO_PAUSE_MS,
                machine_detection_silence_timeout=INITIAL_SILENCE_MS,
            )
        except TwilioRestException as error:
            if 400 <= error.status < 500 and error.status != requests.codes.request_timeout:
                raise CarrierRefused(f"the call was refused: {error.msg}") from error
            raise CarrierError(f"it is not known whether the call was placed: {error.msg}") from error
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"it is not known whether the call was placed: {error}") from error

    def _place(self, **parameters: Any) -> str:
        """Place a call when it is its turn, and return its id."""
        if self._pace is not None:
            self._pace.await_turn()
        try:
            return str(self._client.calls.create(**parameters).sid)
        except CarrierBusy as busy:
            if self._pace is not None:
                self._pace.hold_off(busy.retry_after_s)
            raise

    def find_call(self, phone: str, line: str, since: datetime) -> str | None:
        """The id of the latest call to this number from this line that is not older than `since`, or None. Raises
        CarrierError if the calls cannot be listed."""
        try:
            found = self._client.calls.list(to=phone, from_=line, limit=CALLS_LISTED_MAX)
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the calls to a number could not be listed: {error}") from error
        # The carrier gives its times in whole seconds, by its own clock.
        earliest = since - CLOCK_SKEW
        return next((str(call.sid) for call in found if call.date_created and call.date_created >= earliest), None)

    def status(self, call_key: str) -> CallStatus | None:
        """The call's status, or None if the carrier knows no such call. Raises CarrierError if it cannot be asked."""
        try:
            status = str(self._client.calls(call_key).fetch().status)
        except TwilioRestException as error:
            if error.status == requests.codes.not_found:
                return None
            raise CarrierError(f"the call's status could not be queried: {error.msg}") from error
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the call's status could not be queried: {error}") from error
        if status not in CALL_STATUSES:
            raise CarrierError(f"the call has a status that is not documented: {status}")
        return CALL_STATUSES[status]

    def cancel_ringing(self, call_key: str) -> None:
        """End the call if it is still ringing; one that was answered goes on. Raises CarrierError if that fails."""
        try:
            self._client.calls(call_key).update(status="canceled")
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the ringing could not be cancelled: {error}") from error

    def dial_operator(self, address: str, line: str, attempt_id: int) -> str:
        """Dial an operator for a ring attempt and return the call's id. Raises CarrierError if that fails."""
        return self._dial(address, line, self._urls.ring_attempt(attempt_id), self._urls.ring_status(attempt_id))

    def dial_operator_for_callback(self, address: str, line: str, callback_id: int, staff_id: int) -> str:
        """Dial an operator for a callback and return the call's id. Raises CarrierError if that fails."""
        return self._dial(address, line, self._urls.callback(callback_id, staff_id), self._urls.notification())

    def _dial(self, address: str, line: str, url: str, status_url: str) -> str:
        """Dial a telephone or a browser and return the call's id. `url` is requested once the call is answered;
        `status_url` is notified when it is over. Raises CarrierBusy if it is not dialled yet."""
        identity = browser_identity(address)
        if identity is None and not may_be_dialled(address, self._settings.dialled_prefixes):
            raise CarrierError("the operator's number may not be dialled: see DIALLED_PREFIXES")
        try:
            return self._place(
                to=address if identity is None else f"client:{identity}",
                from_=line,
                url=url,
                method="POST",
                status_callback=status_url,
                status_callback_event=["completed"],
                status_callback_method="POST",
                timeout=OPERATOR_RING_S,
            )
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the operator's telephone could not be dialled: {error}") from error

    @property
    def has_extensions(self) -> bool:
        """False: the carrier knows telephone numbers only."""
        return False

    @property
    def browser_telephone(self) -> BrowserTelephone | None:
        """The Voice SDK, or None without an API key."""
        key = self._settings.twilio_api_key_sid and self._settings.twilio_api_key_secret
        return BROWSER_TELEPHONE if key else None

    def browser_credentials(self, identity: str) -> Mapping[str, str | int]:
        """A token, valid for an hour, with which a browser can be called under this identity and can call nobody."""
        token = AccessToken(
            self._settings.twilio_account_sid,
            self._settings.twilio_api_key_sid,
            self._settings.twilio_api_key_secret,
            identity=identity,
            ttl=TOKEN_S,
        )
        token.add_grant(VoiceGrant(incoming_allow=True))
        return {"token": str(token.to_jwt())}

    def fork_sound(self, call_key: str, fork_id: int) -> None:
        """Start a stream of both tracks beside whatever the call does. Raises CarrierError if that fails.

        https://www.twilio.com/docs/voice/api/stream-resource
        """
        try:
            self._client.calls(call_key).streams.create(
                url=f"{socket_base(self._settings)}/voice/stream",
                name=f"sound-{fork_id}",
                track="both_tracks",
                parameter1_name="token",
                parameter1_value=stream_token(call_key, self._settings),
                parameter2_name="fork",
                parameter2_value=str(fork_id),
            )
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the sound of the call could not be forked: {error}") from error

    def delete_queue(self, queue_id: str) -> None:
        """Delete an empty queue. Raises CarrierError if that fails, or somebody waits in it."""
        if not re.fullmatch(r"QU[0-9a-f]{32}", queue_id):
            raise CarrierError("what was named is no queue")
        try:
            self._client.queues(queue_id).delete()
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the queue could not be deleted: {error}") from error

    def end_call(self, call_key: str) -> None:
        """End a call that rings or was answered. Raises CarrierError if that fails."""
        try:
            self._client.calls(call_key).update(status="completed")
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the call could not be ended: {error}") from error

    def recording(self, recording_id: str) -> bytes | None:
        """The recording as a WAV file, or None if it is not there yet; empty if there will never be one, because it was
        silent or too short. Raises CarrierError if the carrier does not have it.

        The URL is built here and not taken from the request, so that no request can make us fetch from elsewhere.
        """
        if not re.fullmatch(r"RE[0-9A-Za-z]{1,40}", recording_id):
            raise CarrierError("what was named is no recording")
        account = self._settings.twilio_account_sid
        path = f"/2010-04-01/Accounts/{account}/Recordings/{recording_id}.wav"
        try:
            answer = self._http.get(path)
            if answer.ok and len(answer.content) <= RECORDING_MAX_BYTES:
                return answer.content
            if answer.status_code == requests.codes.too_many_requests:
                return None
            if answer.status_code != requests.codes.not_found:
                raise CarrierError(f"the recording could not be fetched: the carrier answered {answer.status_code}")
            status = self._client.recordings(recording_id).fetch().status
        except CarrierBusy:
            return None
        except TwilioRestException as error:
            if error.status == requests.codes.not_found:
                return None
            raise CarrierError(f"the recording could not be fetched: {error.msg}") from error
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the recording could not be fetched: {error}") from error
        return b"" if status == "absent" else None
