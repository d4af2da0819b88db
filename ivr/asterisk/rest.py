"""The line's commands to the exchange, from any process: over Asterisk's REST interface (ARI).

Calls are redirected by an event of the user's, which reaches the process that leads the exchange.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter

from clock import system_clock
from ivr.asterisk.ari import APPLICATION
from ivr.asterisk.browser_telephones import SCRIPTS, BrowserTelephones, TurnServer
from ivr.asterisk.channels import new_channel_id, status_of
from ivr.asterisk.forks import fork_channels
from ivr.asterisk.telephones import device, origination
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
)
from ivr.metrics import carrier_request
from orders.retailers.dialling import may_be_dialled
from settings import Settings

TIMEOUT_S: Final = 5.0
CONNECTIONS_MAX: Final = 16
# A trunk that is down is tried again after so long, in seconds: the exchange looks after it twice a minute.
TRUNK_DOWN_PAUSE_S: Final = 30.0
# The machines' clocks may differ by this much.
CLOCK_SKEW: Final = timedelta(seconds=5)

Redirect = Callable[[str, str, Mapping[str, str]], bool]
"""Redirects a call that this process leads; False if it leads no such call."""


class AsteriskCarrier:
    """An exchange of one's own as the line's carrier (`ivr.carrier.Carrier`)."""

    def __init__(self, settings: Settings, pace: CallPace | None = None) -> None:
        self._settings = settings
        self._pace = pace
        self._ari = f"{settings.asterisk_url.rstrip('/')}/ari"
        self._http = requests.Session()
        self._http.auth = (settings.asterisk_user, settings.asterisk_password)
        self._http.mount(self._ari, HTTPAdapter(pool_maxsize=CONNECTIONS_MAX))
        self._browsers = BrowserTelephones(
            self._http,
            settings.asterisk_url,
            settings.secret_key,
            system_clock,
            TurnServer(settings.turn_urls, settings.turn_secret) if settings.turn_urls else None,
        )
        # Calls that this very process leads are redirected without a round trip.
        self.redirect_here: Redirect = lambda _call, _name, _arguments: False

    def check(self) -> None:
        """Check that the exchange can be asked, that a line process leads it, and that its trunk, if it has one, is up.
        Raises CarrierError."""
        try:
            application = self._answer("GET", f"/applications/{APPLICATION}")
        except CarrierError as error:
            raise CarrierError(f"{error}: see that it runs, and ASTERISK_URL") from error
        if application.status_code == requests.codes.not_found:
            raise CarrierError("no line process takes the exchange's calls: see that the line runs")
        if self._trunk() == "offline":
            raise CarrierError("the trunk does not answer the exchange: see the network, and ask the trunk's carrier")

    def numbers(self) -> list[NumberAtCarrier]:
        """The numbers that the exchange passes on to the line. Raises CarrierError."""
        listed = _json(self._answer("GET", "/asterisk/variable", variable="LINE_NUMBERS")).get("value", "")
        no_trunk = "the exchange has no trunk, so that telephones in the house alone reach it"
        problem = "" if self._trunk() else f"{no_trunk}: set ASTERISK_TRUNK_ADDRESS for the exchange"
        return [NumberAtCarrier(number, problem) for number in listed.split()]

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
        """Call a retailer over the trunk and return the call's key. Raises CarrierRefused if no call is placed, and
        CarrierBusy if none is placed yet; after any other CarrierError it may have been."""
        if not may_be_dialled(phone, self._settings.dialled_prefixes):
            raise CarrierRefused("the number may not be dialled: it is a premium one, or not under DIALLED_PREFIXES")
        if self._pace is not None:
            self._pace.await_turn()
        channel_id = new_channel_id("retailer", attempt_key)
        answer = self._request(
            "POST",
            "/channels",
            {"variables": {"HOTLINE": _parties(phone, line)}},
            endpoint=self._over_trunk(phone),
            context="placed",
            extension="s",
            priority="1",
            channelId=channel_id,
            callerId=line,
            timeout=str(RETAILER_RING_S),
            formats="ulaw,alaw",
        )
        if answer.ok:
            return channel_id
        if self._trunk() != "online":
            raise CarrierBusy("the exchange's trunk is down, or there is none", TRUNK_DOWN_PAUSE_S)
        raise CarrierRefused(f"the call was refused: {_reason(answer)}")

    def find_call(self, phone: str, line: str, since: datetime) -> str | None:
        """The key of the latest call to this number from this line that is not older than `since` and not over yet, or
        None. Raises CarrierError."""
        made = [
            (begun, channel["id"])
            for channel in _json(self._answer("GET", "/channels"))
            if channel["channelvars"].get("HOTLINE") == _parties(phone, line)
            and (begun := datetime.fromisoformat(channel["creationtime"])) >= since - CLOCK_SKEW
        ]
        return max(made)[1] if made else None

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

    def browser_credentials(self, identity: str) -> Mapping[str, object]:
        """The name and password, good for an hour, with which a page registers at the exchange under this identity.
        Raises CarrierError."""
        return self._browsers.credentials(identity)

    def delete_outdated_credentials(self) -> None:
        """Delete the browser telephones whose pages are gone. Raises CarrierError."""
        self._browsers.delete_outdated()

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

    def _over_trunk(self, number: str) -> str:
        """The number as the exchange dials it over the trunk."""
        return f"PJSIP/{number}@{self._settings.asterisk_trunk}"

    def _trunk(self) -> str:
        """The state of the trunk, "online" or "offline"; empty if the exchange has none. Raises CarrierError."""
        answer = self._answer("GET", f"/endpoints/PJSIP/{self._settings.asterisk_trunk}")
        return str(_json(answer)["state"]) if answer.ok else ""

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
            raise CarrierError(f"{failure}: {_reason(answer)}")

    def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **parameters: str
    ) -> requests.Response:
        """The answer to a request. Raises CarrierError if there is none, or the exchange itself is at fault."""
        answer = self._request(method, path, body, **parameters)
        if answer.status_code >= 500:
            raise CarrierError(f"the exchange failed: it answered with {answer.status_code}")
        return answer

    def _request(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, **parameters: str
    ) -> requests.Response:
        """The answer to a request, whatever it is. Raises CarrierError if there is none, or the account is refused."""
        try:
            with carrier_request():
                answer = self._http.request(
                    method, f"{self._ari}{path}", params=parameters, json=body, timeout=TIMEOUT_S
                )
        except requests.RequestException as error:
            raise CarrierError(f"the exchange could not be asked: {error}") from error
        if answer.status_code in (requests.codes.unauthorized, requests.codes.forbidden):
            raise CarrierError("the exchange refuses our account: see ASTERISK_USER and ASTERISK_PASSWORD")
        return answer


def _parties(phone: str, line: str) -> str:
    """The numbers of an outbound call as its channel bears them."""
    return f"{line} {phone}"


def _reason(answer: requests.Response) -> str:
    """What the exchange says of a request that it did not carry out."""
    return answer.text[:200].strip() or str(answer.status_code)


def _json(answer: requests.Response) -> Any:
    try:
        return answer.json()
    except ValueError as error:
        raise CarrierError("the exchange's answer is no JSON") from error
