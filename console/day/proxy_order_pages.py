"""The day's signed list of proxy orders: previewed, entered, and shown with each retailer's result (AY 4.1.8)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from flask import Blueprint, Response, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.sheets import SheetError
from clock import local
from console.authentication import may, own_shops, requires_task, staff
from console.language import _
from console.uploads import as_file, is_table
from ivr.services import services
from orders.book import holds
from orders.book.eligibility import terms_of_channel
from orders.channels import proxy_list
from orders.channels.models import ProxyEntry, ProxyScan, WebOrderRow
from orders.channels.proxy_list import SENDER, ProxyListRefused
from orders.channels.proxy_scans import NoScan, has_scan, keep_scan, scans_of
from orders.retailers.models import RetailerRow
from orders.windows import business_day
from storage import dry_run, read_only, retry_on_deadlock, transaction

# Orders of a list that are tried in one transaction.
TRIED_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class ListedRetailer:
    """One retailer of the list, with the result of its order, entered or previewed."""

    entry: ProxyEntry
    retailer: RetailerRow
    order: WebOrderRow | None


def proxy_routes() -> Blueprint:
    """The page of today's signed list."""
    routes = Blueprint("proxy", __name__, url_prefix="/proxy")

    @routes.get("")
    @requires_task("see_shops")
    def page() -> ResponseReturnValue:
        with own_shops() as session:
            return _page(session, "day/proxy.html")

    @routes.post("")
    @requires_task("enter_lists")
    def import_file() -> ResponseReturnValue:
        """Preview the result of a list, or enter it with `apply`."""
        upload, apply = request.files.get("file"), "apply" in request.form
        if upload is None or not is_table(upload):
            return _refused(error=_("请选一个 CSV 或 XLSX 文件。"))
        with as_file(upload) as path:
            try:
                codes, previewed = _enter(path, _scans()) if apply else _preview(path)
            except SheetError as error:
                return _refused(problems=error.problems)
            except NoScan:
                return _refused(scan_error=_("扫描件要是 PDF、JPG 或 PNG 文件。"))
            except _ScanMissing:
                return _refused(scan_error=_("请选签过字的名单的扫描件，名单和它一起保存。"))
            except ProxyListRefused:
                return _refused(late=True)
        with own_shops() as session:
            return _page(session, "day/proxy_list.html", preview=previewed, entered=codes if apply else None)

    @routes.get("/scans/<int:number>")
    @requires_task("see_shops")
    def scan(number: int) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            kept = session.get(ProxyScan, number)
            if kept is None or _scans_by() not in (None, kept.kept_by):
                abort(404)
            answer = Response(kept.content, mimetype=kept.media_type)
            shown = "attachment" if kept.media_type == "application/pdf" else "inline"
            answer.headers.set("Content-Disposition", shown, filename=f"list-{kept.business_day}-{kept.id}")
        return answer

    return routes


class _ScanMissing(Exception):
    """A list is to be entered, and no scan of it was uploaded."""


def _scans() -> list[tuple[str, bytes]]:
    """The uploaded scans by their names."""
    return [(one.filename, one.read()) for one in request.files.getlist("scan") if one.filename]


def _scans_by() -> str | None:
    """The name of whoever kept the scans that may be seen: a scan shows all retailers of its list, so who has only some
    of the city's sees their own scans. None for those of everybody."""
    return None if may("see_day") else staff().name


def _refused(**variables: object) -> ResponseReturnValue:
    with own_shops() as session:
        return _page(session, "day/proxy_list.html", **variables), 422


def _read(path: Path) -> tuple[Catalog, list[proxy_list.ListedRetailer]]:
    # Of the retailers of others a list orders nothing: for whoever brings it there are none.
    with own_shops() as session:
        catalog = services().catalog(session)
        day = business_day(services().now())
        return catalog, proxy_list.read_list(session, path, catalog, day, by=staff().name)


def _preview(path: Path) -> tuple[list[str], list[ListedRetailer]]:
    """The result the list would have, limits and stock included; nothing is stored. A part of the list is tried at a
    time, with what the parts before it took of the stock, so that a long list delays no caller."""
    now, day = services().now(), business_day(services().now())
    catalog, listed = _read(path)
    taken: Counter[str] = Counter()

    @retry_on_deadlock
    def tried(part: Sequence[proxy_list.ListedRetailer]) -> tuple[list[ListedRetailer], Counter[str]]:
        took: Counter[str] = Counter()
        with dry_run(services().sessions) as session:
            codes = proxy_list.store_list(session, part, day, by=staff().name, source=path.name, now=now)
            holds.take_from_stock(session, day, taken)
            for code in codes:
                entered = proxy_list.enter_listed(session, catalog, day, code, now, by=staff().name)
                # What was entered before is out of the stock already.
                lines = [] if entered.repeated else entered.row.answer.get("lines", [])
                took.update({line["barcode"]: line["granted_packs"] for line in lines})
            found = [one for one in _listed(session, day) if one.entry.customer_code in codes]
            session.expunge_all()
        return found, took

    found: list[ListedRetailer] = []
    for start in range(0, len(listed), TRIED_AT_ONCE):
        part, took = tried(listed[start : start + TRIED_AT_ONCE])
        found += part
        taken += took
    return [one.retailer.customer_code for one in listed], sorted(found, key=lambda one: one.entry.customer_code)


def _enter(path: Path, scans: Sequence[tuple[str, bytes]]) -> tuple[list[str], None]:
    """Store the whole list with its scans, then enter each order in its own transaction, so that a long list delays
    no caller."""
    now, day = services().now(), business_day(services().now())
    catalog, listed = _read(path)
    with transaction(services().sessions) as session:
        codes = proxy_list.store_list(session, listed, day, by=staff().name, source=path.name, now=now)
        for name, content in scans:
            keep_scan(session, day, name, content, by=staff().name, now=now)
        if not has_scan(session, day, kept_by=_scans_by()):
            raise _ScanMissing

    @retry_on_deadlock
    def enter(code: str) -> None:
        with transaction(services().sessions) as session:
            proxy_list.enter_listed(session, catalog, day, code, now, by=staff().name)

    for code in codes:
        enter(code)
    return codes, None


def _listed(session: Session, day: date) -> Sequence[ListedRetailer]:
    entries = proxy_list.entries_of(session, day)
    rows = {
        row.key: row
        for row in session.scalars(
            select(WebOrderRow).where(WebOrderRow.sender == SENDER, WebOrderRow.business_day == day)
        )
    }
    numbers = [entry.retailer_id for entry in entries]
    retailers = {row.id: row for row in session.scalars(select(RetailerRow).where(RetailerRow.id.in_(numbers)))}
    return [
        ListedRetailer(
            entry,
            retailers[entry.retailer_id],
            rows.get(f"{day} {entry.customer_code}"),
        )
        for entry in entries
    ]


def _page(session: Session, template: str, **variables: object) -> str:
    now = services().now()
    day = business_day(now)
    window = terms_of_channel(session, "proxy").window
    return render_template(
        template,
        day=day,
        opens=f"{local(window.opens_at(day)):%H:%M}",
        closes=f"{local(window.closes_at(day)):%H:%M}",
        is_open=window.day_at(now) == day,
        listed=_listed(session, day),
        scans=scans_of(session, day, kept_by=_scans_by()),
        specs=services().catalog(session).specs,
        may_enter=may("enter_lists"),
        **variables,
    )
