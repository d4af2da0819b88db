"""Console sessions: signing in and out, the idle timeout, and the tasks each role may do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import abort, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from console.language import _
from ivr.operators import presence
from ivr.services import services
from orders.staff import seats
from orders.staff.models import StaffRow, Task
from storage import read_only, transaction

# A session ends after this long without a request of the user's own.
IDLE_TIMEOUT = timedelta(minutes=30)

_STAFF_KEY, _LAST_SEEN_KEY = "staff_id", "last_seen"

P = ParamSpec("P")
R = TypeVar("R", bound=ResponseReturnValue)


def sign_in(staff: StaffRow) -> None:
    """Start the session of this staff member."""
    session[_STAFF_KEY] = staff.id
    session[_LAST_SEEN_KEY] = services().now().timestamp()
    session.permanent = False


def sign_out() -> None:
    """End the session and free the seat; the language chosen for the pages stays."""
    if (found := current_staff_or_none()) is not None:
        with transaction(services().sessions) as work:
            seats.leave_seat(work, found.id)
            presence.check_out(work, found.id)
    session.pop(_STAFF_KEY, None)
    session.pop(_LAST_SEEN_KEY, None)
    g.staff, g.seat = None, ""


def load_staff(*, touch: bool) -> None:
    """Load the signed-in staff member for this request. `touch` says whether the request is a person's doing and keeps
    them signed in; an event stream is not."""
    g.staff, g.seat = None, ""
    staff_id, last_seen = session.get(_STAFF_KEY), session.get(_LAST_SEEN_KEY)
    if staff_id is None or last_seen is None:
        return
    now = services().now()
    if now - datetime.fromtimestamp(last_seen, UTC) > IDLE_TIMEOUT:
        return
    with read_only(services().sessions) as reader:
        staff = reader.get(StaffRow, staff_id)
        if staff is None or not staff.active:
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


def requires_task(task: Task) -> Callable[[Callable[P, R]], Callable[P, R | ResponseReturnValue]]:
    """Restrict a page to staff who may do `task`; others are sent to sign in (401 for a part of a page) or get 403."""

    def guard(page: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        @wraps(page)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            found = current_staff_or_none()
            if found is None:
                # A part of a page cannot show the sign-in form: the page itself shows it, and keeps what was typed.
                if request.headers.get("HX-Request") or request.accept_mimetypes.best == "text/event-stream":
                    return _("登录已过期，请重新登录。"), 401
                return redirect(
                    url_for("console.login", next=request.full_path if request.query_string else request.path)
                )
            if not found.is_allowed(task):
                abort(403, _("您的岗位没有这一页的权限。需要的话，请找主任。"))
            return page(*args, **kwargs)

        return guarded

    return guard
