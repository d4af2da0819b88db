"""Requests to the application as Twilio makes them: form parameters, its signature, its timeouts."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from urllib.parse import parse_qs, urlencode

import requests
from twilio.request_validator import RequestValidator
from urllib3.exceptions import MaxRetryError, NewConnectionError

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0
RETRY_PAUSE_SECONDS = 0.2
USER_AGENT = "TwilioProxy/1.1"
NOT_REACHED = 0


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to a request. `status` is NOT_REACHED if there was none; `failure` is then the reason, in a
    sentence."""

    method: str
    url: str
    params: Mapping[str, str]
    status: int
    took_ms: int
    content_type: str = ""
    body: bytes = b""
    failure: str = ""


def new_sid(kind: str) -> str:
    """An identifier of Twilio's form: two letters and 32 hexadecimal digits."""
    return kind + secrets.token_hex(16)


def sign(auth_token: str, url: str, params: Mapping[str, str] | None = None) -> str:
    """X-Twilio-Signature for a request; `url` carries its query, `params` are the fields of a POST."""
    return str(RequestValidator(auth_token).compute_signature(url, dict(params or {})))


class WebhookClient:
    """The requests of one call. Cookies the application sets are kept for the call, as Twilio keeps them. Of Twilio's
    connection overrides, written after a `#`, the retries are kept: `rc`, and `rp` of ct, rt and 5xx."""

    def __init__(self, auth_token: str) -> None:
        self._auth_token = auth_token
        self._session = requests.Session()
        self._session.trust_env = False
        self._pool = ThreadPoolExecutor(max_workers=4, thread_name_prefix="webhook")

    def fetch(self, method: str, url: str, params: Mapping[str, str]) -> Future[Answer]:
        """Send a request from a thread of its own; the future never raises."""
        return self._pool.submit(self._fetch, method, url, dict(params))

    def close(self) -> None:
        """Accept no more requests; those under way are left to end."""
        self._pool.shutdown(wait=False)

    def _fetch(self, method: str, url: str, params: dict[str, str]) -> Answer:
        target, _, fragment = url.partition("#")
        overrides = parse_qs(fragment)
        retries = int(overrides.get("rc", ["1"])[0])
        policy = set(overrides.get("rp", ["ct"])[0].split(","))
        if method == "GET":
            target += ("&" if "?" in target else "?") + urlencode(params)
        headers = {
            "User-Agent": USER_AGENT,
            "Accept": "*/*",
            "I-Twilio-Idempotency-Token": new_sid("")[:32],
            "X-Twilio-Signature": sign(self._auth_token, target, params if method == "POST" else None),
        }
        begun = time.monotonic()
        failure = ""
        # Twilio retries once if no connection was made. After a request has been sent, a missing answer or an error is
        # retried where the address says so after its #; a connection that is reset then is not.
        for attempt in range(1 + retries):
            try:
                answer = self._session.request(
                    method,
                    target,
                    data=params if method == "POST" else None,
                    headers=headers,
                    timeout=(CONNECT_SECONDS, READ_SECONDS),
                )
            except requests.ReadTimeout:
                failure = f"no answer within {READ_SECONDS:.0f} s"
                if "rt" not in policy:
                    break
            except requests.ConnectionError as error:
                if not _never_connected(error):
                    failure = f"the connection was reset: {_reason(error)}"
                    break
                failure = f"no connection: {_reason(error)}"
            except requests.RequestException as error:
                failure = f"the request failed: {error}"
                break
            else:
                if answer.status_code >= 500 and "5xx" in policy and attempt < retries:
                    time.sleep(RETRY_PAUSE_SECONDS)
                    continue
                content_type = answer.headers.get("Content-Type", "")
                took_ms = round((time.monotonic() - begun) * 1000)
                return Answer(method, url, params, answer.status_code, took_ms, content_type, answer.content)
        return Answer(method, url, params, NOT_REACHED, round((time.monotonic() - begun) * 1000), failure=failure)


def _never_connected(error: requests.ConnectionError) -> bool:
    cause = error.args[0] if error.args else None
    reason = cause.reason if isinstance(cause, MaxRetryError) else cause
    return isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError) or isinstance(
        reason, NewConnectionError
    )


def _reason(error: requests.ConnectionError) -> str:
    cause: BaseException | object = error.args[0] if error.args else error
    reason = getattr(cause, "reason", cause)
    return str(reason).rpartition(": ")[2]
