"""The data of the demo: a catalogue, retailers in different situations, and a day's supply. Every figure is made up."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

import brand_catalog
from brand_catalog.catalog import Catalog, Spec
from brand_catalog.importing import import_catalog, read_catalog_file
from brand_catalog.loading import load_catalog
from brand_catalog.models import CatalogVersion
from clock import SHANGHAI
from orders.book.desk import Desk
from orders.book.models import OrderLineRow, OrderRow, Substitute
from orders.demo.demo_staff import DEMO_COUNTY, DEMO_MANAGER
from orders.department_rules import REGISTERED_NUMBER_PINS
from orders.hotline_settings import MINUTES_A_DAY
from orders.lockout import hash_secret
from orders.models import CalendarDay, DepartmentRule, HotlineRow
from orders.money import amount_fen
from orders.outbound.models import ALL_BATCHES, MissedCall, OutboundWindow
from orders.retailers.lookup import by_code, due_on
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.staff import notices
from orders.supply import limits
from orders.supply.allocate import BASES, SpecSupply, allocate_day
from orders.supply.limits import StagedLimit
from orders.supply.models import Limit
from orders.windows import business_day, cycle_start

MAIN_NUMBER = "+8637255550000"
SUPPLEMENTARY_NUMBER = "+8637255933333"
PIN = "2468"
CATALOG_NOTE = "Demo: estimated prices and all other figures are for demonstration only."

_HERE = Path(__file__).parent
_CATALOG = Path(brand_catalog.__file__).parent / "demo"
_ORDER_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
# A day is split on the afternoon before (AY 4.1.1).
_SPLIT_AT = time(16)
_SPLIT_BY, _SPLIT_WHY = "演示", "演示：按客户档位分，每户有上限；少的几种按名单分"


def seed_demo(session: Session, now: datetime) -> None:
    """Make the demo usable today. Existing data stays, orders above all; on a later day the order days move along and
    that day gets its own supply, which is split into limits as on any real day. A catalogue that is not the demo's own
    is left alone."""
    catalog = _catalog(session, now)
    _hotlines(session)
    _substitutes(session, catalog)
    today = business_day(now)
    _open_today(session, today)
    if session.get(OutboundWindow, ALL_BATCHES) is None:
        # At any hour; no real telephone is called.
        session.add(OutboundWindow(batch=ALL_BATCHES, opens=0, closes=MINUTES_A_DAY))
    for row in _rows("retailers.csv"):
        retailer, is_new = _retailer(session, row, today)
        if is_new:
            _past_orders(session, catalog, retailer, now)
    session.flush()
    # Yesterday's limits are those of the retailer that missed its call.
    for day in (today - timedelta(days=1), today):
        _split_day(session, catalog, day)
    _promotion(session, now)
    _todays_order(session, catalog, now, "410502100037")
    _missed_call(session, today, "410502100061")
    session.flush()


def _rows(file: str, folder: Path = _HERE) -> Iterator[dict[str, str]]:
    with (folder / file).open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)


def _catalog(session: Session, now: datetime) -> Catalog:
    latest = session.scalar(select(CatalogVersion).order_by(CatalogVersion.id.desc()).limit(1))
    if latest is None or latest.note == CATALOG_NOTE:
        shipped = read_catalog_file(_CATALOG / "catalog.csv", _CATALOG / "aliases.csv")
        if latest is None or latest.version != shipped.version:
            import_catalog(session, shipped, now, CATALOG_NOTE)
    return load_catalog(session)


def _specs_by_name(catalog: Catalog) -> dict[str, Spec]:
    return {spec.name: spec for spec in catalog.specs.values()}


def _hotlines(session: Session) -> None:
    known = set(session.scalars(select(HotlineRow.number)))
    if MAIN_NUMBER not in known:
        session.add(HotlineRow(number=MAIN_NUMBER, name="演示", kind="regular", seat="1"))
        # Its callers are greeted by name and order at once; nothing of theirs is anybody's.
        session.merge(DepartmentRule(name="registered_number_pin", value=REGISTERED_NUMBER_PINS.index("never")))
        session.flush()
    if SUPPLEMENTARY_NUMBER not in known:
        regions = [["1", "东区"], ["2", "西区"]]
        session.add(
            HotlineRow(
                number=SUPPLEMENTARY_NUMBER,
                name="演示",
                kind="supplementary",
                seat="9",
                regions=regions,
                admits="missed",
            )
        )
        session.flush()


def _open_today(session: Session, today: date) -> None:
    """Open the demo on holidays as well."""
    for day in _ORDER_DAYS.values():
        if session.get(CalendarDay, today + timedelta(days=day)) is None:
            session.add(CalendarDay(day=today + timedelta(days=day), is_open=True, note="演示"))


def _substitutes(session: Session, catalog: Catalog) -> None:
    specs = _specs_by_name(catalog)
    for position, row in enumerate(_rows("substitutes.csv", _CATALOG)):
        pair = specs.get(row["name"]), specs.get(row["instead"])
        if pair[0] and pair[1] and session.get(Substitute, (pair[0].barcode, pair[1].barcode)) is None:
            session.add(Substitute(barcode=pair[0].barcode, instead=pair[1].barcode, position=position))


def _split_day(session: Session, catalog: Catalog, day: date) -> None:
    """Supply a day and split it over the retailers due then, unless they have limits of it already; then set the limits
    of the specs that are split by a list."""
    starts = due_on(session, day)
    known = select(Limit.retailer_id).where(Limit.cycle_start.in_(set(starts.values())), Limit.retailer_id.in_(starts))
    if session.scalar(known.limit(1)) is not None:
        return
    at = datetime.combine(day - timedelta(days=1), _SPLIT_AT, SHANGHAI)
    supplies = list(_supplies(catalog))
    allocate_day(session, supplies, day, at, by=_SPLIT_BY, why=_SPLIT_WHY, source="supply.csv")
    limits.stage(session, list(_listed_limits(session, catalog, day)))
    limits.apply_limits(session, day, at, _SPLIT_BY, _SPLIT_WHY, "limits.csv")


def _supplies(catalog: Catalog) -> Iterator[SpecSupply]:
    specs = _specs_by_name(catalog)
    for row in _rows("supply.csv"):
        if (spec := specs.get(row["name"])) is not None:
            most = int(row["most"]) if row["most"] else None
            basis = next(basis for basis in BASES if basis == row["basis"])
            yield SpecSupply(spec, int(row["cartons"]), basis, most, row["introduce"])


def _listed_limits(session: Session, catalog: Catalog, day: date) -> Iterator[StagedLimit]:
    specs, starts = _specs_by_name(catalog), due_on(session, day)
    for row in _rows("limits.csv"):
        retailer, spec = by_code(session, row["customer_code"]), specs.get(row["name"])
        if retailer is not None and spec is not None and retailer.id in starts:
            yield retailer.id, starts[retailer.id], spec.barcode, int(row["cartons"]) * spec.packs_per_carton


def _retailer(session: Session, row: dict[str, str], today: date) -> tuple[RetailerRow, bool]:
    retailer = by_code(session, row["customer_code"])
    is_new = retailer is None
    if retailer is None:
        retailer = RetailerRow(
            customer_code=row["customer_code"],
            name=row["name"],
            status=row["status"],
            pin_hash=hash_demo_pin(),
            county=DEMO_COUNTY,
            region=row["region"],
            manager=DEMO_MANAGER,
            route=row["route"],
            grade=int(row["grade"]),
            balance_fen=int(row["balance_yuan"]) * 100,
        )
        session.add(retailer)
    retailer.order_weekday = (today + timedelta(days=_ORDER_DAYS[row["order_day"]])).weekday()
    session.flush()
    if row["phone"] and session.get(RetailerPhone, row["phone"]) is None:
        session.add(RetailerPhone(phone=row["phone"], retailer_id=retailer.id))
    return retailer, is_new


@cache
def hash_demo_pin() -> str:
    """The hash of the demo's PIN; called before a transaction, it is not worked out in it."""
    return hash_secret(PIN)


