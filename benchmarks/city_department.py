"""The work of a city's department around its calls, to be put into a `benchmarks.city_database`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from benchmarks.city_database import NOW, TODAY, WEEKS, City, SavedOrder, customer_code, moment
from orders.book.models import OrderChange
from orders.channels.models import ProxyEntry, WebFollowUp, WebOrderRow
from orders.day_end.models import DayStepDone, SettlementBatch, SettlementLine
from orders.day_end.steps import STEPS
from orders.models import SettingChange, SignInAlarm
from orders.outbound.models import MissedCall, MissedCallNote, VisitRow
from orders.reporting.models import DepartmentReport, ReportStep
from orders.staff.models import Feedback, FeedbackStep, Notice
from orders.supply.models import LimitBatch, LimitChange


def fill_department(city: City, orders: Sequence[SavedOrder]) -> None:
    """Missed calls and visits, web orders, lists, changes, feedback, reports, settings, closed days."""
    _missed_calls(city, orders)
    _channels(city, orders)
    _changes(city, orders)
    _feedback(city)
    _reports(city)
    _settings(city)
    _closed_days(city, orders)


def _missed_calls(city: City, orders: Sequence[SavedOrder]) -> None:
    """The retailers that were due and have no order, and 150 of today's; a third of each is visited."""
    ordered = {(order.retailer_id, order.day) for order in orders}
    monday = TODAY - timedelta(weeks=WEEKS)
    missed = [
        (retailer_id, monday + timedelta(weeks=weeks, days=weekday))
        for weeks in range(WEEKS)
        for weekday in range(5)
        for retailer_id in city.due(weekday)
        if (retailer_id, monday + timedelta(weeks=weeks, days=weekday)) not in ordered
    ]
    missed += [(number, TODAY) for number in city.due(0)[-city.share(150) :]]
    remedies = ("supplementary", "visit", "next_cycle")
    rows = [
        {
            "id": number,
            "retailer_id": retailer_id,
            "missed_on": day,
            "reason": ("absent", "phone_fault")[number % 2],
            "remedy": remedies[number % 3],
            # The visits of Friday are made today.
            "remedy_day": TODAY if (TODAY - day).days <= 3 else day + timedelta(days=1),
        }
        for number, (retailer_id, day) in enumerate(missed, 1)
    ]
    city.insert(MissedCall, rows)
    city.insert(
        MissedCallNote,
        (
            {
                "id": row["id"],
                "missed_call_id": row["id"],
                "at": moment(row["missed_on"], 17.5),
                "by": "赵红霞",
                "reason": row["reason"],
                "remedy": row["remedy"],
                "remedy_day": row["remedy_day"],
                "note": "电话没有人接，下午再打一次。",
            }
            for row in rows
        ),
    )
    city.insert(
        VisitRow,
        (
            {
                "id": number,
                "missed_call_id": row["id"],
                "at": moment(row["remedy_day"], 15),
                "by": "孙建国",
                "outcome": "nothing_wanted",
            }
            for number, row in enumerate((row for row in rows if row["remedy"] == "visit"), 1)
            if row["remedy_day"] < TODAY
        ),
    )


