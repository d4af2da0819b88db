"""Who is signed in at the retailers' page: a session of its own in a cookie of its own, which opens nothing else."""

from __future__ import annotations

import secrets
from typing import cast

from flask import Response, current_app, redirect, request, url_for
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from ivr.services import services
from orders.lockout import USUAL_FOR
from orders.retailers import shop_sessions
from orders.retailers.models import RetailerRow, ShopSession
from orders.retailers.web_sign_in import sign_in
from storage import read_only, transaction

PATH = "/shop"
_SESSION, _KNOWN = "shop", "known_shop"


def signed_in(session: Session, *, lock: bool = False) -> tuple[ShopSession, RetailerRow] | None:
    """The session of the request and its retailer, or None."""
    return shop_sessions.find(session, request.cookies.get(_SESSION, ""), services().now(), lock=lock)


def mark_seen() -> None:
    """Write down that the session is in use, if that is some time ago."""
    now = services().now()
    with read_only(services().sessions) as session:
        found = signed_in(session)
        if found is None or not shop_sessions.is_to_be_marked(found[0], now):
            return
    with transaction(services().sessions) as session:
        if (again := signed_in(session, lock=True)) is not None:
            again[0].seen_at = now


def sign_in_here(code: str, pin: str) -> tuple[Response | None, bool]:
    """Sign in with this code and PIN and go on to the page; None where they are wrong, and True if one has to wait."""
    now = services().now()
    known_code, browser = usual_here()
    checked = sign_in(
        services().sessions,
        code,
        pin,
        address=request.remote_addr or "",
        browser=browser if known_code == code else "",
        now=now,
    )
    if checked.retailer is None:
        return None, checked.has_to_wait
    with transaction(services().sessions) as session:
        token = shop_sessions.begin(session, checked.retailer, now)
    answer = cast("Response", redirect(url_for("console.shop.page"), 303))
    _set(answer, _SESSION, token, max_age=None)
    # It proves nothing by itself: wrong PINs from it are counted apart, so that nobody's guessing makes the shop wait.
    name = browser if known_code == code else secrets.token_hex(8)
    _set(answer, _KNOWN, _signer().dumps((code, name)), max_age=int(USUAL_FOR.total_seconds()))
    return answer, False


def sign_out_here() -> Response:
    """End the session and go to the sign-in page."""
    with transaction(services().sessions) as session:
        shop_sessions.end(session, request.cookies.get(_SESSION, ""))
    answer = to_sign_in()
    answer.delete_cookie(_SESSION, path=PATH)
    return answer


def to_sign_in() -> Response:
    """The way to the sign-in page."""
    return cast("Response", redirect(url_for("console.shop.sign_in"), 303))


def usual_here() -> tuple[str, str]:
    """The customer code last used in this browser, and the browser's name; both empty where there is none."""
    try:
        code, name = _signer().loads(request.cookies.get(_KNOWN, ""), max_age=int(USUAL_FOR.total_seconds()))
    except (BadSignature, ValueError, TypeError):
        return "", ""
    return str(code), str(name)


def _set(answer: Response, name: str, value: str, *, max_age: int | None) -> None:
    answer.set_cookie(
        name,
        value,
        max_age=max_age,
        path=PATH,
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def _signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="usual browser of a shop")
