"""A change of supply or limits made on a page: previewed, applied, or after 07:50 requested from a second person."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flask import render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from brand_catalog.sheets import SheetError
from console.authentication import staff
from console.dates import parse_date
from console.language import _
from console.numbers import parse_whole
from console.paging import Page
from ivr.services import services
from orders.models import REASON_MAX_CHARS
from orders.supply import allocate, late_changes, limits
from orders.supply.allocate import SpecSupply
from orders.supply.late_changes import LateChangeRefused
from orders.supply.limits import DIFFERENCES_ON_PAGE, LimitsRefused, LimitsResult, StagedLimit
from orders.supply.locking import DayOver, LimitsLocked
from orders.supply.models import LateChange
from storage import SessionFactory, one_connection, read_only, staging, transaction, unhurried


@dataclass(frozen=True, slots=True)
class SupplyForm:
    """What every form of supply and limits has: the day, the reason, the page of the preview, and `apply`, without
    which the change is only shown."""

    day: date | None
    why: str
    page: int
    apply: bool

    def errors(self) -> dict[str, str]:
        """What is missing, by field."""
        found = {}
        if self.day is None:
            found["day"] = _("请选一个日期。")
        if self.apply and not self.why:
            found["why"] = _("请写明原因，记录里要用。")
        return found


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a change would do or did. `requested` is the request it led to where a second person is needed."""

    done: LimitsResult
    requested: LateChange | None = None


def supply_form() -> SupplyForm:
    """The fields of the form that was sent."""
    return SupplyForm(
        parse_date(request.form.get("day")),
        request.form.get("why", "").strip()[:REASON_MAX_CHARS],
        parse_whole(request.form.get("page")) or 1,
        "apply" in request.form,
    )


def answer(
    form: SupplyForm, change: Callable[[date], Outcome], errors: dict[str, str] | None = None
) -> ResponseReturnValue:
    """The part of the page that shows a change or says why there is none; `change` makes or previews it for a day."""
    template, wrong = "settings/supply_imported.html", form.errors() | (errors or {})
    if wrong or form.day is None:
        return render_template(template, errors=wrong), 422
    try:
        outcome = change(form.day)
    except SheetError as error:
        return render_template(template, problems=error.problems), 422
    except LimitsRefused as refused:
        return render_template(template, below=refused.lines), 422
    except DayOver:
        return render_template(template, over=form.day), 422
    except LateChangeRefused as refused:
        return render_template(template, late_refusal=refused.reason), 422
    shown = Page(form.page, DIFFERENCES_ON_PAGE, outcome.done.difference_count)
    return render_template(
        template,
        done=outcome.done,
        shown=shown,
        applied=form.apply,
        requested=outcome.requested,
        day=form.day,
    )


def change_supply(form: SupplyForm, day: date, read: Callable[[Session], Sequence[SpecSupply]], source: str) -> Outcome:
    """Preview the supply that `read` gives, set it, or request it where it is locked."""
    own, now, by = services().sessions, services().now(), staff().name
    with unhurried(), read_only(own) as session:
        supplies = read(session)
        if not form.apply:
            return Outcome(allocate.preview_split(session, supplies, day, now, _skip(form)))
    try:
        return Outcome(allocate.import_supply(own, supplies, day, now, by=by, why=form.why, source=source))
    except LimitsLocked:
        return _request(
            own, lambda session: allocate.preview_split(session, supplies, day, now), supplies, day, form, source
        )


def change_limits(
    form: SupplyForm, day: date, read: Callable[[Session], Iterable[StagedLimit]], source: str
) -> Outcome:
    """Preview the limits that `read` gives, set them, or request them where they are locked."""
    own, now = services().sessions, services().now()

    def staged(session: Session) -> LimitsResult:
        limits.stage(session, read(session))
        return limits.preview(session, now, _skip(form))

    if not form.apply:
        with unhurried(), read_only(own) as session:
            return Outcome(staged(session))
    try:
        with transaction(own) as session:
            staged(session)
            return Outcome(limits.apply_limits(session, day, now, staff().name, form.why, source))
    except LimitsLocked:
        return _request(own, staged, (), day, form, source)


def change_limits_by_file(form: SupplyForm, day: date, path: Path) -> Outcome:
    """As `change_limits`, with a file that may have a city's limits."""
    own, now, load = services().sessions, services().now(), services().catalog
    if not form.apply:
        return Outcome(limits.preview_file(own, path, load, day, now, _skip(form)))
    try:
        return Outcome(limits.import_limits(own, path, load, day, now, staff().name, form.why))
    except LimitsLocked:

        def staged(session: Session) -> LimitsResult:
            limits.stage(session, limits.read_limits(path, session, load(session), day))
            return limits.preview(session, now)

        return _request(own, staged, (), day, form, path.name)


def _request(
    own: SessionFactory,
    stage: Callable[[Session], LimitsResult],
    supplies: Sequence[SpecSupply],
    day: date,
    form: SupplyForm,
    source: str,
) -> Outcome:
    with one_connection(own) as one:
        with staging(one) as session:
            found = stage(session)
        with transaction(one) as session:
            change = late_changes.request(
                session, supplies, day, services().now(), by=staff().name, why=form.why, source=source
            )
            session.expunge(change)
    return Outcome(found, change)


def _skip(form: SupplyForm) -> int:
    return (form.page - 1) * DIFFERENCES_ON_PAGE