def _channels(city: City, orders: Sequence[SavedOrder]) -> None:
    """Web orders as they came, cut and failed ones among them, the phone list and the proxy lists."""

    def web_order(number: int, order: SavedOrder) -> dict[str, Any]:
        failed, cut = number % 60 == 0, number % 30 == 1
        due = city.due(order.day.weekday())
        # Those with a failed web order and no other are called.
        sender = due[-1 - number % min(500, len(due))] if failed else order.retailer_id
        answer = {
            "state": "failed" if failed else "cut" if cut else "saved",
            "number": f"{order.day:%Y%m%d}{order.id:06d}",
            "lines": [
                {"barcode": barcode, "requested_packs": packs + 10, "granted_packs": packs, "reason": "limit"}
                for barcode, packs in order.packs.items()
            ],
        }
        return {
            "id": number,
            "channel": order.channel if order.channel == "mobile" else "web",
            "sender": "benchmark",
            "key": f"{number}",
            "customer_code": customer_code(sender),
            "requested_packs": order.packs,
            "business_day": order.day,
            "placed_at": order.saved_at,
            "received_at": order.saved_at,
            "state": answer["state"],
            "reason": "below_minimum" if failed else None,
            "order_id": None if failed else order.id,
            "answer": answer,
            "to_audit": cut,
            "audited_at": order.saved_at if cut and order.day != TODAY else None,
            "audited_by": "陈静" if cut and order.day != TODAY else None,
            "audit_note": "限量没错" if cut and order.day != TODAY else None,
        }

    sent = [order for order in orders if order.channel in ("web", "mobile")]
    city.insert(WebOrderRow, (web_order(number, order) for number, order in enumerate(sent, 1)))
    city.insert(
        WebFollowUp,
        (
            {
                "business_day": order.day,
                "retailer_id": order.retailer_id,
                "closed_at": order.saved_at,
                "closed_by": "李晓燕",
                "result": "declined",
                "note": "这个星期不要了",
            }
            for order in sent[::60]
        ),
    )
    city.insert(
        ProxyEntry,
        (
            {
                "business_day": order.day,
                "retailer_id": order.retailer_id,
                "customer_code": customer_code(order.retailer_id),
                "packs": order.packs,
                "retailer_signed": "张三",
                "department_head_signed": "李四",
                "deputy_manager_signed": "王五",
                "source": "list.csv",
                "listed_at": order.saved_at,
                "listed_by": "陈静",
            }
            for order in orders
            if order.channel == "proxy"
        ),
    )


def _changes(city: City, orders: Sequence[SavedOrder]) -> None:
    changed = [order for order in orders if order.state != "draft"][::150]
    changed += [order for order in orders if order.day == TODAY and order.state == "confirmed"][:: city.share(100)]
    city.insert(
        OrderChange,
        (
            {
                "id": number,
                "order_id": order.id,
                "lines": dict(list(order.packs.items())[1:]),
                "lines_before": order.packs,
                "reason": "客户来电说少要一种",
                "state": "requested" if order.day == TODAY else "approved",
                "requested_at": order.saved_at,
                "requested_by": "李晓燕",
                "decided_at": None if order.day == TODAY else order.saved_at,
                "decided_by": None if order.day == TODAY else "赵红霞",
            }
            for number, order in enumerate({order.id: order for order in changed}.values(), 1)
        ),
    )


def _feedback(city: City) -> None:
    operators, rows = city.staff["operator"], range(1, city.share(3_000) + 1)
    city.insert(
        Feedback,
        (
            {
                "id": number,
                "retailer_id": 1 + number % city.size,
                "kind": ("supply", "delivery", "quality", "service", "other")[number % 5],
                "text": "想多要一点紧俏的烟，上个月说过一次，请客户经理来一趟。",
                "state": "waiting" if number % 25 == 0 else "answered",
                "waits_for": ("leader", "manager", "director")[number % 3] if number % 25 == 0 else None,
                "recorded_at": NOW - timedelta(minutes=15 * (rows.stop - number)),
                "recorded_by": operators[number % len(operators)].id,
            }
            for number in rows
        ),
    )
    city.insert(
        FeedbackStep,
        (
            {
                "id": 2 * number + step,
                "feedback_id": number,
                "at": NOW - timedelta(minutes=15 * (rows.stop - number)),
                "by_id": operators[number % len(operators)].id,
                "step": ("noted", "passed_up" if number % 25 == 0 else "answered")[step],
                "to": "leader" if step and number % 25 == 0 else None,
                "text": "已经转给班长了",
            }
            for number in rows
            for step in (0, 1)
        ),
    )


