"""The department's settings, changed with a reason, and the audit log of all settings: by, at, why, before, after."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import get_args

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from clock import local, local_date
from console.authentication import may, requires_task, staff
from console.dates import parse_date
from console.language import _
from console.uploads import export_table
from ivr.services import services
from orders import audit_log as audit
from orders.audit_log import AuditEntry
from orders.book.headroom import DraftRules
from orders.department_rules import (
    BAND_PREFIX,
    CALL_DAYS,
    CHOICES,
    FORMER_STAFF_DAYS,
    LEAST,
    NUMBER_DAYS,
    RECORDING_DAYS,
    RECORDING_NOTICE,
    REGISTERED_NUMBER_PIN,
    RULES,
    WRAP_UP_SECONDS,
    set_rule,
)
from orders.models import REASON_MAX_CHARS, DepartmentRule, Subject
from orders.outbound.pacing import PacingRules
from storage import read_only, transaction

ENTRIES_SHOWN = 200
ENTRIES_EXPORTED = 20_000
VALUE_MAX = 1_000_000
SUBJECTS: tuple[Subject, ...] = get_args(Subject)
COLUMNS = ("at", "by", "why", "subject", "name", "business_day", "before", "after")


def department_routes() -> Blueprint:
    """The department's settings and the audit log."""
    routes = Blueprint("department", __name__)

    @routes.get("/rules")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            return render_template("settings/department_rules.html", **_rules(session, {}, {}))

    @routes.post("/rules")
    @requires_task("set_rules")
    def save() -> ResponseReturnValue:
        """Store every rule whose value in the form differs from the one in force."""
        why = request.form.get("why", "").strip()[:REASON_MAX_CHARS]
        with transaction(services().sessions) as session:
            in_force, names = _in_force(session), _names(session)
            values, errors = _from_form(request.form, names)
            changed = [
                name
                for name in names
                if name in values
                and values[name] != in_force.get(name)
                # The default, chosen where nothing is set, is no change.
                and (name in in_force or values[name] != _defaults().get(name))
            ]
            if changed and not why:
                errors["why"] = _("请写明原因，记录里要用。")
            if not errors:
                for name in changed:
                    set_rule(session, name, values[name], by=staff().name, why=why, now=services().now())
            typed = request.form if errors else {}
            page = render_template(
                "settings/rules_form.html", saved=len(changed), done=not errors, **_rules(session, typed, errors)
            )
        return page, 422 if errors else 200

    @routes.get("/audit-log")
    @requires_task("see_day")
    def audit_log() -> ResponseReturnValue:
        subject, day = _subject(), parse_date(request.args.get("day"))
        with read_only(services().sessions) as session:
            entries = audit.entries(session, subject=subject, day=day, limit=ENTRIES_SHOWN)
            specs = services().catalog(session).specs
        return render_template(
            "settings/audit_log.html",
            entries=entries,
            subjects=SUBJECTS,
            subject=subject,
            day=day,
            specs=specs,
            more=len(entries) == ENTRIES_SHOWN,
        )

    @routes.get("/audit-log/export")
    @requires_task("export_retailers")
    def export() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            entries = audit.entries(
                session, subject=_subject(), day=parse_date(request.args.get("day")), limit=ENTRIES_EXPORTED
            )
        name = f"audit-log-{local_date(services().now())}"
        return export_table(name, request.args.get("kind", "csv"), COLUMNS, map(_row, entries))

    return routes


def _subject() -> Subject | None:
    return next((one for one in SUBJECTS if one == request.args.get("subject")), None)


def _row(entry: AuditEntry) -> tuple[object, ...]:
    return (
        local(entry.at).replace(tzinfo=None).isoformat(" ", "seconds"),
        entry.by,
        entry.why,
        entry.subject,
        entry.name,
        "" if entry.business_day is None else entry.business_day.isoformat(),
        _plain(entry.before),
        _plain(entry.after),
    )


def _plain(value: Mapping[str, object] | None) -> str:
    return "" if value is None else "; ".join(f"{name}={one}" for name, one in value.items())


# --- the rules