def _promotion(session: Session, now: datetime) -> None:
    """Post the promotion that the operators' brief shows."""
    today = business_day(now)
    if not notices.in_force(session, today):
        text = "演示：今天有新品，每通电话介绍一次；客户不要，不多劝。"
        notices.post(session, "promotion", text, today, today, by="演示", now=now)


def _past_orders(session: Session, catalog: Catalog, retailer: RetailerRow, now: datetime) -> None:
    specs = _specs_by_name(catalog)
    weeks: dict[int, list[OrderLineRow]] = {}
    for row in _rows("past_orders.csv"):
        spec = specs.get(row["name"])
        if row["customer_code"] != retailer.customer_code or spec is None:
            continue
        packs = int(row["cartons"]) * spec.packs_per_carton
        weeks.setdefault(int(row["weeks_ago"]), []).append(
            OrderLineRow(
                barcode=spec.barcode,
                spec_name=spec.name,
                packs_per_carton=spec.packs_per_carton,
                price_fen=spec.wholesale_fen,
                requested_packs=packs,
                granted_packs=packs,
            )
        )
    for weeks_ago, lines in sorted(weeks.items(), reverse=True):
        day = cycle_start(retailer, business_day(now) - timedelta(weeks=weeks_ago))
        at = datetime.combine(day, time(9, 30), SHANGHAI)
        order = OrderRow(
            retailer_id=retailer.id,
            business_day=day,
            cycle_start=day,
            kind="regular",
            state="received",
            channel="phone",
            created_at=at,
            confirmed_at=at,
            handed_over_at=at + timedelta(hours=9),
            delivered_on=day + timedelta(days=1),
            received_on=day + timedelta(days=1),
            lines=lines,
            total_packs=sum(line.granted_packs for line in lines),
            amount_fen=sum(amount_fen(line.price_fen, line.granted_packs, line.packs_per_carton) for line in lines),
        )
        session.add(order)
        session.flush()
        order.number = f"{day:%Y%m%d}{order.id:06d}"


def _todays_order(session: Session, catalog: Catalog, now: datetime, customer_code: str) -> None:
    """Save an order today, through the desk like any other."""
    desk = Desk(session, catalog, now)
    retailer = desk.retailer(customer_code)
    if retailer is None or not desk.eligibility(retailer, desk.hotline(MAIN_NUMBER)).may_order:
        return
    call_key = f"demo {customer_code} {business_day(now)}"
    draft = desk.open_draft(call_key, retailer, desk.hotline(MAIN_NUMBER))
    last = desk.last_order(retailer)
    for line in last.lines if last else ():
        draft.set_line(line.barcode, line.granted_packs)
    order = draft.view()
    if order is not None and order.lines:
        draft.confirm()


def _missed_call(session: Session, today: date, customer_code: str) -> None:
    retailer = by_code(session, customer_code)
    yesterday = today - timedelta(days=1)
    if retailer is None or session.scalar(
        select(MissedCall.id).where(MissedCall.retailer_id == retailer.id, MissedCall.missed_on == yesterday)
    ):
        return
    session.add(
        MissedCall(
            retailer_id=retailer.id,
            missed_on=yesterday,
            reason="absent",
            remedy="supplementary",
            remedy_day=today,
        )
    )