def _reports(city: City) -> None:
    """A diary of every operator and working day, all of them signed but those of the last two days."""
    days = [day for day in (TODAY - timedelta(days=ago) for ago in range(WEEKS * 7, 0, -1)) if day.weekday() < 5]
    authors = city.staff["operator"]
    text = "# 电话订货日志\n\n" + "今天应订二百一十户，订上一百九十八户，订足率百分之九十六。\n\n" * 20
    rows = [
        {
            "id": number,
            "kind": "diary",
            "first": day,
            "last": day,
            "author_id": person.id,
            "text": text,
            "state": "submitted" if day >= TODAY - timedelta(days=4) else "approved",
            "waits_for": "leader" if day >= TODAY - timedelta(days=4) else None,
            "due_on": day + timedelta(days=1),
            "created_at": moment(day, 17),
        }
        for number, (day, person) in enumerate(((day, person) for day in days for person in authors), 1)
    ]
    city.insert(DepartmentReport, rows)
    city.insert(
        ReportStep,
        (
            {
                "id": 2 * row["id"] + place,
                "report_id": row["id"],
                "at": row["created_at"],
                "by_id": row["author_id"],
                "role": "operator",
                "step": step,
                "text": text if place else None,
            }
            for row in rows
            for place, step in enumerate(("drafted", "submitted"))
        ),
    )
    city.insert(
        Notice,
        (
            {
                "id": number,
                "kind": "promotion",
                "text": "本周新品上柜，每通电话介绍一次；客户不要，不多劝。",
                "first": TODAY - timedelta(days=number),
                "last": TODAY + timedelta(days=1 if number < 4 else -number),
                "written_at": NOW - timedelta(days=number),
                "written_by": "赵红霞",
            }
            for number in range(1, 60)
        ),
    )


def _settings(city: City) -> None:
    """Changes of retailers by imports, batches of limits, labels of turns, alarms."""
    city.insert(
        SettingChange,
        (
            {
                "id": number,
                "at": NOW - timedelta(minutes=2 * number),
                "by": "陈静",
                "reason": "每月的客户档案",
                "subject": "retailer",
                "name": customer_code(1 + number % city.size),
                "before": {"grade": 3, "route": "5号线"},
                "after": {"grade": 4, "route": "6号线"},
            }
            for number in range(1, city.share(20_000) + 1)
        ),
    )
    city.insert(
        LimitBatch,
        (
            {
                "id": number,
                "business_day": TODAY - timedelta(days=number - 1),
                "at": NOW - timedelta(days=number),
                "by": "孙建国",
                "reason": "下周的限量",
                "source": "limits.csv",
                "added": 0 if number > 1 else 100 * city.size,
                "changed": city.size if number == 1 else 0,
                "unchanged": 0,
            }
            for number in range(1, 21)
        ),
    )
    barcode = city.specs[0].barcode
    city.insert(
        LimitChange,
        (
            {
                "batch_id": 1,
                "retailer_id": number,
                "cycle_start": TODAY,
                "barcode": barcode,
                "before_packs": 200,
                "after_packs": 300,
            }
            for number in range(1, city.size + 1)
        ),
    )
    city.insert(
        SignInAlarm,
        (
            {
                "id": number,
                "kind": "retailer",
                "subject": customer_code(number),
                "raised_at": NOW - timedelta(hours=number),
                "last_at": NOW - timedelta(hours=number),
                "tries": 12,
                "settled_at": NOW if number > 4 else None,
                "settled_by": "赵红霞" if number > 4 else None,
            }
            for number in range(1, 300)
        ),
    )


def _closed_days(city: City, orders: Sequence[SavedOrder]) -> None:
    days = sorted({order.day for order in orders} - {TODAY})
    city.insert(
        DayStepDone,
        (
            {"business_day": day, "step": step, "at": moment(day, 18 + place / 10), "by": "赵红霞", "detail": {}}
            for day in days
            for place, step in enumerate(STEPS)
        ),
    )
    city.insert(
        SettlementBatch,
        (
            {"id": n, "business_day": day, "number": 1, "created_at": moment(day, 18), "created_by": "赵红霞"}
            for n, day in enumerate(days, 1)
        ),
    )
    batches = {day: number for number, day in enumerate(days, 1)}
    city.insert(
        SettlementLine,
        (
            {
                "batch_id": batches[order.day],
                "order_id": order.id,
                "amount_fen": order.amount_fen,
                "result": "paid",
                "answered_at": moment(order.day, 18.2),
            }
            for order in orders
            if order.day != TODAY
        ),
    )
