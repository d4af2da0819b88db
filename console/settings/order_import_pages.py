"""The files of orders that other systems bring (AY 4.2.5.8): where they are taken from and how often, one uploaded by
hand, and what came of the last ones."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Blueprint, abort, render_template, request, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from console.authentication import may, requires_task, staff
from console.language import _
from console.numbers import parse_whole
from console.paging import requested_page
from console.uploads import file_name, is_table
from ivr.services import services
from orders import audit_log
from orders.channels.models import OrderSource
from orders.channels.order_sources import (
    EVERY_MINUTES,
    SENDER_MAX_CHARS,
    FileChannel,
    SourceRefused,
    SourceSettings,
    folder_name,
    look_now,
    order_sources,
    set_source,
)
from orders.file_jobs import jobs
from orders.file_jobs.jobs import PartRefused
from orders.models import REASON_MAX_CHARS
from orders.windows import business_day
from storage import read_only, transaction

RUNS_ON_PAGE, ENTRIES_SHOWN = 20, 10
# A folder that should have been looked into this long ago waits for a process that does not run.
FORGOTTEN_AFTER = timedelta(minutes=2)
CHANNELS: tuple[FileChannel, ...] = ("web", "mobile")


@dataclass
class SourceForm:
    """The values of the form; `errors` holds them by field name."""

    sender: str = ""
    channel: FileChannel = "web"
    folder: str = ""
    every_minutes: int = 30
    is_on: bool = True
    version: int = 0
    why: str = ""
    errors: dict[str, str] = field(default_factory=dict)


def order_import_routes() -> Blueprint:
    """The page of order files, and the form of each source."""
    routes = Blueprint("order_imports", __name__, url_prefix="/order-imports")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            shown = requested_page(jobs.count_order_jobs(session), RUNS_ON_PAGE)
            return render_template(
                "settings/order_imports.html",
                runs=jobs.order_jobs(session, shown.first, shown.size),
                shown=shown,
                entries=audit_log.entries(session, subject="order_source", limit=ENTRIES_SHOWN),
                **_sources(session),
            )

    @routes.get("/new")
    @requires_task("set_rules")
    def new() -> ResponseReturnValue:
        return render_template("settings/order_source.html", form=SourceForm(), number=None, **_choices())

    @routes.get("/<int:number>")
    @requires_task("set_rules")
    def source(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            row = _source(session, number)
        channel = next((one for one in CHANNELS if one == row.channel), CHANNELS[0])
        form = SourceForm(row.sender, channel, row.folder or "", row.every_minutes, row.is_on, row.version)
        return render_template("settings/order_source.html", form=form, number=number, **_choices())

    @routes.post("/new")
    @requires_task("set_rules")
    def add() -> ResponseReturnValue:
        return _save(None)

    @routes.post("/<int:number>")
    @requires_task("set_rules")
    def change(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            _source(session, number)
        return _save(number)

    @routes.post("/<int:number>/look")
    @requires_task("audit_orders")
    def look(number: int) -> ResponseReturnValue:
        """Have the files of a source taken now."""
        with transaction(services().sessions) as session:
            _source(session, number)
            look_now(session, number, services().now(), by=staff().name)
            return render_template("settings/order_sources.html", asked=number, **_sources(session))

    @routes.post("/upload")
    @requires_task("audit_orders")
    def upload() -> ResponseReturnValue:
        """Have one file taken that is uploaded whole; larger ones come in parts, see `file_job_pages`."""
        upload, now = request.files.get("file"), services().now()
        if upload is None or not is_table(upload):
            return _("请选一个 CSV 或 XLSX 文件。"), 422
        name, content = file_name(upload), upload.read()
        with transaction(services().sessions) as session:
            row = session.get(OrderSource, parse_whole(request.form.get("source")) or 0)
            if row is None:
                return _("请选文件是哪个系统的。"), 422
            try:
                job = jobs.begin_whole_job(
                    session, "orders", name, content, business_day(now), by=staff().name, now=now
                )
            except PartRefused:
                return _("文件是空的，或者太大。最大128兆字节。"), 422
            jobs.assign_source(session, job, row, now)
            return render_template("settings/file_job_state.html", job=job, is_going_on=True, no_process=False)

    return routes


def _source(session: Session, number: int) -> OrderSource:
    return session.get(OrderSource, number) or abort(404)


def _sources(session: Session) -> dict[str, Any]:
    """What the list of sources is shown with."""
    now, root = services().now(), services().settings.order_files_root
    rows = order_sources(session)
    return {
        "sources": rows,
        "has_root": root is not None,
        "no_process": root is not None and any(_is_forgotten(row, now) for row in rows),
        "may_edit": may("set_rules"),
        "may_upload": may("audit_orders"),
    }


def _is_forgotten(row: OrderSource, now: datetime) -> bool:
    # The next look counts from the change that switched it on.
    return row.is_on and row.folder is not None and now - row.next_look_at > FORGOTTEN_AFTER


def _choices() -> dict[str, Any]:
    root = services().settings.order_files_root
    return {
        "channels": CHANNELS,
        "every": EVERY_MINUTES,
        "root": root,
        "folders": [] if root is None else _folders(root),
    }


def _folders(root: Path) -> list[str]:
    """The folders right below the root that may be chosen, where this machine sees them."""
    try:
        found = [entry.name for entry in root.iterdir() if entry.is_dir() and not entry.is_symlink()]
    except OSError:
        return []
    return sorted(name for name in found if folder_name(name) == name)


def _save(number: int | None) -> ResponseReturnValue:
    """Store the source and return to the list, or show the form again with its errors."""
    form = _from_form()
    if not form.errors:
        to = SourceSettings(
            form.sender, form.channel, folder_name(form.folder) if form.folder else None, form.every_minutes, form.is_on
        )
        try:
            with transaction(services().sessions) as session:
                set_source(session, number, to, form.version, by=staff().name, why=form.why, now=services().now())
        except SourceRefused as refused:
            field_name, sentence = _refusals(refused.by)[refused.reason]
            form.errors[field_name] = sentence
    if form.errors:
        return render_template("settings/order_source_form.html", form=form, number=number, **_choices()), 422
    return "", 204, {"HX-Redirect": url_for("console.order_imports.page")}


def _from_form() -> SourceForm:
    typed, root = request.form, services().settings.order_files_root
    form = SourceForm(
        sender=typed.get("sender", "").strip(),
        channel=next((one for one in CHANNELS if one == typed.get("channel")), CHANNELS[0]),
        folder=typed.get("folder", "").strip(),
        every_minutes=parse_whole(typed.get("every_minutes")) or 0,
        is_on="is_on" in typed,
        version=parse_whole(typed.get("version")) or 0,
        why=typed.get("why", "").strip()[:REASON_MAX_CHARS],
    )
    if not 0 < len(form.sender) <= SENDER_MAX_CHARS:
        form.errors["sender"] = _("要写1到%(most)d个字。", most=SENDER_MAX_CHARS)
    if form.every_minutes not in EVERY_MINUTES:
        form.errors["every_minutes"] = _("请从名单里选。")
    if form.folder and root is None:
        form.errors["folder"] = _("管理员还没有设放文件的地方（ORDER_FILES_ROOT），现在只能上传文件。")
    elif form.folder and folder_name(form.folder) is None:
        form.errors["folder"] = _("只写管理员给的地方下面的文件夹名，像 mobile 或者 web/orders，不能写别处的路径。")
    if not form.why:
        form.errors["why"] = _("请写明原因，记录里要用。")
    return form


def _refusals(by: str) -> dict[str, tuple[str, str]]:
    """The field and the sentence by the reason of a refusal."""
    return {
        "sender_taken": ("sender", _("已经有这个来源了，请改它，或者换一个名称。")),
        "folder_taken": ("folder", _("这个文件夹已经是别的来源的，请另外选一个。")),
        "other_channel": ("channel", _("这个名称的网上订单令牌是另一个渠道的，请选那个渠道，或者换一个名称。")),
        "stale": ("why", _("%(name)s刚改过这个来源，没有保存。请重新打开这一页，看了再改。", name=by)),
    }
