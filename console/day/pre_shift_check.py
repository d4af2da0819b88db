"""The pre-shift check (AY 4.1.3) of everything a day of calls needs, with a remedy for each problem."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Literal

import requests
from sqlalchemy import exists, func, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clock import local
from console.filters import time_of_day
from console.language import _
from ivr.carrier import CarrierError
from ivr.services import Services
from orders.models import HotlineRow
from orders.retailers.lookup import due_on
from orders.retailers.models import RetailerRow
from orders.staff import seats
from orders.supply.locking import LOCKED_FROM
from orders.supply.models import Limit, Supply
from orders.windows import Window, business_day
from storage import read_only, tables_state

REACH_TIMEOUT_S = 3.0

CheckState = Literal["good", "warn", "bad"]


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check: its state, and the remedy if it is not good."""

    name: str
    state: CheckState
    message: str
    remedy: str = ""


def checks(services: Services) -> list[Check]:
    """All checks, in the order in which things are needed. Without the database nothing else can be checked."""
    base = _database(services)
    if base.state == "bad":
        return [base]
    with read_only(services.sessions) as session:
        stock = [_limits(session, services), _supply(session, services)]
        hours, seat_check = _hours(session, services), _seats(session, services)
    return [base, _server(services), hours, _recognition(services), _carrier(services), *stock, seat_check]


def _database(services: Services) -> Check:
    name = _("数据库")
    try:
        with read_only(services.sessions) as session:
            state = tables_state(session)
        if state != "older":
            return Check(name, "good", _("连得上，表是最新的。"))
    except SQLAlchemyError as error:
        return Check(
            name, "bad", _("用不了：%(error)s", error=type(error).__name__), _("请找系统管理员，今天先用纸记。")
        )
    return Check(name, "bad", _("表不是这个版本的。"), _("请系统管理员运行 flask --app app migrate，再重新启动。"))


def _server(services: Services) -> Check:
    name, address = _("热线"), services.settings.public_base_url
    if is_reachable(f"{address}/healthz"):
        return Check(name, "good", _("%(address)s 有应答。", address=address))
    return Check(
        name,
        "bad",
        _("%(address)s 没有应答，电话可能打不进来。", address=address),
        _("请系统管理员看服务器、域名和代理是不是好的。"),
    )


def is_reachable(url: str) -> bool:
    """True if the server at this address responds that it can take calls."""
    try:
        return requests.get(url, timeout=REACH_TIMEOUT_S).ok
    except requests.RequestException:
        return False


def _hours(session: Session, services: Services) -> Check:
    name, now = _("热线时间"), services.now()
    rows = session.scalars(select(HotlineRow).where(HotlineRow.kind == "regular")).all()
    if not rows:
        return Check(name, "bad", _("一条热线也没有登记。"), _("请系统管理员运行 flask --app app hotline 登记号码。"))
    hours = "、".join(f"{row.name} {time_of_day(row.opens)}–{time_of_day(row.closes)}" for row in rows)
    if any(Window(row.opens, row.closes).day_at(now) for row in rows):
        return Check(name, "good", _("正在接单：%(hours)s", hours=hours))
    return Check(
        name,
        "warn",
        _("现在不接单：%(hours)s", hours=hours),
        _("到点会自己开；时间不对请系统管理员改 hotline 的设置。"),
    )


def _recognition(services: Services) -> Check:
    name, recognition = _("语音识别"), services.recognition
    if recognition.available:
        return Check(name, "good", _("模型已装好，能听。"))
    if recognition.problem is None:
        return Check(name, "warn", _("设置成只用按键。"), _("客户要按键订货；要听说话，请系统管理员改 LISTEN_MODE。"))
    return Check(
        name,
        "bad",
        _("没有语音模型，热线只能按键。"),
        _("照常上班，告诉客户按键或者转人工；请系统管理员运行 make model。"),
    )


def _carrier(services: Services) -> Check:
    name = _("电话公司")
    try:
        services.line.carrier.check()
    except CarrierError:
        return Check(
            name,
            "bad",
            _("联系不上，或者账号不对。"),
            _("接通的电话转不了人工；请系统管理员看网络和电话账号的设置。"),
        )
    return Check(name, "good", _("连得上，账号可用。"))


def _limits(session: Session, services: Services) -> Check:
    name, now = _("客户限量"), services.now()
    today = business_day(now)
    due = due_on(session, today)
    limited = _with_limits(session, due)
    if limited < len(due):
        return Check(
            name,
            "bad",
            _("今天应订%(due)d户，其中%(without)d户没有限量，订不了货。", due=len(due), without=len(due) - limited),
            _("请货源管理员在“货源和限量”里导入。"),
        )
    locks = local(LOCKED_FROM.opens_at(today)).strftime("%H:%M")
    if now < LOCKED_FROM.opens_at(today):
        return Check(name, "warn", _("都有了，%(time)s 锁定。", time=locks), _("还会变；锁定以后再报给客户。"))
    return Check(name, "good", _("应订%(due)d户都有限量，%(time)s 已锁定。", due=len(due), time=locks))


def _with_limits(session: Session, due: Mapping[int, date]) -> int:
    """The number of due retailers with at least one limit; each costs one look-up in the index of the limits."""
    starts: dict[date, list[int]] = {}
    for retailer_id, start in due.items():
        starts.setdefault(start, []).append(retailer_id)
    return sum(
        session.scalar(
            select(func.count())
            .select_from(RetailerRow)
            .where(
                RetailerRow.id.in_(part),
                exists().where(Limit.retailer_id == RetailerRow.id, Limit.cycle_start == start),
            )
        )
        or 0
        for start, ids in starts.items()
        for part in _chunks(ids)
    )


def _chunks(ids: list[int], most: int = 5_000) -> Iterator[list[int]]:
    # A database accepts a limited number of parameters in one query, and a city has more due retailers than that.
    for first in range(0, len(ids), most):
        yield ids[first : first + most]


def _supply(session: Session, services: Services) -> Check:
    name = _("货源")
    count = session.scalar(
        select(func.count()).select_from(Supply).where(Supply.business_day == business_day(services.now()))
    )
    if count:
        return Check(name, "good", _("今天有%(count)d个品规。", count=count))
    return Check(name, "bad", _("今天还没有货源。"), _("请货源管理员在“货源和限量”里导入；没有货源，谁也订不了。"))


def _seats(session: Session, services: Services) -> Check:
    name = _("席位")
    seated = [f"{row.seat} {person.name}" for row, person in seats.occupied_seats(session, services.now())]
    if seated:
        return Check(name, "good", "、".join(seated))
    return Check(name, "warn", _("还没有人坐下。"), _("订货员点右上角的“没有席位”，填席位号。"))
