"""The people of the department: accounts made, changed, closed and opened again; new passwords for who lost theirs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, fields

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from console import texts
from console.authentication import requires_task, staff
from console.language import _
from ivr.operators import presence
from ivr.services import services
from orders import audit_log
from orders.demo.demo_staff import DEMO_STAFF
from orders.models import REASON_MAX_CHARS
from orders.retailers.caller_numbers import is_dialable
from orders.retailers.dialling import is_extension
from orders.retailers.models import RetailerRow
from orders.staff.accounts import (
    NAME_MAX_CHARS,
    AccountValues,
    StaffError,
    StaffRefusal,
    change_account,
    close_account,
    create_staff,
    hash_password,
    make_password,
    reopen_account,
    set_password,
)
from orders.staff.models import MANAGED_ROLES, ROLES, SEAT_MAX_CHARS, Role, StaffRow
from storage import read_only, retry_on_deadlock, transaction

ENTRIES_SHOWN = 50
# The role an account begins with on the form.
FIRST_ROLE: Role = "operator"


@dataclass
class StaffForm:
    """An account as it was typed, why it is changed, and what is wrong with each field."""

    login: str = ""
    values: AccountValues = field(default_factory=lambda: AccountValues("", FIRST_ROLE))
    why: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def staff_routes() -> Blueprint:
    """The list of accounts, and the page of each."""
    routes = Blueprint("staff", __name__, url_prefix="/staff")

    @routes.get("")
    @requires_task("manage_staff")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            people = session.scalars(select(StaffRow).order_by(StaffRow.name, StaffRow.id)).all()
            entries = audit_log.entries(session, subject="staff", limit=ENTRIES_SHOWN)
        people = sorted(people, key=lambda one: ROLES.index(one.role))
        return render_template(
            "settings/staff.html",
            opened=[one for one in people if one.active],
            closed=[one for one in people if not one.active],
            managed=MANAGED_ROLES[staff().role],
            entries=entries,
        )

    @routes.get("/new")
    @requires_task("manage_staff")
    def new() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return _page(session, "settings/staff_member.html", None, StaffForm())

    @routes.post("/new")
    @requires_task("manage_staff")
    def add() -> ResponseReturnValue:
        """Make an account; its first password is shown only in this answer."""
        form, password = _from_form(), make_password()
        hashed = hash_password(password)
        try:
            with transaction(services().sessions) as session:
                if form.errors:
                    return _page(session, "settings/staff_form.html", None, form), 422
                now = services().now()
                row = create_staff(
                    session,
                    now,
                    login=form.login,
                    name=form.values.name,
                    role=form.values.role,
                    password_hash=hashed,
                    seat=form.values.seat,
                    phone=form.values.phone or None,
                    county=form.values.county,
                    manager=form.values.manager,
                    must_change_password=True,
                )
                after = asdict(form.values)
                audit_log.record_change(session, "staff", row.login, None, after, by=staff().name, why="", now=now)
                return _page(session, "settings/staff_body.html", row, _form_of(row), password=password, made=True)
        except StaffError as error:
            return _refused(None, form, error)

    @routes.get("/<int:number>")
    @requires_task("manage_staff")
    def member(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            row = _managed(session, number)
            return _page(session, "settings/staff_member.html", row, _form_of(row))

    @routes.post("/<int:number>")
    @requires_task("manage_staff")
    def change(number: int) -> ResponseReturnValue:
        """Change an account. If it is no longer as the form showed it, show what has become different instead."""
        form = _from_form()

        def save(session: Session, row: StaffRow) -> Mapping[str, object]:
            if not row.active:
                raise StaffError("It is closed.", "closed")
            if row.id == staff().id and form.values.role != row.role:
                raise StaffError("Nobody changes their own role.", "own")
            change_account(session, row, form.values, by=staff().name, why=form.why, now=services().now())
            return {"notice": _("已保存。")}

        return _act(number, save, form, checks_seen=True)

    @routes.post("/<int:number>/close")
    @requires_task("manage_staff")
    def close(number: int) -> ResponseReturnValue:
        def save(session: Session, row: StaffRow) -> Mapping[str, object]:
            if row.id == staff().id:
                raise StaffError("Nobody closes their own account.", "own")
            close_account(session, row.login, by=staff().name, why=_why(), now=services().now())
            presence.check_out(session, row.id)
            return {"notice": _("账号已停用，马上不能再登录。")}

        return _act(number, save)

    @routes.post("/<int:number>/reopen")
    @requires_task("manage_staff")
    def reopen(number: int) -> ResponseReturnValue:
        password = make_password()
        hashed = hash_password(password)

        def save(session: Session, row: StaffRow) -> Mapping[str, object]:
            by, now = staff().name, services().now()
            reopen_account(session, row.login, password_hash=hashed, by=by, why=_why(), now=now)
            return {"notice": _("账号恢复使用。"), "password": password}

        return _act(number, save)

    @routes.post("/<int:number>/password")
    @requires_task("manage_staff")
    def password(number: int) -> ResponseReturnValue:
        """Give the person a new password, shown only in this answer, and end their sessions."""
        password = make_password()
        hashed = hash_password(password)

        def save(session: Session, row: StaffRow) -> Mapping[str, object]:
            if row.id == staff().id:
                raise StaffError("One's own password is changed on its own page.", "own")
            if not row.active:
                raise StaffError("It is closed.", "closed")
            set_password(session, row, hashed, must_change=True, by=staff().name, why=_why(), now=services().now())
            return {"notice": _("密码已换，原来的密码马上不能用。"), "password": password}

        return _act(number, save)

    return routes


@retry_on_deadlock
def _act(
    number: int,
    save: Callable[[Session, StaffRow], Mapping[str, object]],
    form: StaffForm | None = None,
    *,
    checks_seen: bool = False,
) -> ResponseReturnValue:
    """Do something with an account in one transaction and show it; the form keeps what was typed if that fails."""
    try:
        with transaction(services().sessions) as session:
            row = _managed(session, number, to_change=True)
            if any(login == row.login for login, *_rest in DEMO_STAFF) and services().settings.demo:
                abort(403, _("演示工号大家都在用，不能改。"))
            errors = dict(form.errors) if form is not None else {}
            if not _why():
                errors["why" if form is not None else "act_why"] = _("请写明原因，记录里要用。")
            if checks_seen and (different := _different(row)):
                now_shown = _("您打开这一页以后，别人改过：%(what)s。请看过再改。", what=different)
                return _page(session, "settings/staff_body.html", row, _form_of(row), refused=now_shown), 422
            if errors:
                form = form or _form_of(row)
                form.errors = errors
                return _page(session, "settings/staff_body.html", row, form), 422
            done = save(session, row)
            return _page(session, "settings/staff_body.html", row, _form_of(row), **done)
    except StaffError as error:
        return _refused(number, form, error)


def _refused(number: int | None, form: StaffForm | None, error: StaffError) -> ResponseReturnValue:
    fields: dict[StaffRefusal, str] = {
        "login": "login",
        "login_taken": "login",
        "name": "name",
        "name_taken": "name",
        "area": "area",
        "role": "role",
    }
    sentence = texts.staff_refusals[error.reason]
    with read_only(services().sessions) as session:
        row = None if number is None else _managed(session, number)
        if form is not None and (place := fields.get(error.reason)) is not None:
            form.errors[place] = sentence
            sentence = ""
        shown = form or (StaffForm() if row is None else _form_of(row))
        return _page(session, "settings/staff_body.html", row, shown, refused=sentence), 422


def _different(row: StaffRow) -> str:
    """What of the account has changed since the page was shown, each with its present value; empty if nothing."""
    try:
        seen = json.loads(request.form.get("seen", ""))
    except ValueError:
        return ""
    if not isinstance(seen, dict):
        return ""
    words = {"name": _("姓名"), "role": _("岗位"), "seat": _("席位"), "phone": _("电话")}
    words |= {"county": _("县"), "manager": _("客户经理")}
    return "；".join(
        f"{words[name]} {texts.roles[value] if name == 'role' else value or '–'}"
        for name, value in asdict(AccountValues.of(row)).items()
        if seen.get(name) != value
    )


def _managed(session: Session, number: int, *, to_change: bool = False) -> StaffRow:
    """The account, if its role is one that the signed-in person manages; 404 or 403 otherwise."""
    row = session.get(StaffRow, number, with_for_update=to_change, populate_existing=to_change)
    if row is None:
        abort(404)
    if row.role not in MANAGED_ROLES[staff().role]:
        abort(403, _("这个岗位的账号由主任管。"))
    return row


def _from_form() -> StaffForm:
    """The form as it was sent, with what is wrong by itself; the accounts there are decide the rest."""
    sent = {
        name: request.form.get(name, "").strip() for name in ("login", *(one.name for one in fields(AccountValues)))
    }
    role = next((one for one in MANAGED_ROLES[staff().role] if one == sent["role"]), None)
    phone = re.sub(r"[\s()-]", "", sent["phone"])
    is_area_role = role in ("customer_manager", "county_clerk")
    values = AccountValues(
        sent["name"],
        role or FIRST_ROLE,
        sent["seat"],
        phone,
        sent["county"] if is_area_role else "",
        sent["manager"] if role == "customer_manager" else "",
    )
    errors = {
        name: sentence
        for name, sentence, is_wrong in (
            ("role", _("请选一个岗位。"), role is None),
            ("seat", texts.staff_refusals["seat"], sent["seat"] and not _is_seat(sent["seat"])),
            ("phone", _phone_refusal(), phone and not _is_phone(phone)),
        )
        if is_wrong
    }
    return StaffForm(sent["login"], values, _why(), errors)


def _is_phone(phone: str) -> bool:
    return is_dialable(phone) or (services().line.carrier.has_extensions and is_extension(phone))


def _phone_refusal() -> str:
    if services().line.carrier.has_extensions:
        return _("号码要带国家码，像 +8613800000012 这样写；桌上的分机写分机号，像 8001。")
    return _("号码要带国家码，像 +8613800000012 这样写。")


def _is_seat(seat: str) -> bool:
    return seat.isalnum() and len(seat) <= SEAT_MAX_CHARS


def _form_of(row: StaffRow) -> StaffForm:
    return StaffForm(row.login, AccountValues.of(row))


def _why() -> str:
    return request.form.get("why", "").strip()[:REASON_MAX_CHARS]


def _page(session: Session, template: str, row: StaffRow | None, form: StaffForm, **variables: object) -> str:
    session.flush()
    return render_template(
        template,
        row=row,
        form=form,
        roles={role: texts.roles[role] for role in ROLES if role in MANAGED_ROLES[staff().role]},
        seen=json.dumps(asdict(AccountValues.of(row)), ensure_ascii=False) if row is not None else "",
        counties=_names(session, "county", form.values.county),
        managers=_names(session, "manager", form.values.manager),
        entries=audit_log.entries(session, subject="staff", name=row.login, limit=ENTRIES_SHOWN) if row else (),
        me=staff(),
        name_max=NAME_MAX_CHARS,
        seat_max=SEAT_MAX_CHARS,
        **{"notice": "", "refused": "", "password": "", "made": False} | variables,
    )


def _names(session: Session, column: str, present: str) -> dict[str, str]:
    """The counties, or the customer managers, that the retailers have, each with the number of retailers."""
    of = getattr(RetailerRow, column)
    found = session.execute(select(of, func.count()).where(of != "").group_by(of).order_by(of)).all()
    names = {name: _("%(name)s（%(count)d户）", name=name, count=count) for name, count in found}
    # One that no retailer has any more is shown, so that saving the rest does not change it.
    return names if not present or present in names else {present: present, **names}
