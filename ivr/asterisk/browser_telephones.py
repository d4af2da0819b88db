"""Operators' browsers as telephones of the exchange, by WebRTC over Asterisk's own WebSocket.

A telephone exists in Asterisk's memory only, as a PJSIP endpoint that is pushed when a page asks for credentials: an
exchange that was restarted knows none of them, and the pages ask again. Its name and password are no use for long, and
nobody can be called with them: the endpoint's context of the dialplan is empty.

https://docs.asterisk.org/Configuration/Interfaces/Asterisk-REST-Interface-ARI/ARI-Push-Configuration/
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

import requests

from clock import Clock
from ivr.carrier import BrowserTelephone, CarrierError

# The page reaches Asterisk's WebSocket at its own site, where the proxy passes it on (deploy/Caddyfile).
SOCKET_PATH: Final = "/exchange/ws"
SCRIPTS: Final = BrowserTelephone("jssip/jssip.min.js", "sip.js")
# Credentials are replaced by the page when half of this time has passed, and deleted soon after it.
LASTING: Final = timedelta(hours=1)
TIMEOUT_S: Final = 5.0
# The context of deploy/asterisk/extensions.conf in which there is nothing to dial.
CONTEXT: Final = "browsers"
_PREFIX: Final = "browser-"

AOR: Final = {
    # The page that registered last is the telephone.
    "max_contacts": "1",
    "remove_existing": "yes",
    "minimum_expiration": "30",
    "maximum_expiration": "60",
    # A page that is gone without a word is not rung any more after this many seconds.
    "qualify_frequency": "15",
    "qualify_timeout": "3",
}
ENDPOINT: Final = {
    "context": CONTEXT,
    "identify_by": "username",
    # Sound by DTLS-SRTP, found by ICE.
    "webrtc": "yes",
    "disallow": "all",
    "allow": "ulaw,alaw",
    "dtmf_mode": "rfc4733",
    "direct_media": "no",
    # A browser that is gone in the middle of a call sends nothing; a muted one goes on sending silence.
    "rtp_timeout": "20",
    # Calls are moved by the line alone.
    "allow_transfer": "no",
    "allow_subscribe": "no",
    "send_connected_line": "no",
}


def browser_endpoint(identity: str, secret: str) -> str:
    """The PJSIP endpoint of the browser telephone with this identity, which cannot be guessed without `secret`. The
    exchange fails at once to dial one whose page is not registered."""
    return (
        _PREFIX + hmac.new(secret.encode(), f"browser telephone {identity}".encode(), hashlib.sha256).hexdigest()[:32]
    )


@dataclass(frozen=True, slots=True)
class TurnServer:
    """A TURN server, through which browsers reach the exchange from networks that let no other sound out; `secret` is
    shared with it (coturn's `static-auth-secret`)."""

    urls: tuple[str, ...]
    secret: str

    def ice_server(self, identity: str, until: datetime) -> Mapping[str, object]:
        """The server as a browser's RTCIceServer, with credentials of this identity that are valid until then.

        https://datatracker.ietf.org/doc/html/draft-uberti-behave-turn-rest-00
        """
        user = f"{int(until.timestamp())}:{identity}"
        digest = hmac.new(self.secret.encode(), user.encode(), hashlib.sha1).digest()
        return {"urls": self.urls, "username": user, "credential": base64.b64encode(digest).decode()}


class BrowserTelephones:
    """The browser telephones of the exchange at `url`, reached through `http`, which signs in; `secret` is that of
    `browser_endpoint`. Every method raises CarrierError if the exchange cannot be asked, or refuses."""

    def __init__(
        self, http: requests.Session, url: str, secret: str, clock: Clock, turn: TurnServer | None = None
    ) -> None:
        self._http = http
        self._ari = f"{url.rstrip('/')}/ari"
        self._secret = secret
        self._clock = clock
        self._turn = turn

    def credentials(self, identity: str) -> Mapping[str, object]:
        """New credentials for this identity, in place of those before, which are valid for `LASTING`: what the page's
        script signs in with."""
        name, password = browser_endpoint(identity, self._secret), secrets.token_urlsafe(24)
        # The time at which they are issued is part of the credentials.
        user = f"{int(self._clock().timestamp())}-{secrets.token_hex(8)}"
        self._push("auth", name, {"auth_type": "digest", "username": user, "password": password})
        # An endpoint that is registered is left alone: it can be rung all the time.
        if self._ask("GET", f"{_objects('endpoint')}/{name}") is None:
            self._push("aor", name, AOR)
            self._push("endpoint", name, {**ENDPOINT, "auth": name, "aors": name})
        return {
            "path": SOCKET_PATH,
            "name": name,
            "user": user,
            "password": password,
            "renew_after_s": int(LASTING.total_seconds() // 2),
            "ice_servers": [self._turn.ice_server(identity, self._clock() + LASTING)] if self._turn else [],
        }

    def is_reachable(self, identity: str) -> bool:
        """True if a page is registered under this identity and answers."""
        found = self._ask("GET", f"/endpoints/PJSIP/{browser_endpoint(identity, self._secret)}")
        return found is not None and found["state"] == "online"

    def delete_outdated(self) -> None:
        """Delete the credentials that are older than `LASTING`: their pages have not renewed them."""
        issued_before = (self._clock() - LASTING).timestamp()
        for endpoint in self._ask("GET", "/endpoints/PJSIP") or ():
            name = endpoint["resource"]
            if name.startswith(_PREFIX) and self._issued_at(name) < issued_before:
                for kind in ("endpoint", "aor", "auth"):
                    self._ask("DELETE", f"{_objects(kind)}/{name}")

    def _issued_at(self, name: str) -> int:
        fields = self._ask("GET", f"{_objects('auth')}/{name}") or ()
        user = next((field["value"] for field in fields if field["attribute"] == "username"), "")
        return int(user.partition("-")[0] or 0)

    def _push(self, kind: str, name: str, fields: Mapping[str, str]) -> None:
        listed = [{"attribute": attribute, "value": value} for attribute, value in fields.items()]
        if self._ask("PUT", f"{_objects(kind)}/{name}", {"fields": listed}) is None:
            raise CarrierError("the exchange takes no browser telephones: its sorcery.conf keeps none in memory")

    def _ask(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> Any:
        """The answer of the exchange, None for what it does not have."""
        try:
            answer = self._http.request(method, self._ari + path, json=body, timeout=TIMEOUT_S)
            if answer.status_code in (requests.codes.no_content, requests.codes.not_found):
                return None
            answer.raise_for_status()
            return answer.json()
        except requests.RequestException as error:
            raise CarrierError(f"the exchange could not be asked about a browser telephone: {error}") from error


def _objects(kind: str) -> str:
    return f"/asterisk/config/dynamic/res_pjsip/{kind}"
