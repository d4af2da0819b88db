"""The line's commands to the exchange, from any process: over Asterisk's REST interface (ARI).

Calls are redirected by an event of the user's, which reaches the process that leads the exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from clock import system_clock
from ivr.asterisk.ari import APPLICATION
from ivr.asterisk.browser_telephones import SCRIPTS, BrowserTelephones
from ivr.asterisk.channels import new_channel_id, status_of
from ivr.asterisk.forks import fork_channels
from ivr.asterisk.telephones import device, origination
from ivr.carrier import (
    OPERATOR_RING_S,
    BrowserTelephone,
    CallStatus,
    CarrierError,
    CarrierRefused,
    NumberAtCarrier,
)
from ivr.metrics import carrier_request
from settings import Settings

TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 16

Redirect = Callable[[str, str, Mapping[str, str]], bool]
"""Redirects a call that this process leads; False if it leads no such call."""


class AsteriskCarrier:
    """An exchange of one's own as the line's carrier (`ivr.carrier.Carrier`)."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ari = f"{settings.asterisk_url.rstrip('/')}/ari"
        self._http = requests.Session()
        self._http.auth = (settings.asterisk_user, settings.asterisk_password)
        self._http.mount(self._ari, HTTPAdapter(pool_maxsize=CONNECTIONS_MAX))
        self._browsers = BrowserTelephones(self._http, settings.asterisk_url, settings.secret_key, system_clock)
        # Calls that this very process leads are redirected without a round trip.
        self.redirect_here: Redirect = lambda _call, _name, _arguments: False

    def check(self) -> None:
        """Check that the exchange can be asked, and that a line process leads it. Raises CarrierError."""
        if self._answer("GET", f"/applications/{APPLICATION}").status_code == requests.codes.not_found:
            raise CarrierError("no line process takes the exchange's calls: see that the line runs")

    def numbers(self) -> list[NumberAtCarrier]:
        """None: an exchange's numbers are those that its trunk brings."""
        return []

    def clock_ahead_s(self, now: datetime) -> float:
        """The seconds by which `now` is ahead of the exchange's clock, to within one. Raises CarrierError."""
        date = self._answer("GET", "/asterisk/ping").headers.get("Date")
        if date is None:
            raise CarrierError("the exchange did not say what time it is")
        return (now - parsedate_to_datetime(date)).total_seconds()

    @property
    def voices(self) -> Collection[str]:
        """None: the line speaks by itself."""
        return ()

    # --- calls in progress

    @property
    def redirects_at_once(self) -> bool:
        """True: the process that leads the call is told, which is often this one."""
        return True

    def warm_up(self) -> None:
        """Do nothing: the exchange is next door."""

    def redirect_to_turn(self, call_key: str, turn_number: int) -> None:
        """Redirect the caller to this turn. Raises CarrierError."""
        self._redirect(call_key, "turn", turn=str(turn_number))

    def redirect_to_queue(self, call_key: str) -> None:
        """Send the caller to the queue. Raises CarrierError."""
        self._redirect(call_key, "queue")

    def redirect_to_hold(self, call_key: str) -> None:
        """Put the caller on hold. Raises CarrierError."""
        self._redirect(call_key, "hold")

    def redirect_to_talk(self, call_key: str) -> None:
        """Send the caller to a talk that can be joined. Raises CarrierError."""
        self._redirect(call_key, "talk")

    def reconnect_operator(self, operator_call_key: str, attempt_id: int) -> None:
        """Connect the operator to the caller again. Raises CarrierError."""
        self._redirect(operator_call_key, "reconnect", attempt=str(attempt_id))

    def end_call(self, call_key: str) -> None:
        """End a call that rings or was answered. Raises CarrierError."""
        self._do("DELETE", f"/channels/{call_key}", "the call could not be ended")

    def fork_sound(self, call_key: str, fork_id: int) -> None:
        """Have the sound of the call, both sides, sent to the line. Raises CarrierError."""
        for channel, direction in fork_channels(fork_id):
            self._do(
                "POST",
                f"/channels/{call_key}/snoop",
                "the sound of the call could not be forked",
                spy=direction,
                app=APPLICATION,
                snoopId=channel,
            )

    def delete_queue(self, queue_id: str) -> None:
        """Do nothing: the exchange keeps no queues."""

    # --- outbound calls

    def dial_retailer(self, phone: str, line: str, attempt_key: str) -> str:
        """Raise CarrierRefused: the exchange places no outbound calls."""
        raise CarrierRefused("the call was refused: the exchange places no outbound calls")

    def find_call(self, phone: str, line: str, since: datetime) -> str | None:
        """None: the exchange places no outbound calls."""
        return None

    def status(self, call_key: str) -> CallStatus | None:
        """The call's status, or None if the exchange has no such call any more. Raises CarrierError."""
        answer = self._answer("GET", f"/channels/{call_key}")
        if answer.status_code == requests.codes.not_found:
            return None
        return status_of(_json(answer)["state"])

    def cancel_ringing(self, call_key: str) -> None:
        """End the call if it is still ringing. Raises CarrierError."""
        if self.status(call_key) in ("initiated", "ringing"):
            self.end_call(call_key)

    # --- operators

    def dial_operator(self, address: str, line: str, attempt_id: int) -> str:
        """Dial an operator for a ring attempt and return the call's key. Raises CarrierError."""
        return self._dial(address, line, new_channel_id("operator", attempt_id, device(address)))

    def dial_operator_for_callback(self, address: str, line: str, callback_id: int, staff_id: int) -> str:
        """Dial an operator for a callback and return the call's key. Raises CarrierError."""
        return self._dial(address, line, new_channel_id("callback", callback_id, staff_id, device(address)))

    def dial_coach(self, address: str, line: str, supervision_id: int) -> str:
        """Dial a supervisor who is to whisper and return the call's key. Raises CarrierError."""
        return self._dial(address, line, new_channel_id("coach", supervision_id, device(address)))

    @property
    def has_extensions(self) -> bool:
        """True: desk telephones are the exchange's own."""
        return True

    @property
    def browser_telephone(self) -> BrowserTelephone | None:
        """JsSIP, which every exchange has a place for."""
        return SCRIPTS

    def browser_credentials(self, identity: str) -> Mapping[str, str | int]:
        """The name and password, good for an hour, with which a page registers at the exchange under this identity.
        Raises CarrierError."""
        return self._browsers.credentials(identity)

    # --- recordings

    def recording(self, recording_id: str) -> bytes | None:
        """Raise CarrierError: the exchange records nothing, as the line hears everything itself."""
        raise CarrierError("what was named is no recording")

    # --- single steps

    def _dial(self, address: str, line: str, channel_id: str) -> str:
        """Dial a telephone and return the call's key; once it is answered, it comes to the application."""
        parameters = origination(address, line, channel_id, OPERATOR_RING_S, self._settings)
        self._do("POST", "/channels", "the operator's telephone could not be dialled", None, **parameters)
        return channel_id

    def _redirect(self, call_key: str, name: str, **arguments: str) -> None:
        if self.redirect_here(call_key, name, arguments):
            return
        self._do(
            "POST",
            f"/events/user/{name}",
            "the call could not be redirected",
            {"variables": arguments},
            application=APPLICATION,
            source=f"channel:{call_key}",
        )

    def _do(
        self, method: str, path: str, failure: str, body: Mapping[str, Any] | None = None, **parameters: str
    ) -> None:
        """Carry out a request; CarrierError with this `failure` if the exchange refuses."""
        answer = self._answer(method, path, body, **parameters)
        if not answer.ok:
            raise CarrierError(f"{failure}: {answer.text[:200].strip() or answer.status_code}")

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **parameters: str
    ) -> requests.Response:
        """The answer to a request. Raises CarrierError if there is none, or the exchange itself is at fault."""
        try:
            with carrier_request():
                answer = self._http.request(
                    method, f"{self._ari}{path}", params=parameters, json=body, timeout=TIMEOUT_S
                )
        except requests.RequestException as error:
            raise CarrierError(f"the exchange could not be asked: {error}") from error
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise CarrierError("the exchange refuses our account: see ASTERISK_USER and ASTERISK_PASSWORD")
        if answer.status_code >= 500:
            raise CarrierError(f"the exchange failed: it answered with {answer.status_code}")
        return answer


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise CarrierError("the exchange's answer is no JSON") from error
