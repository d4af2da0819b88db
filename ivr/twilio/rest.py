"""The carrier's REST API: redirect, place and end calls, and fetch recordings."""

from __future__ import annotations

import re
import time
from datetime import datetime, timedelta
from typing import Any, Final

import requests
import structlog
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from settings import Settings

API: Final = "https://api.twilio.com"
TIMEOUT_S: Final = 5.0
# A recording may be requested a moment before the carrier has it ready.
RECORDING_TRIES: Final = 4
RECORDING_PAUSE_S: Final = 0.5
RECORDING_MAX_BYTES: Final = 4_000_000
# A retailer's telephone rings this long.
RETAILER_RING_S: Final = 30
# A greeting shorter than a sentence with a pause of this length after it comes from a person.
HELLO_PAUSE_MS: Final = 800
# The line speaks first if nothing is said for this long after the call is answered.
INITIAL_SILENCE_MS: Final = 3_000
CALLS_LISTED_MAX: Final = 5
CLOCK_SKEW: Final = timedelta(seconds=10)

log = structlog.get_logger(__name__)


class CarrierError(RuntimeError):
    """The carrier could not be asked, or refused; the message names the operation."""


class CarrierRefused(CarrierError):
    """The carrier rejected the request and will not carry it out."""


class _ApiBaseClient:
    """The carrier's own HTTP client, sending to TWILIO_API_BASE instead of the carrier's host."""

    def __init__(self, base: str) -> None:
        self._client = TwilioHttpClient(timeout=TIMEOUT_S)
        self._base = base.rstrip("/")

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        return self._client.request(method, url.replace(API, self._base, 1), *args, **kwargs)


class TwilioCarrier:
    """The carrier's REST API, as far as the line uses it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = Client(
            settings.twilio_account_sid,
            settings.twilio_auth_token,
            http_client=_ApiBaseClient(settings.twilio_api_base),
        )

    def check(self) -> None:
        """Fetch our own account. Raises CarrierError if the carrier cannot be reached, or the account is not active."""
        try:
            account = self._client.api.accounts(self._settings.twilio_account_sid).fetch()
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the carrier could not be asked for the account: {error}") from error
        if account.status != "active":
            raise CarrierError(f"the account at the carrier is {account.status}")

    def redirect(self, call_sid: str, url: str) -> None:
        """Make the call request `url` now, whatever is being played to it. Raises CarrierError if that fails."""
        try:
            self._client.calls(call_sid).update(url=url, method="POST")
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the call could not be sent on to its next turn: {error}") from error

    def dial_retailer(self, phone: str, line: str, url: str, status_url: str) -> str:
        """Call a retailer from this line and return the call's id. `url` is requested once the call is answered and it
        is known if a machine did; `status_url` receives the statuses. Raises CarrierRefused if no call is placed; after
        any other CarrierError it may have been."""
        try:
            call = self._client.calls.create(
                to=phone,
                from_=line,
                url=url,
                status_callback=status_url,
                status_callback_event=["initiated", "ringing", "answered", "completed"],
                timeout=RETAILER_RING_S,
                # The end of a machine's greeting is waited for, so that the message comes after its tone; a person who
                # says hello is recognised by the pause after it, sooner than with the carrier's default.
                machine_detection="DetectMessageEnd",
                machine_detection_speech_end_threshold=HELLO_PAUSE_MS,
                machine_detection_silence_timeout=INITIAL_SILENCE_MS,
            )
        except TwilioRestException as error:
            if 400 <= error.status < 500 and error.status not in (408, 429):
                raise CarrierRefused(f"the call was refused: {error.msg}") from error
            raise CarrierError(f"it is not known whether the call was placed: {error.msg}") from error
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"it is not known whether the call was placed: {error}") from error
        return str(call.call_key)

    def find_call(self, phone: str, line: str, since: datetime) -> str | None:
        """The id of the latest call to this number from this line that is not older than `since`, or None. Raises
        CarrierError if the calls cannot be listed."""
        try:
            found = self._client.calls.list(to=phone, from_=line, limit=CALLS_LISTED_MAX)
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the calls to a number could not be listed: {error}") from error
        # The carrier gives its times in whole seconds, by its own clock.
        earliest = since - CLOCK_SKEW
        return next((str(call.call_key) for call in found if call.date_created and call.date_created >= earliest), None)

    def status(self, call_sid: str) -> str | None:
        """The call's status in the carrier's words, or None if the carrier knows no such call. Raises CarrierError if
        it cannot be asked."""
        try:
            return str(self._client.calls(call_sid).fetch().status)
        except TwilioRestException as error:
            if error.status == requests.codes.not_found:
                return None
            raise CarrierError(f"the call's state could not be had: {error.msg}") from error
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the call's state could not be had: {error}") from error

    def cancel_ringing(self, call_sid: str) -> None:
        """End the call if it is still ringing; one that was answered goes on. Raises CarrierError if that fails."""
        try:
            self._client.calls(call_sid).update(status="canceled")
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the ringing could not be ended: {error}") from error

    def dial_operator(self, to: str, number: str, url: str, status_url: str, timeout_s: int) -> str:
        """Dial a telephone, or a browser as "client:NAME", from this number of ours and return the call's id. `url` is
        requested once the call is answered; `status_url` is notified when it is over. Raises CarrierError if that
        fails."""
        try:
            call = self._client.calls.create(
                to=to,
                from_=number,
                url=url,
                method="POST",
                status_callback=status_url,
                status_callback_event=["completed"],
                status_callback_method="POST",
                timeout=timeout_s,
            )
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"{to} could not be rung: {error}") from error
        return str(call.call_key)

    def delete_queue(self, queue_sid: str) -> None:
        """Delete an empty queue. Raises CarrierError if that fails, or somebody waits in it."""
        try:
            self._client.queues(queue_sid).delete()
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the queue could not be deleted: {error}") from error

    def end_call(self, call_sid: str) -> None:
        """End a call that rings or was answered. Raises CarrierError if that fails."""
        try:
            self._client.calls(call_sid).update(status="completed")
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the call could not be ended: {error}") from error

    def recording(self, recording_sid: str) -> bytes:
        """The recording as a WAV file. Raises CarrierError if the carrier does not have it.

        The URL is built here and not taken from the request, so that no request can make us fetch from elsewhere.
        """
        if not re.fullmatch(r"RE[0-9A-Za-z]{1,40}", recording_sid):
            raise CarrierError("what was named is no recording")
        account = self._settings.twilio_account_sid
        base = self._settings.twilio_api_base.rstrip("/")
        url = f"{base}/2010-04-01/Accounts/{account}/Recordings/{recording_sid}.wav"
        for attempt in range(RECORDING_TRIES):
            if attempt:
                time.sleep(RECORDING_PAUSE_S)
            try:
                answer = requests.get(url, auth=(account, self._settings.twilio_auth_token), timeout=TIMEOUT_S)
            except requests.RequestException as error:
                raise CarrierError(f"the recording could not be fetched: {error}") from error
            if answer.ok and len(answer.content) <= RECORDING_MAX_BYTES:
                return answer.content
            if answer.status_code != requests.codes.not_found:
                break
        raise CarrierError(f"the recording could not be fetched: the carrier answered {answer.status_code}")
