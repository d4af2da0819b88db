"""What the line asks of the carrier: send a call on, and hand over a recording."""

from __future__ import annotations

import re
import time
from typing import Any, Final

import requests
import structlog
from twilio.base.exceptions import TwilioException
from twilio.http.http_client import TwilioHttpClient
from twilio.http.response import Response
from twilio.rest import Client

from settings import Settings

API: Final = "https://api.twilio.com"
TIMEOUT_S: Final = 5.0
# A recording may be asked for a moment before the carrier has it ready.
RECORDING_TRIES: Final = 4
RECORDING_PAUSE_S: Final = 0.5
RECORDING_MAX_BYTES: Final = 4_000_000

log = structlog.get_logger(__name__)


class CarrierError(RuntimeError):
    """The carrier could not be asked, or refused; the message says what was wanted."""


class _OtherHost:
    """The carrier's own HTTP client, speaking to TWILIO_API_BASE instead of the carrier's address."""

    def __init__(self, base: str) -> None:
        self._client = TwilioHttpClient(timeout=TIMEOUT_S)
        self._base = base.rstrip("/")

    def request(self, method: str, url: str, *args: Any, **kwargs: Any) -> Response:
        return self._client.request(method, url.replace(API, self._base, 1), *args, **kwargs)


class Carrier:
    """The carrier's REST interface, as far as the line uses it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client = Client(
            settings.twilio_account_sid,
            settings.twilio_auth_token,
            http_client=_OtherHost(settings.twilio_api_base),
        )

    def check(self) -> None:
        """Ask the carrier for our own account. CarrierError where it cannot be reached, or does not know us."""
        try:
            account = self._client.api.accounts(self._settings.twilio_account_sid).fetch()
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the carrier could not be asked for the account: {error}") from error
        if account.status != "active":
            raise CarrierError(f"the account at the carrier is {account.status}")

    def redirect(self, call_sid: str, url: str) -> None:
        """Make the call ask for `url` now, whatever it is being played. CarrierError where that cannot be done."""
        try:
            self._client.calls(call_sid).update(url=url, method="POST")
        except (TwilioException, requests.RequestException) as error:
            raise CarrierError(f"the call could not be sent on to its next turn: {error}") from error

    def recording(self, recording_sid: str) -> bytes:
        """The recording as a WAV file. CarrierError where the carrier does not have it.

        The address is made up here and not taken from the request, so that no request can make us fetch elsewhere.
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
