"""The day end: a checklist of its steps, each done here, its files, and the shops that need attention."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime
from typing import get_args

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.sheets import RowProblem, Sheet, SheetError, read_sheet
from console.authentication import requires_task, staff
from console.dates import parse_date
from console.day import day_end_files, day_end_texts
from console.language import _
from console.numbers import parse_whole
from console.uploads import as_file, export_table, is_table
from ivr.recordings import recordings
from ivr.services import services
from orders.book.models import OrderRow
from orders.day_end import reopening, settlement, steps
from orders.day_end.checklist import LISTED_STEPS, Checklist, ListedStep, checklist, unclosed_days
from orders.day_end.exceptions import KINDS, day_exceptions
from orders.day_end.models import FailureRule, SettlementBatch
from orders.day_end.reopening import REASON_MAX_CHARS
from orders.day_end.steps import StepRefused
from orders.lockout import forget_old
from orders.windows import business_day
from storage import read_only, transaction, unhurried

ROWS_SHOWN = 50
RULES: tuple[FailureRule, ...] = get_args(FailureRule)

Work = Callable[[Session, date, str, datetime], object]
"""One step, given the session, the business day, the name of who does it and the time."""

_STEPS: dict[str, Work] = {
    "audit": lambda session, day, by, now: steps.audit(session, day, by=by, now=now),
    "settlement": lambda session, day, by, now: settlement.make_batch(session, day, by=by, now=now),
    "hand_over": lambda session, day, by, now: steps.hand_over(session, day, by=by, now=now),
    "notice": lambda session, day, by, now: steps.delivery_notices(session, day, by=by, now=now),
    "close": lambda session, day, by, now: steps.close(session, day, by=by, now=now),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step was not done: a sentence with what it is about, or the problems of a file."""

    sentence: str = ""
    items: tuple[str, ...] = ()
    problems: tuple[RowProblem, ...] = ()


def day_end_routes() -> Blueprint:
    """The checklist, its steps and its files."""
    routes = Blueprint("day_end", __name__, url_prefix="/day-end")

    @routes.get("")
    @requires_task("end_day")
    def page() -> ResponseReturnValue:
        return _page("day/day_end.html")

    @routes.post("/<any(audit,settlement,hand_over,notice,close):name>")
    @requires_task("end_day")
    def do_step(name: str) -> ResponseReturnValue:
        answer = _do(_STEPS[name], is_stale=_stale_step)
        if name == "close" and answer[1] == 200:
            with unhurried(), transaction(services().sessions) as session:
                recordings.delete_expired(session, services().now())
                forget_old(session, services().now())
        return answer

    @routes.post("/balances")
    @requires_task("end_day")
    def balances() -> ResponseReturnValue:
        """Import the bank's balances, which ends the day's regular orders."""
        file = request.files["file"].filename if "file" in request.files else ""
        return _import(
            lambda sheet: (
                lambda session, day, by, now: steps.import_balances(
                    session, sheet, day, by=by, now=now, file=(file or "")[:200]
                )
            )
        )

    @routes.post("/answer")
    @requires_task("end_day")
    def answer() -> ResponseReturnValue:
        """Import the bank's answer to the open batch."""
        rule = next((one for one in RULES if one == request.form.get("rule")), None)
        if rule is None:
            return _page(refusal=Refusal(_("请选扣款未成功的订单怎么办。")))
        return _import(
            lambda sheet: (
                lambda session, day, by, now: settlement.import_answer(session, sheet, day, rule, by=by, now=now)
            )
        )

    @routes.post("/off-hold")
    @requires_task("end_day")
    def off_hold() -> ResponseReturnValue:
        """Take orders off hold before the hand-over, to be settled in the next batch."""
        numbers = request.form.getlist("order")
        if not numbers:
            return _page(refusal=Refusal(_("请先选订单。")))
        return _do(lambda session, day, by, now: settlement.take_off_hold(session, day, numbers, by=by, now=now))

    @routes.post("/reopening")
    @requires_task("end_day")
    def request_reopening() -> ResponseReturnValue:
        """Request that the closed day is reopened, for the orders on hold that are chosen."""
        reason, numbers = request.form.get("reason", "").strip(), request.form.getlist("order")
        if not reason or len(reason) > REASON_MAX_CHARS:
            return _page(refusal=Refusal(_("请写明原因，最多%(most)d个字。", most=REASON_MAX_CHARS)))
        return _do(
            lambda session, day, by, now: reopening.request_reopening(
                session, day, numbers, reason=reason, by=by, now=now
            )
        )

    @routes.post("/reopening/<int:number>")
    @requires_task("end_day")
    def decide_reopening(number: int) -> ResponseReturnValue:
        """Agree to a request as the second person, or refuse or withdraw it."""
        agree = request.form.get("decision") == "agree"
        return _do(
            lambda session, day, by, now: reopening.decide_reopening(session, number, agree=agree, by=by, now=now)
        )

    @routes.get("/download/<any(balances,settlement,answer,delivery,notices):what>")
    @requires_task("end_day")
    def file(what: str) -> ResponseReturnValue:
        """A file of the day: the template of a file to be uploaded, or what a step that is done has made."""
        day, number = _day(), parse_whole(request.args.get("batch")) or 0
        with unhurried(), read_only(services().sessions) as session:
            table = _table(session, day, what, number)
            if table is None:
                abort(404)
            columns, rows = table[0], list(table[1])
        name = f"{what}-{day:%Y%m%d}{f'-{number}' if number else ''}"
        return export_table(name, request.args.get("kind", "csv"), columns, rows)

    @routes.get("/download-list/<any(short,without_balance,lapsed,unaudited,unpaid,on_hold):kind>")
    @requires_task("end_day")
    def exceptions(kind: str) -> ResponseReturnValue:
        """One of the lists of shops, whole."""
        day = _day()
        with unhurried(), read_only(services().sessions) as session:
            found = day_exceptions(session, day, next(one for one in KINDS if one == kind))
            columns, rows = day_end_files.exceptions_table(session, found)
        return export_table(f"{kind}-{day:%Y%m%d}", request.args.get("file", "csv"), columns, list(rows))

    return routes


