"""Who is at the page: signing in and out, running out of time, and what each role may see."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import wraps
from typing import ParamSpec, TypeVar

from flask import abort, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue

from console.language import _
from console.room import room
from ivr import duty
from orders import seats
from orders.staff import StaffRow, Task
from storage import reading, transaction

_WHO, _SEEN = "staff", "seen"

P = ParamSpec("P")
R = TypeVar("R", bound=ResponseReturnValue)


def sign_in(staff: StaffRow) -> None:
    """This person is at the page from now on."""
    session[_WHO] = staff.id
    session[_SEEN] = room().now().timestamp()
    session.permanent = False


def sign_out() -> None:
    """Nobody is at the page from now on, and their seat is free; its language stays."""
    if (found := staff_or_none()) is not None:
        with transaction(room().sessions) as work:
            seats.leave_seat(work, found.id)
            duty.leave(work, found.id)
    session.pop(_WHO, None)
    session.pop(_SEEN, None)
    g.staff, g.seat = None, ""


def notice_who(*, touch: bool) -> None:
    """Find out who is at the page. `touch` says whether this request is a person's doing and keeps them signed in; a
    page that keeps itself up to date is not."""
    g.staff, g.seat = None, ""
    who, seen = session.get(_WHO), session.get(_SEEN)
    if who is None or seen is None:
        return
    now = room().now()
    if now - datetime.fromtimestamp(seen, UTC) > room().idle:
        return
    with reading(room().sessions) as reader:
        staff = reader.get(StaffRow, who)
        if staff is None or not staff.active:
            return
        g.staff, g.seat = staff, seats.seat_of(reader, staff.id, now)
    if touch and now.timestamp() - seen > 30:
        session[_SEEN] = now.timestamp()
        with transaction(room().sessions) as work:
            seats.still_there(work, staff.id, now)


def seat() -> str:
    """Where who is at the page sits; empty where nowhere."""
    found: str = g.get("seat", "")
    return found


def staff_or_none() -> StaffRow | None:
    """Who is at the page, or None."""
    staff: StaffRow | None = g.get("staff")
    return staff


def staff() -> StaffRow:
    """Who is at the page; only for pages that ask for a task."""
    found = staff_or_none()
    if found is None:
        abort(401)
    return found


def may(task: Task) -> bool:
    """Whether who is at the page may do this."""
    found = staff_or_none()
    return found is not None and found.may(task)


def only_for(task: Task) -> Callable[[Callable[P, R]], Callable[P, R | ResponseReturnValue]]:
    """A page for those who may do `task`; others are asked to sign in, or told that it is not theirs."""

    def guard(page: Callable[P, R]) -> Callable[P, R | ResponseReturnValue]:
        @wraps(page)
        def guarded(*args: P.args, **kwargs: P.kwargs) -> R | ResponseReturnValue:
            found = staff_or_none()
            if found is None:
                # A part of a page cannot show a form to sign in: the page itself asks, and keeps what was typed.
                if request.headers.get("HX-Request") or request.accept_mimetypes.best == "text/event-stream":
                    return _("登录已过期，请重新登录。"), 401
                return redirect(
                    url_for("console.login", next=request.full_path if request.query_string else request.path)
                )
            if not found.may(task):
                abort(403, _("您的岗位没有这一页的权限。需要的话，请找主任。"))
            return page(*args, **kwargs)

        return guarded

    return guard
