"""Authentication of the carrier: signed requests, and media sockets that bring their call's own token."""

from __future__ import annotations

import hashlib
import hmac

from flask import Request
from twilio.request_validator import RequestValidator

from settings import Settings

SIGNATURE_HEADER = "X-Twilio-Signature"


def is_signed(request: Request, settings: Settings) -> bool:
    """True if the carrier signed this request with a token of ours, for the URL it knows us by.

    Behind a proxy the request's own host and scheme are those of the proxy; the signature covers PUBLIC_BASE_URL.
    """
    url = settings.public_base_url.rstrip("/") + _path_and_query(request.path, request.query_string)
    signature = request.headers.get(SIGNATURE_HEADER, "")
    return any(validator.validate(url, request.form, signature) for validator in _validators(settings))


def is_signed_handshake(path: str, query: bytes, signature: str, settings: Settings) -> bool:
    """True if the carrier signed the handshake of a socket with a token of ours."""
    url = socket_base(settings) + _path_and_query(path, query)
    # The carrier signs a socket's URL sometimes with and sometimes without a trailing slash.
    return any(
        validator.validate(address, {}, signature)
        for validator in _validators(settings)
        for address in (url, f"{url}/")
    )


def _validators(settings: Settings) -> list[RequestValidator]:
    return [RequestValidator(token) for token in settings.twilio_auth_tokens]


def _path_and_query(path: str, query: bytes) -> str:
    return f"{path}?{query.decode('latin-1')}" if query else path


def socket_base(settings: Settings) -> str:
    """PUBLIC_BASE_URL as a WebSocket URL: wss for https."""
    return "ws" + settings.public_base_url.rstrip("/").removeprefix("http")


def stream_token(call_sid: str, settings: Settings) -> str:
    """The token of one call's media socket: derived and never stored, so any worker knows it, also after a restart."""
    text = f"media stream of {call_sid}".encode(errors="replace")
    return hmac.new(settings.secret_key.encode(), text, hashlib.sha256).hexdigest()


def is_stream_token(token: str, call_sid: str, settings: Settings) -> bool:
    """True if `token` is the one given to this call; the comparison takes constant time."""
    return hmac.compare_digest(token.encode(errors="replace"), stream_token(call_sid, settings).encode())
