"""The navigation bar: one table of its pages, in groups, each with the task it requires."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flask import request, url_for
from flask_babel import lazy_gettext

from console.authentication import may
from orders.staff.models import Task


@dataclass(frozen=True, slots=True)
class Door:
    """One page of the navigation bar: its endpoint, its label, and the task required to see it."""

    endpoint: str
    label: Any
    task: Task

    @property
    def address(self) -> str:
        return url_for(self.endpoint)

    @property
    def is_open(self) -> bool:
        return may(self.task)


@dataclass(frozen=True, slots=True)
class Group:
    """Pages that belong together; the group's label links to the first of them."""

    label: Any
    doors: tuple[Door, ...]


GROUPS: tuple[Group, ...] = (
    Group(
        lazy_gettext("热线"),
        (
            Door("console.brief.page", lazy_gettext("今日简报"), "see_day"),
            Door("console.desk.page", lazy_gettext("接电话"), "take_calls"),
            Door("console.outbound.page", lazy_gettext("外呼"), "run_outbound"),
            Door("console.book.calls", lazy_gettext("来电"), "see_day"),
            Door("console.meant.labelled", lazy_gettext("测试录音"), "hear_recordings"),
        ),
    ),
    Group(
        lazy_gettext("订货"),
        (
            Door("console.today.page", lazy_gettext("今天"), "see_day"),
            Door("console.missed.page", lazy_gettext("未接通"), "see_day"),
            Door("console.proxy.page", lazy_gettext("代订名单"), "see_day"),
            Door("console.web_orders.page", lazy_gettext("网上订单"), "see_day"),
            Door("console.book.orders", lazy_gettext("订单"), "see_day"),
        ),
    ),
    Group(
        lazy_gettext("客户"),
        (
            Door("console.retailers.page", lazy_gettext("客户"), "see_day"),
            Door("console.feedback.page", lazy_gettext("客户要求"), "see_day"),
        ),
    ),
    Group(
        lazy_gettext("货源"),
        (
            Door("console.supply.page", lazy_gettext("货源和限量"), "see_day"),
            Door("console.names.page", lazy_gettext("品规"), "see_day"),
            Door("console.catalog_files.page", lazy_gettext("目录导入"), "see_day"),
        ),
    ),
    Group(
        lazy_gettext("设置"),
        (
            Door("console.house.page", lazy_gettext("规则"), "see_day"),
            Door("console.hotlines.page", lazy_gettext("热线号码"), "see_day"),
            Door("console.hours.page", lazy_gettext("时间和节假日"), "see_day"),
            Door("console.house.changes", lazy_gettext("改过什么"), "see_day"),
        ),
    ),
    Group(
        lazy_gettext("报表"),
        (
            Door("console.reports.page", lazy_gettext("报表"), "reports"),
            Door("console.diaries.page", lazy_gettext("日志和报告"), "see_day"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class Bar:
    """The navigation bar of one page: all groups, and the group and the link of the page itself."""

    groups: Sequence[Group]
    group: Group | None
    here: Door | None


def bar() -> Bar:
    """The navigation bar for the signed-in staff member and the requested page."""
    groups = [
        Group(group.label, doors) for group in GROUPS if (doors := tuple(door for door in group.doors if door.is_open))
    ]
    here = max(
        (door for group in groups for door in group.doors if _leads_here(door)),
        key=lambda door: len(door.address),
        default=None,
    )
    return Bar(groups, next((group for group in groups if here in group.doors), None), here)


def _leads_here(door: Door) -> bool:
    return request.path == door.address or request.path.startswith(f"{door.address}/")
