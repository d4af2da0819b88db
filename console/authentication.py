"""Console sessions: signing in and out, the ends of a session, usual browsers, and the tasks each role may do."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import Response, abort, current_app, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeTimedSerializer
from sqlalchemy.orm import Session

from console.language import _
from ivr.operators import presence
from ivr.services import services
from orders.lockout import USUAL_FOR
from orders.retailers.models import RetailerRow
from orders.retailers.scope import narrow, scope_of
from orders.staff import seats
from orders.staff.accounts import end_sessions
from orders.staff.models import StaffRow, Task
from storage import read_only, transaction

# A session ends after this long without a request of the user's own, and a copied one has to be used as often.
IDLE_TIMEOUT = timedelta(minutes=30)
# The longest shift: however busy a session is, after that the password is asked for again.
SESSION_MAX = timedelta(hours=12)

_STAFF_KEY, _NUMBER_KEY, _BEGAN_KEY, _LAST_SEEN_KEY = "staff_id", "number", "began", "last_seen"

P = ParamSpec("P")
R = TypeVar("R", bound=ResponseReturnValue)


def sign_in(staff: StaffRow) -> None:
    """Start the session of this staff member."""
    now = services().now().timestamp()
    session[_STAFF_KEY], session[_NUMBER_KEY] = staff.id, staff.session_number
    session[_BEGAN_KEY] = session[_LAST_SEEN_KEY] = now
    session.permanent = False


def sign_out() -> None:
    """End every session of the signed-in staff member, in other browsers and in copies of this one's cookie as well,
    and free the seat; the language chosen for the pages stays."""
    if (found := current_staff_or_none()) is not None:
        with transaction(services().sessions) as work:
            end_sessions(work, found.id)
            seats.leave_seat(work, found.id)
            presence.check_out(work, found.id)
    for key in (_STAFF_KEY, _NUMBER_KEY, _BEGAN_KEY, _LAST_SEEN_KEY):
        session.pop(key, None)
    g.staff, g.seat = None, ""


def known_browser(login: str) -> str:
    """The name by which this browser is known to be used by this login; empty where it is not."""
    cookie = request.cookies.get(_browser_cookie(login), "")
    try:
        known, name = _browser_signer().loads(cookie, max_age=int(USUAL_FOR.total_seconds()))
    except (BadSignature, ValueError, TypeError):
        return ""
    return name if known == login and isinstance(name, str) else ""


def remember_browser(answer: Response, login: str) -> None:
    """Have the browser keep that this login signed in there. It proves nothing by itself: wrong passwords from it are
    counted apart, so that nobody's guessing makes the person wait who always sits there."""
    name = known_browser(login) or secrets.token_hex(8)
    answer.set_cookie(
        _browser_cookie(login),
        _browser_signer().dumps((login, name)),
        max_age=int(USUAL_FOR.total_seconds()),
        path=url_for("console.login"),
        secure=current_app.config["SESSION_COOKIE_SECURE"],
        httponly=True,
        samesite="Lax",
    )


def _browser_cookie(login: str) -> str:
    return f"known_{hashlib.sha256(login.encode()).hexdigest()[:16]}"


def _browser_signer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="usual browser")


def load_staff(*, touch: bool) -> None:
    """Load the signed-in staff member for this request. `touch` says whether the request is a person's doing and keeps
    them signed in; an event stream is not."""
    g.staff, g.seat = None, ""
    staff_id, number, began, last_seen = map(session.get, (_STAFF_KEY, _NUMBER_KEY, _BEGAN_KEY, _LAST_SEEN_KEY))
    if staff_id is None or number is None or began is None or last_seen is None:
        return
    now = services().now()
    if now - datetime.fromtimestamp(last_seen, UTC) > IDLE_TIMEOUT:
        return
    if now - datetime.fromtimestamp(began, UTC) > SESSION_MAX:
        return
    with read_only(services().sessions) as reader:
        staff = reader.get(StaffRow, staff_id)
        if staff is None or not staff.active or staff.session_number != number:
            return
        g.staff, g.seat = staff, seats.seat_of(reader, staff.id, now)
    if touch and now.timestamp() - last_seen > 30:
        session[_LAST_SEEN_KEY] = now.timestamp()
        with transaction(services().sessions) as work:
            seats.mark_seen(work, staff.id, now)


def seat() -> str:
    """The seat of the signed-in staff member; empty without one."""
    found: str = g.get("seat", "")
    return found


def current_staff_or_none() -> StaffRow | None:
    """The signed-in staff member, or None."""
    staff: StaffRow | None = g.get("staff")
    return staff


def staff() -> StaffRow:
    """The signed-in staff member; 401 without one. Only for pages that require a task."""
    found = current_staff_or_none()
    if found is None:
        abort(401)
    return found


def may(task: Task) -> bool:
    """True if the signed-in staff member may do this task."""
    found = current_staff_or_none()
    return found is not None and found.is_allowed(task)


@contextmanager
def own_shops() -> Iterator[Session]:
    """A read-only unit of work that finds only what the signed-in staff member may see: for a customer manager and a
    county's clerk their own retailers and what belongs to these, for the others everything."""
    with read_only(services().sessions) as session:
        narrow(session, scope_of(staff()))
        yield session


def is_own_shop(retailer: RetailerRow) -> bool:
    """True if the signed-in staff member may deal with this retailer."""
    scope = scope_of(staff())
    return scope is None or scope.covers(retailer)


def ask_to_sign_in() -> ResponseReturnValue:
    """The answer to a request of somebody who is not signed in. A part of a page cannot show the sign-in form: the page
    itself shows it, and keeps what was typed."""
    if request.headers.get("HX-Request") or request.accept_mimetypes.best == "text/event-stream":
        return _("登录已过期，请重新登录。"), 401
    return redirect(url_for("console.login", next=request.full_path if request.query_string else request.path))


def requires_task(task: Task) -> Callable[[Callable[P, R]], Callable[P, R | ResponseReturnValue]]:
    """Restrict a page to staff who may do `task`; others are sent to sign in (401 for a part of a page) or get 403."""

    def guard(page: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        @wraps(page)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            found = current_staff_or_none()
            if found is None:
                return ask_to_sign_in()
            if found.must_change_password:
                if request.headers.get("HX-Request"):
                    return _("请先把密码换成自己的。"), 403
                return redirect(url_for("console.own_password.page"))
            if not found.is_allowed(task):
                abort(403, _("您的岗位没有这一页的权限。需要的话，请找主任。"))
            return page(*args, **kwargs)

        return guarded

    return guard
