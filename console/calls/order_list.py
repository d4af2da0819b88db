"""The list of orders: narrowed down by day, shop, state, channel and operator, sorted, in pages, and as a file."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from flask import Blueprint, render_template, request, url_for
from flask.typing import ResponseReturnValue

from console import texts
from console.authentication import may, own_shops, requires_task
from console.calls.lists import address, file_name, requested_sorting, requested_text
from console.dates import requested_days
from console.desk.retailer_search import matches
from console.filters import local_date_time
from console.language import _
from console.paging import requested_page
from console.uploads import export_table
from orders.book.order_search import (
    SORTS,
    ExportedOrder,
    OrderQuery,
    count_by_state,
    exported_orders,
    find_orders,
    savers,
)


def add_order_list(routes: Blueprint) -> None:
    """Add the list of orders and its file."""

    @routes.get("/orders")
    @requires_task("see_shops")
    def orders() -> ResponseReturnValue:
        query, sorting = _requested_query(), requested_sorting(SORTS, "number")
        with own_shops() as session:
            counts = count_by_state(session, query)
            page = requested_page(_count(query, counts))
            found = find_orders(
                session,
                query,
                sort=sorting.column,
                descending=sorting.descending,
                first=page.first,
                most=page.size,
            )
            names = savers(session, query.first, query.last)
        return render_template(
            "calls/orders.html",
            query=query,
            text=requested_text(),
            counts=counts,
            page=page,
            rows=found,
            sorting=sorting,
            savers=[(name, name) for name in names],
            export=address(url_for("console.book.export_orders"), page=None) if may("export_orders") else "",
        )

    @routes.get("/orders/export")
    @requires_task("export_orders")
    def export_orders() -> ResponseReturnValue:
        """All the orders that are listed, in the same order, one a row."""
        query, sorting = _requested_query(), requested_sorting(SORTS, "number")
        with own_shops() as session:
            found = list(exported_orders(session, query, sort=sorting.column, descending=sorting.descending))
        columns = (
            *(_("订单号"), _("日期"), _("客户代码"), _("店名"), _("状态"), _("渠道")),
            *(_("条数"), _("金额（元）"), _("保存时间"), _("保存人")),
        )
        name = file_name("orders", query.first, query.last)
        return export_table(name, request.args.get("kind", "csv"), columns, _file_rows(found))


def _requested_query() -> OrderQuery:
    first, last = requested_days()
    state, channel, text = request.args.get("state", ""), request.args.get("channel", ""), requested_text()
    return OrderQuery(
        first,
        last,
        state=state if state in texts.order_states else "",
        channel=channel if channel in texts.channels else "",
        saved_by=request.args.get("by", ""),
        number=text,
        shop=matches(text) if text else None,
    )


def _count(query: OrderQuery, counts: dict[str, int]) -> int:
    """The orders a query lists, of the counts by state."""
    return counts.get(query.state, 0) if query.state else sum(counts.values()) - counts.get("lapsed", 0)


def _file_rows(found: Sequence[ExportedOrder]) -> Iterator[tuple[object, ...]]:
    words = {value: str(text) for value, text in (*texts.order_states.items(), *texts.channels.items())}
    for order in found:
        yield (
            order.number or "",
            order.business_day.isoformat(),
            order.customer_code,
            order.shop,
            words.get(order.state, order.state),
            words.get(order.channel, order.channel),
            order.packs / 10,
            order.amount_fen / 100,
            local_date_time(order.confirmed_at),
            order.saved_by or "",
        )