def _day() -> date:
    """The business day in the request; today where it is missing, invalid or still to come."""
    today = business_day(services().now())
    wanted = parse_date(request.values.get("day"))
    return wanted if wanted is not None and wanted <= today else today


def _import(work: Callable[[Sheet], Work]) -> ResponseReturnValue:
    """Do a step with the table that is uploaded, read before anything is locked."""
    upload = request.files.get("file")
    if upload is None or not is_table(upload):
        return _page(refusal=Refusal(_("请选一个 CSV 或 XLSX 文件。")))
    with as_file(upload) as path:
        try:
            sheet = read_sheet(path)
        except SheetError as error:
            return _page(refusal=Refusal(problems=tuple(error.problems)))
    try:
        return _do(work(sheet), is_stale=_stale_step)
    except SheetError as error:
        return _page(refusal=Refusal(problems=tuple(error.problems)))


def _do(work: Work, is_stale: Callable[[Checklist], Refusal | None] = lambda _: None) -> tuple[str, int]:
    """Do a step in one transaction, and show the checklist as it is then, or why it was not done."""
    day, now = _day(), services().now()
    with read_only(services().sessions) as session:
        refusal = is_stale(checklist(session, day))
    if refusal is None:
        try:
            with unhurried(), transaction(services().sessions) as session:
                work(session, day, staff().name, now)
        except StepRefused as refused:
            refusal = Refusal(str(day_end_texts.refusals[refused.reason]), _items(refused))
    return _page(refusal=refusal)


def _items(refused: StepRefused) -> tuple[str, ...]:
    """What a refusal is about, as it is shown: the steps in words; the numbers and sentences as they are."""
    return tuple(str(day_end_texts.steps[one]) if one in LISTED_STEPS else one for one in refused.items)


def _stale_step(now: Checklist) -> Refusal | None:
    """What has changed since the page was shown, by whom; None where nothing has."""
    shown = request.form.get("version", now.version)
    if shown == now.version:
        return None
    before = dict(zip(LISTED_STEPS, shown.split("-"), strict=False))
    changed = [_told(now, name) for name in LISTED_STEPS if before.get(name) != now.step(name).state]
    return Refusal(_("这一页打开以后有了变化，您的操作没有做，请看清楚再做："), tuple(changed))


def _told(now: Checklist, name: ListedStep) -> str:
    step = now.step(name)
    words = f"{day_end_texts.steps[name]}：{day_end_texts.step_states[step.state]}"
    return f"{words} {step.by}" if step.by else words


def _table(session: Session, day: date, what: str, number: int) -> day_end_files.Table | None:
    """The table of a file, or None where its step is not done yet."""
    if what == "balances":
        return day_end_files.balances_table(session, day)
    if what in ("settlement", "answer"):
        batch = session.scalar(
            select(SettlementBatch.id).where(SettlementBatch.business_day == day, SettlementBatch.number == number)
        )
        make = day_end_files.batch_table if what == "settlement" else day_end_files.answer_table
        return make(session, batch) if batch is not None else None
    who, now = staff().name, services().now()
    if what == "delivery":
        done = steps.is_step_done(session, day, "hand_over")
        return day_end_files.delivery_table(steps.hand_over(session, day, by=who, now=now)) if done else None
    done = steps.is_step_done(session, day, "notice")
    return day_end_files.notices_table(steps.delivery_notices(session, day, by=who, now=now)) if done else None


def _page(template: str = "day/day_end_steps.html", refusal: Refusal | None = None) -> tuple[str, int]:
    day, today = _day(), business_day(services().now())
    with unhurried(), read_only(services().sessions) as session:
        listed = {kind: day_exceptions(session, day, kind) for kind in KINDS}
        ordered = session.scalar(
            select(OrderRow.id).where(OrderRow.business_day == day, OrderRow.number.is_not(None)).limit(1)
        )
        page = render_template(
            template,
            day=day,
            today=today,
            checklist=checklist(session, day),
            listed=listed,
            has_orders=ordered is not None,
            unclosed=unclosed_days(session, today),
            words=day_end_texts,
            refusal=refusal,
            me=staff().name,
            rows_shown=ROWS_SHOWN,
            reason_max=REASON_MAX_CHARS,
        )
    return page, 422 if refusal is not None else 200
