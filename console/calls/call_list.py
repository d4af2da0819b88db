"""The list of calls: narrowed down by day, shop or number, direction, operator and result, sorted, in pages, and as a
file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import cast, get_args

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from callflows.state import OUTBOUND
from clock import SHANGHAI
from console import texts
from console.authentication import may, requires_task
from console.calls.lists import address, file_name, requested_sorting, requested_text
from console.dates import requested_days
from console.desk.retailer_search import matches
from console.filters import local_date_time, masked
from console.language import _
from console.numbers import parse_whole
from console.paging import requested_page
from console.uploads import export_table
from ivr.figures.call_export import ExportedCall, exported_calls
from ivr.figures.call_search import SORTS, CallQuery, Direction, call_keys, count_calls, find_calls, operators_of
from ivr.services import services
from storage import read_only


@dataclass(frozen=True, slots=True)
class _Asked:
    """The days asked for, and the query for their calls."""

    first: date
    last: date
    query: CallQuery


def add_call_list(routes: Blueprint) -> None:
    """Add the list of calls and its file."""

    @routes.get("/calls")
    @requires_task("see_day")
    def calls() -> ResponseReturnValue:
        asked, sorting, now = _requested(), requested_sorting(SORTS, "time"), services().now()
        query = asked.query
        with read_only(services().sessions) as session:
            sort, down = sorting.column, sorting.descending
            keys = call_keys(session, query, now, sort=sort, descending=down) if query.result else None
            page = requested_page(count_calls(session, query, now) if keys is None else len(keys))
            shown = keys[page.first : page.first + page.size] if keys is not None else None
            found = find_calls(
                session, query, now, sort=sort, descending=down, first=page.first, most=page.size, among=shown
            )
            operators = operators_of(session, query.begins, query.ends)
        return render_template(
            "calls/calls.html",
            asked=asked,
            text=requested_text(),
            page=page,
            rows=found,
            sorting=sorting,
            operators=[(person.id, person.name) for person in operators],
            export=address(url_for("console.book.export_calls"), page=None) if may("reports") else "",
        )

    @routes.get("/calls/export")
    @requires_task("reports")
    def export_calls() -> ResponseReturnValue:
        """All the calls that are listed, in the same order, one a row; numbers have only their last digits."""
        asked, sorting = _requested(), requested_sorting(SORTS, "time")
        with read_only(services().sessions) as session:
            found = list(
                exported_calls(
                    session, asked.query, services().now(), sort=sorting.column, descending=sorting.descending
                )
            )
        columns = (
            *(_("时间"), _("方向"), _("客户代码"), _("店名"), _("电话号码"), _("结果"), _("转人工")),
            *(_("订货员"), _("订单号"), _("几轮"), _("秒数")),
        )
        name = file_name("calls", asked.first, asked.last)
        return export_table(name, request.args.get("kind", "csv"), columns, _file_rows(found))


def _requested() -> _Asked:
    first, last = requested_days()
    text = requested_text()
    begins = datetime.combine(first, time(), SHANGHAI).astimezone(UTC)
    ends = datetime.combine(last + timedelta(days=1), time(), SHANGHAI).astimezone(UTC)
    operator = request.args.get("operator", "")
    direction, result = request.args.get("direction", ""), request.args.get("result", "")
    return _Asked(
        first,
        last,
        CallQuery(
            begins,
            ends,
            direction=cast("Direction", direction) if direction in get_args(Direction) else "",
            result=result if result in texts.call_results else "",
            operator=parse_whole(operator),
            digits=text if text.removeprefix("+").isdigit() else "",
            shop=matches(text) if text else None,
        ),
    )


def _file_rows(found: Sequence[ExportedCall]) -> Iterator[tuple[object, ...]]:
    words = {value: str(text) for value, text in (*texts.call_results.items(), *texts.ticket_reasons.items())}
    inbound, outbound = str(texts.call_directions["inbound"]), str(texts.call_directions["outbound"])
    for one in found:
        yield (
            local_date_time(one.started_at),
            outbound if one.flow == OUTBOUND else inbound,
            one.customer_code,
            one.shop,
            masked(one.caller),
            words[one.result],
            words.get(one.reason, one.reason) if one.reason else "",
            one.operator,
            one.order_number,
            one.turns,
            int((one.ended_at - one.started_at).total_seconds()) if one.ended_at else "",
        )
