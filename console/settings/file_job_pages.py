"""Long files: uploaded in parts by the page, worked on by a process of their own, with progress and a result to come
back to."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, get_args

from flask import Blueprint, abort, jsonify, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from brand_catalog.sheets import RowProblem
from console.authentication import may, requires_task, staff
from console.dates import parse_date
from console.language import _
from console.numbers import parse_whole
from console.paging import Page
from console.uploads import SUFFIXES
from ivr.services import services
from orders.audit_log import AuditEntry
from orders.channels.models import OrderSource
from orders.file_jobs import jobs
from orders.file_jobs.jobs import PART_BYTES, PartRefused
from orders.file_jobs.models import FileJob, FileKind
from orders.models import REASON_MAX_CHARS
from orders.staff.models import Task
from orders.supply.limits import DIFFERENCES_ON_PAGE, FigureChange, LimitsResult
from orders.windows import business_day
from plain_text import one_line, printable
from storage import read_only, transaction

JOBS_SHOWN = 50
# A file that waits this long while no other is worked on waits for a process that does not run.
FORGOTTEN_AFTER = timedelta(seconds=30)
TASKS: dict[FileKind, Task] = {"limits": "edit_supply", "retailers": "edit_retailers", "orders": "audit_orders"}
RUNNING = ("uploading", "waiting", "running")


def file_job_routes() -> Blueprint:
    """The long files, and the one that is being uploaded or worked on."""
    routes = Blueprint("file_jobs", __name__, url_prefix="/file-jobs")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            found = jobs.recent_jobs(session, JOBS_SHOWN)
        return render_template("settings/file_jobs.html", jobs=found)

    @routes.post("")
    @requires_task("see_day")
    def begin() -> ResponseReturnValue:
        """A new job for a file whose parts follow: their address, their size, and the address of the job's page."""
        kind = next((one for one in get_args(FileKind) if one == request.form.get("kind")), None)
        if kind is None or not may(TASKS[kind]):
            abort(403)
        name, now = printable(one_line(request.form.get("file_name", ""))), services().now()
        size = parse_whole(request.form.get("size")) or 0
        # Orders of another system have no preview: each has its own answer, and none is entered twice.
        is_import = kind == "orders" or "apply" in request.form
        why = request.form.get("why", "").strip()[:REASON_MAX_CHARS]
        day = parse_date(request.form.get("day")) if kind == "limits" else business_day(now)
        if not name.lower().endswith(tuple(SUFFIXES)):
            return _("请选一个 CSV 或 XLSX 文件。"), 422
        if day is None:
            return _("请选一个日期。"), 422
        if is_import and not why and kind != "orders":
            return _("请写明原因，记录里要用。"), 422
        try:
            with transaction(services().sessions) as session:
                job = jobs.begin_job(session, kind, name, size, day, why, is_import=is_import, by=staff().name, now=now)
                number = job.id
                if kind == "orders":
                    source = session.get(OrderSource, parse_whole(request.form.get("source")) or 0)
                    jobs.assign_source(session, job, source or abort(422, _("请选文件是哪个系统的。")), now)
        except PartRefused:
            return _("文件是空的，或者太大。最大128兆字节。"), 422
        parts, own_page = (url_for(f"console.file_jobs.{one}", number=number) for one in ("part", "job"))
        return jsonify(parts=parts, page=own_page, part_bytes=PART_BYTES)

    @routes.post("/<int:number>/parts")
    @requires_task("see_day")
    def part(number: int) -> ResponseReturnValue:
        """Keep part `n` of a file, by whoever began it; the same one again changes nothing."""
        content, which = request.get_data(), parse_whole(request.args.get("n"))
        with transaction(services().sessions) as session:
            job = _job(session, number)
            if job.by != staff().name:
                abort(403)
            try:
                if which is None:
                    raise PartRefused
                jobs.add_part(session, job, which, content, services().now())
            except PartRefused:
                return _("文件没有传完整，请再选一次文件。"), 422
        return "", 204

    @routes.get("/<int:number>")
    @requires_task("see_day")
    def job(number: int) -> ResponseReturnValue:
        """How far a job is, or what came of it: a page, or a part of one that asks again while it goes on."""
        now = services().now()
        with read_only(services().sessions) as session:
            found = _job(session, number)
            is_forgotten = found.state == "waiting" and now - found.seen_at > FORGOTTEN_AFTER
            no_process = is_forgotten and not jobs.is_worked_on(session, now)
        is_part = bool(request.headers.get("HX-Request"))
        template = "settings/file_job_state.html" if is_part else "settings/file_job.html"
        return render_template(
            template, job=found, is_going_on=found.state in RUNNING, no_process=no_process, **_outcome(found)
        )

    return routes


def _job(session: Session, number: int) -> FileJob:
    found = session.get(FileJob, number)
    if found is None:
        abort(404)
    return found


def _outcome(job: FileJob) -> dict[str, Any]:
    """What the templates of an import at once are given."""
    result = dict(job.result)
    if job.state == "refused":
        return {
            "problems": [RowProblem(**one) for one in result.get("problems", ())],
            "below": result.get("below", ()),
            "locked": job.business_day if result.get("locked") else None,
            "over": job.business_day if result.get("over") else None,
        }
    if job.state != "done":
        return {}
    shared = {"applied": job.is_import, "day": job.business_day}
    if job.kind == "orders":
        return {"done": result}
    if job.kind == "limits":
        for name in ("differences", "supply"):
            result[name] = tuple(FigureChange(**one) for one in result[name])
        return shared | {
            "done": LimitsResult(**result),
            "shown": Page(1, DIFFERENCES_ON_PAGE, len(result["differences"])),
        }
    at, by, why = job.begun_at, job.by, job.why
    entries = [
        AuditEntry(at, by, why, "retailer", one["code"], None, one["before"], one["after"]) for one in result["first"]
    ]
    return shared | {"done": result, "entries": entries}
