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
class NavLink:
    """One page of the navigation bar: its endpoint, its label, and the task required to see it."""

    endpoint: str
    label: Any
    task: Task

    @property
    def url(self) -> str:
        return url_for(self.endpoint)

    @property
    def is_visible(self) -> bool:
        return may(self.task)


@dataclass(frozen=True, slots=True)
class NavGroup:
    """Pages that belong together; the group's label links to the first of them."""

    label: Any
    links: tuple[NavLink, ...]


GROUPS: tuple[NavGroup, ...] = (
    NavGroup(
        lazy_gettext("热线"),
        (
            NavLink("console.brief.page", lazy_gettext("今日简报"), "see_day"),
            NavLink("console.desk.page", lazy_gettext("接电话"), "take_calls"),
            NavLink("console.operator_script.page", lazy_gettext("服务用语"), "take_calls"),
            NavLink("console.outbound.page", lazy_gettext("外呼"), "run_outbound"),
            NavLink("console.book.calls", lazy_gettext("来电"), "see_day"),
            NavLink("console.turn_review.labelled_recordings", lazy_gettext("测试录音"), "hear_recordings"),
        ),
    ),
    NavGroup(
        lazy_gettext("订货"),
        (
            NavLink("console.today.page", lazy_gettext("今天"), "see_day"),
            NavLink("console.unreached.page", lazy_gettext("未接通"), "see_shops"),
            NavLink("console.visits.page", lazy_gettext("上门订货"), "see_shops"),
            NavLink("console.proxy.page", lazy_gettext("代订名单"), "see_shops"),
            NavLink("console.web_orders.page", lazy_gettext("网上订单"), "see_day"),
            NavLink("console.book.orders", lazy_gettext("订单"), "see_shops"),
            NavLink("console.order_changes.page", lazy_gettext("改单申请"), "see_day"),
            NavLink("console.day_end.page", lazy_gettext("日结"), "end_day"),
            NavLink("console.deliveries.page", lazy_gettext("送货"), "see_day"),
        ),
    ),
    NavGroup(
        lazy_gettext("客户"),
        (
            NavLink("console.retailers.page", lazy_gettext("客户"), "see_shops"),
            NavLink("console.feedback.page", lazy_gettext("客户要求"), "see_shops"),
        ),
    ),
    NavGroup(
        lazy_gettext("货源"),
        (
            NavLink("console.supply.page", lazy_gettext("货源和限量"), "see_day"),
            NavLink("console.allocation.page", lazy_gettext("货源分配"), "see_day"),
            NavLink("console.late_changes.page", lazy_gettext("锁定后的改动"), "see_day"),
            NavLink("console.substitutes.page", lazy_gettext("缺货时推荐"), "see_day"),
            NavLink("console.spoken_names.page", lazy_gettext("品规"), "see_day"),
            NavLink("console.catalog_files.page", lazy_gettext("目录导入"), "see_day"),
        ),
    ),
    NavGroup(
        lazy_gettext("设置"),
        (
            NavLink("console.department.page", lazy_gettext("规则"), "see_day"),
            NavLink("console.hotlines.page", lazy_gettext("热线号码"), "see_day"),
            NavLink("console.hours.page", lazy_gettext("时间和节假日"), "see_day"),
            NavLink("console.order_imports.page", lazy_gettext("订单导入"), "see_day"),
            NavLink("console.staff.page", lazy_gettext("人员"), "manage_staff"),
            NavLink("console.department.audit_log", lazy_gettext("操作记录"), "see_day"),
        ),
    ),
    NavGroup(
        lazy_gettext("报表"),
        (
            NavLink("console.reports.page", lazy_gettext("报表"), "area_reports"),
            NavLink("console.department_reports.page", lazy_gettext("日志和报告"), "see_shops"),
            NavLink("console.meetings.page", lazy_gettext("晨会和培训"), "see_day"),
            NavLink("console.assessments.page", lazy_gettext("月考核"), "see_day"),
        ),
    ),
)


@dataclass(frozen=True, slots=True)
class NavBar:
    """The navigation bar of one page: all groups, and the group and the link of the page itself."""

    groups: Sequence[NavGroup]
    group: NavGroup | None
    current: NavLink | None


def nav_bar() -> NavBar:
    """The navigation bar for the signed-in staff member and the requested page."""
    groups = [
        NavGroup(group.label, links)
        for group in GROUPS
        if (links := tuple(link for link in group.links if link.is_visible))
    ]
    current = max(
        (link for group in groups for link in group.links if _is_current(link)),
        key=lambda link: len(link.url),
        default=None,
    )
    return NavBar(groups, next((group for group in groups if current in group.links), None), current)


def first_page() -> str:
    """The address of the first page the signed-in staff member may see."""
    return next(link.url for group in GROUPS for link in group.links if link.is_visible)


def _is_current(link: NavLink) -> bool:
    return request.path == link.url or request.path.startswith(f"{link.url}/")
