"""One's own password: anybody who is signed in changes it, and has to where it was given by somebody else."""

from __future__ import annotations

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from console import authentication
from console.language import _
from ivr.services import services
from orders.demo.demo_staff import DEMO_STAFF
from orders.staff.accounts import PASSWORD_MIN_CHARS, StaffError, check_password, hash_password, set_password
from orders.staff.models import StaffRow
from storage import transaction

PASSWORD_MAX_CHARS = 200


def own_password_routes() -> Blueprint:
    """The page on which the signed-in staff member changes their password."""
    routes = Blueprint("own_password", __name__, url_prefix="/password")

    @routes.get("")
    def page() -> ResponseReturnValue:
        if authentication.current_staff_or_none() is None:
            return authentication.ask_to_sign_in()
        return _page({})

    @routes.post("")
    def change() -> ResponseReturnValue:
        """Change the password and end the person's other sessions; this one goes on."""
        me = authentication.current_staff_or_none()
        if me is None:
            return authentication.ask_to_sign_in()
        if services().settings.demo and any(login == me.login for login, *_rest in DEMO_STAFF):
            abort(403, _("演示工号大家都在用，不能改密码。"))
        old, new = request.form.get("old", ""), request.form.get("new", "")
        errors = {
            name: sentence
            for name, sentence, is_wrong in (
                ("old", _("请输入现在的密码。"), not old or len(old) > PASSWORD_MAX_CHARS),
                ("new", _("新密码最多%(most)d个字。", most=PASSWORD_MAX_CHARS), len(new) > PASSWORD_MAX_CHARS),
                ("new", _("新密码不能和现在的一样。"), new == old),
                ("again", _("两次输入的不一样。"), request.form.get("again", "") != new),
            )
            if is_wrong
        }
        try:
            hashed = hash_password(new)
        except StaffError:
            errors["new"] = _("新密码至少%(least)d个字。", least=PASSWORD_MIN_CHARS)
        if errors:
            return _page(errors), 422
        # As at the sign-in, wrong passwords are counted, so that nobody tries them out at a browser left open.
        answer = check_password(
            services().sessions,
            me.login,
            old,
            address=request.remote_addr or "",
            browser=authentication.known_browser(me.login),
            now=services().now(),
        )
        if answer.staff is None:
            wrong = _("现在的密码不对。") if answer.waits_until is None else _("试错太多了，请过几分钟再改。")
            return _page({"old": wrong}), 422
        with transaction(services().sessions) as session:
            row = session.get_one(StaffRow, me.id, with_for_update=True)
            now = services().now()
            set_password(session, row, hashed, must_change=False, by=me.name, why="", now=now)
        with transaction(services().sessions) as session:
            authentication.sign_in(session.get_one(StaffRow, me.id))
        if request.headers.get("HX-Request"):
            return "", 204, {"HX-Redirect": url_for("console.home")}
        return redirect(url_for("console.home"))

    return routes


def _page(errors: dict[str, str]) -> str:
    part = "own_password_form.html" if request.headers.get("HX-Request") else "own_password.html"
    me = authentication.staff()
    return render_template(part, errors=errors, must_change=me.must_change_password, least=PASSWORD_MIN_CHARS)