def _in_force(session: Session) -> dict[str, int]:
    return {row.name: row.value for row in session.scalars(select(DepartmentRule))}


def _names(session: Session) -> list[str]:
    """The names of all rules: the fixed ones, and one for each price band of the catalogue or with a cap."""
    bands = {spec.price_band for spec in services().catalog(session).specs.values()}
    bands |= {int(name.removeprefix(BAND_PREFIX)) for name in _in_force(session) if name.startswith(BAND_PREFIX)}
    return [name for name in RULES if not name.startswith(BAND_PREFIX)] + [f"{BAND_PREFIX}{b}" for b in sorted(bands)]


def _band_prices(session: Session) -> dict[str, tuple[int, int]]:
    """The lowest and the highest retail price of each band's specs, in fen a carton, by the name of the band's rule."""
    prices: dict[str, list[int]] = {}
    for spec in services().catalog(session).specs.values():
        prices.setdefault(f"{BAND_PREFIX}{spec.price_band}", []).append(spec.retail_fen)
    return {name: (min(of_band), max(of_band)) for name, of_band in prices.items()}


def _defaults() -> dict[str, int | None]:
    """The defaults of the rules, in force where the department has set nothing."""
    draft, pacing = DraftRules(), PacingRules()
    return {
        "hold_minutes": int(draft.hold_for.total_seconds()) // 60,
        "closing_grace_minutes": int(draft.closing_grace.total_seconds()) // 60,
        "order_min_packs": draft.order_min_packs,
        "order_max_packs": draft.order_max_packs,
        "wrap_up_seconds": WRAP_UP_SECONDS,
        "recording_days": RECORDING_DAYS,
        "call_days": CALL_DAYS,
        "number_days": NUMBER_DAYS,
        "former_staff_days": FORMER_STAFF_DAYS,
        "recording_notice": RECORDING_NOTICE,
        "registered_number_pin": REGISTERED_NUMBER_PIN,
        "outbound_attempts_max": pacing.attempts_max,
        "outbound_pause_minutes": int(pacing.pause.total_seconds()) // 60,
        "outbound_pause_busy_minutes": int(pacing.pause_busy.total_seconds()) // 60,
        "outbound_lines": pacing.lines,
        "outbound_calls_per_operator": pacing.calls_per_operator,
    }


def _from_form(form: Mapping[str, str], names: list[str]) -> tuple[dict[str, int | None], dict[str, str]]:
    """The values of the form, None for the default; and the errors by field. A rule that the form does not have stays
    as it is: the page may have been opened before there was that rule."""
    values: dict[str, int | None] = {}
    errors: dict[str, str] = {}
    for name in names:
        if name not in form:
            continue
        text = form[name].strip()
        if not text:
            values[name] = None
        elif not re.fullmatch("[0-9]{1,9}", text) or int(text) > VALUE_MAX:
            errors[name] = _("请写一个不小于0的整数，或者留空。")
        elif name in CHOICES and int(text) >= len(CHOICES[name]):
            errors[name] = _("请选一种。")
        elif name == "hold_minutes" and int(text) == 0:
            errors[name] = _("至少1分钟。")
        elif int(text) < LEAST.get(name, 0):
            errors[name] = _("至少%(days)d天。", days=LEAST[name])
        else:
            values[name] = int(text)
    least, most = values.get("order_min_packs"), values.get("order_max_packs")
    if least is not None and most is not None and least > most:
        errors["order_max_packs"] = _("最多不能比最少还少。")
    return values, errors


def _rules(session: Session, typed: Mapping[str, str], errors: Mapping[str, str]) -> dict[str, object]:
    in_force, defaults, names = _in_force(session), _defaults(), _names(session)
    return {
        "rules": [(name, typed.get(name, in_force.get(name, "")), defaults.get(name)) for name in names],
        "band_prefix": BAND_PREFIX,
        "band_prices": _band_prices(session),
        "choices": CHOICES,
        "errors": errors,
        "why": typed.get("why", ""),
        "may_edit": may("set_rules"),
        "entries": audit.entries(session, subject="department_rule", limit=20),
        "specs": {},
    }
