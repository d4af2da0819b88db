"""Requests of retailers: noted beside an order or by themselves, passed up, and answered (AS 4.2.2 b)."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import is_own_shop, may, own_shops, requires_task, staff
from console.language import _
from ivr.services import services
from orders.retailers.lookup import by_code
from orders.staff import feedback
from orders.staff.feedback import KINDS, PASSED_TO, FeedbackRefused
from orders.staff.models import TEXT_MAX, Role
from storage import read_only, transaction

RECENT = 50
MET = "met"


def feedback_routes() -> Blueprint:
    """The requests, and the form that notes one."""
    routes = Blueprint("feedback", __name__, url_prefix="/feedback")

    @routes.get("")
    @requires_task("see_shops")
    def page() -> ResponseReturnValue:
        with own_shops() as session:
            return _page(session, "day/feedback.html", form={"code": request.args.get("code", "").strip()[:12]})

    @routes.post("")
    @requires_task("note_feedback")
    def note() -> ResponseReturnValue:
        """Note a request; return the form empty, or with an error beside each invalid field."""
        form = {name: request.form.get(name, "").strip() for name in ("code", "kind", "text", "met")}
        kind = next((kind for kind in KINDS if kind == form["kind"]), None)
        pass_to = next((role for role in PASSED_TO[staff().role] if role == form["met"]), None)
        with transaction(services().sessions) as session:
            retailer = by_code(session, form["code"])
            if retailer is not None and not is_own_shop(retailer):
                retailer = None
            errors = {
                name: sentence
                for name, sentence, is_wrong in (
                    ("code", _("没有这个客户代码。"), retailer is None),
                    ("kind", _("请选事项类别。"), kind is None),
                    ("met", _("请选办理情况。"), pass_to is None and form["met"] != MET),
                    ("text", _("请写客户要什么，最多%(most)d个字。", most=TEXT_MAX), not _fits(form["text"])),
                )
                if is_wrong
            }
            if errors or retailer is None or kind is None:
                return _form(form, errors), 422
            feedback.record_request(
                session, retailer.id, kind, form["text"], pass_to=pass_to, by=staff(), now=services().now()
            )
        return _form({"code": form["code"]}, {}, noted=True)

    @routes.post("/<int:number>/answer")
    @requires_task("see_day")
    def answer(number: int) -> ResponseReturnValue:
        """Answer a request, or pass it on with `pass_to`."""
        text = request.form.get("text", "").strip()
        pass_to = next((role for role in PASSED_TO[staff().role] if role == request.form.get("pass_to")), None)
        if pass_to is None and not _fits(text):
            errors = {number: _("请写答复，订货员要念给客户听；最多%(most)d个字。", most=TEXT_MAX)}
            with read_only(services().sessions) as session:
                return _page(session, "day/feedback_lists.html", errors=errors, typed=text), 422

        def change(session: Session) -> None:
            if pass_to is not None:
                feedback.pass_up(session, number, pass_to, text, by=staff(), now=services().now())
            else:
                feedback.answer(session, number, text, by=staff(), now=services().now())

        return _change_request(change)

    return routes


def _change_request(change: Callable[[Session], None]) -> ResponseReturnValue:
    try:
        with transaction(services().sessions) as session:
            change(session)
            return _page(session, "day/feedback_lists.html")
    except FeedbackRefused:
        with read_only(services().sessions) as session:
            return _page(session, "day/feedback_lists.html", refused=True), 422


def _fits(text: str) -> bool:
    return 0 < len(text) <= TEXT_MAX


def _form(form: dict[str, str], errors: dict[str, str], *, noted: bool = False) -> str:
    # Beside an order the retailer is known.
    customer_code = form["code"] if "beside_order" in request.form else ""
    return render_template(
        "day/feedback_form.html", form=form, errors=errors, noted=noted, customer_code=customer_code, **form_context()
    )


def form_context() -> dict[str, object]:
    """The template variables of the form that notes a request."""
    to: tuple[Role, ...] = PASSED_TO[staff().role]
    return {"feedback_to": to, "text_max": TEXT_MAX}


def _page(session: Session, template: str, **variables: object) -> str:
    me = staff()
    return render_template(
        template,
        waiting=feedback.requests(session, waits_for=me.role),
        own=feedback.requests(session, noted_by=me.id, limit=RECENT),
        recent=feedback.requests(session, limit=RECENT) if may("reports") or not may("see_day") else (),
        may_note=may("note_feedback"),
        **form_context(),
        **variables,
    )
