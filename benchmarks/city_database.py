"""The database of a city with 15,000 retailers, after four weeks of orders, on a Monday morning.

Every row is synthetic, in the proportions of a real city: a quarter of all retailers is due on the Monday, and seven
tenths of these have ordered by half past ten. Rows are inserted in bulk and their figures need not add up; they are as
many, as long and as spread as those of a department that has worked with the program for a month.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

from sqlalchemy import JSON, Column, Date, LargeBinary, Table, text
from sqlalchemy.orm import Session

import brand_catalog
import storage
from brand_catalog.catalog import Catalog, Spec
from brand_catalog.importing import import_catalog, read_catalog_file
from clock import SHANGHAI
from orders.book.models import Channel, DemandRecord, OrderHistory, OrderLineRow, OrderRow, OrderState
from orders.demo.demo_staff import seed_demo_staff
from orders.models import HotlineRow
from orders.outbound.models import ALL_BATCHES, OutboundWindow
from orders.retailers.initials import first_letters
from orders.retailers.lookup import OrderPlanKey
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.staff.models import Role, StaffRow
from orders.supply.models import Supply
from orders.windows import cycle_start
from storage import Base, UtcDateTime

TODAY = date(2026, 11, 23)
NOW = datetime(2026, 11, 23, 10, 30, tzinfo=SHANGHAI)
MAIN = "+8637255550000"
SUPPLEMENTARY = "+8637255933333"
RETAILERS = 15_000
LIMITS_EACH = 100
WEEKS = 4
# Of 15,000 retailers by order day from Monday on, and of those due on the Monday the orders saved so far.
DUE = (3700, 3100, 3300, 3300, 1600)
ORDERED_TODAY = 2_647
DRAFTS_TODAY = 25
MISSED_SHARE = 0.05
LINES = (4, 12)
# The draft that the leader of the demo types at the desk.
DESK_ORDER = "desk-3-city"

CHANNELS: dict[Channel, float] = {
    "phone": 0.40, "outbound": 0.20, "operator": 0.10, "web": 0.15, "mobile": 0.13, "proxy": 0.01, "visit": 0.01,
}  # fmt: skip
STAFF: dict[Role, int] = {"operator": 40, "leader": 5, "clerk": 3, "manager": 90, "director": 2}
_STREETS = (
    "建设", "人民", "解放", "文峰", "红旗", "光明", "中华", "东风", "胜利", "和平", "安漳", "彰德", "永明",
    "朝阳", "健康", "洹滨", "灯塔", "相州", "平原", "钢花", "黄河", "长江", "迎春", "友谊", "兴泰", "迎宾",
    "文明", "富泉", "梅园", "铁西",
)  # fmt: skip
_PLACES = ("路", "街", "大道", "东路", "西路", "南街", "北街", "小区", "家属院", "市场")
_SHOPS = ("超市", "便利店", "烟酒店", "副食店", "商店", "百货", "名烟名酒", "小卖部", "综合商行", "批发部")


class SavedOrder(NamedTuple):
    """What other rows of the city need to know of an order."""

    id: int
    retailer_id: int
    day: date
    state: OrderState
    channel: Channel
    call_key: str | None
    saved_at: datetime
    packs: Mapping[str, int]
    amount_fen: int

    @property
    def is_of_call(self) -> bool:
        """True if the order was placed in a call."""
        return self.call_key is not None and self.call_key != DESK_ORDER


class City:
    """A database that is being filled: retailers are numbered from 1, so a number is an id."""

    def __init__(self, session: Session, retailers: int) -> None:
        self.session = session
        self.size = retailers
        self.chance = random.Random(20261123)
        self.weekdays = [day for day, due in enumerate(DUE) for _ in range(due * retailers // sum(DUE))]
        self.weekdays += [4] * (retailers - len(self.weekdays))
        self.chance.shuffle(self.weekdays)
        self._due: dict[int, list[int]] = {}
        for number, weekday in enumerate(self.weekdays, 1):
            self._due.setdefault(weekday, []).append(number)
        self.catalog = _seed_catalog(session)
        self.specs: Sequence[Spec] = list(self.catalog.specs.values())
        self.staff = _seed_staff(session)

    def share(self, whole: int) -> int:
        """So many rows of a city of 15,000, for one of this size; at least one."""
        return max(1, whole * self.size // RETAILERS)

    def insert(self, table: type[Base], rows: Iterable[Mapping[str, Any]]) -> None:
        """Insert rows in bulk; columns that a row does not name have their default."""
        found: Table = table.__table__  # type: ignore[assignment]
        columns = list(found.columns)
        is_postgresql = self.session.get_bind().dialect.name == "postgresql"
        values = (tuple(_stored(column, row, is_postgresql) for column in columns) for row in rows)
        storage.insert_many(self.session, found.name, [f'"{column.name}"' for column in columns], values)

    def due(self, weekday: int) -> list[int]:
        return self._due[weekday]


def customer_code(number: int) -> str:
    return f"4105021{number:05d}"


def shop_name(number: int) -> str:
    """A name as shops have them; no two are the same."""
    street, place = _STREETS[number % len(_STREETS)], _PLACES[number // 30 % len(_PLACES)]
    return f"{street}{place}{number // 300 + 1}号{_SHOPS[number % 7 + number // 7 % 4]}"


def moment(day: date, hour: float) -> datetime:
    return datetime.combine(day, time(), SHANGHAI) + timedelta(hours=hour)


def _stored(column: Column[Any], row: Mapping[str, Any], is_postgresql: bool) -> Any:
    """A value as the driver takes it without SQLAlchemy."""
    value = row.get(column.name)
    if value is None and column.name not in row and column.default is not None:
        value = [] if callable(column.default.arg) else column.default.arg  # type: ignore[attr-defined]
    if value is None or isinstance(column.type, LargeBinary):
        return value
    if isinstance(column.type, JSON):
        # A text is JSON already, shared by thousands of rows.
        return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    if isinstance(column.type, UtcDateTime):
        written = f"{value.astimezone(UTC):%Y-%m-%d %H:%M:%S.%f}"
        return f"{written}+00" if is_postgresql else written
    return value.isoformat() if isinstance(column.type, Date) else value


def build(url: str, retailers: int = RETAILERS) -> None:
    """Fill an empty database at this address."""
    from benchmarks.city_calls import fill_calls
    from benchmarks.city_department import fill_department

    storage.migrate(url)
    engine = storage.open_engine(url)
    with storage.unhurried(), storage.transaction(storage.open_sessions(engine)) as session:
        city = City(session, retailers)
        _retailers(city)
        _supply(city)
        orders = list(_orders(city))
        _book(city, orders)
        fill_calls(city, orders)
        fill_department(city, orders)
        _count_on(session)
    with storage.transaction(storage.open_sessions(engine)) as session:
        session.execute(text("ANALYZE"))
    engine.dispose()


def _seed_catalog(session: Session) -> Catalog:
    demo = Path(brand_catalog.__file__).parent / "demo"
    catalog = read_catalog_file(demo / "catalog.csv", demo / "aliases.csv")
    import_catalog(session, catalog, moment(TODAY - timedelta(days=40), 9), "benchmark")
    session.add(HotlineRow(number=MAIN, name="安阳", kind="regular", seat="1"))
    session.add(HotlineRow(number=SUPPLEMENTARY, name="安阳", kind="supplementary", seat="9", admits="missed"))
    session.add(OutboundWindow(batch=ALL_BATCHES, opens=8 * 60, closes=18 * 60))
    session.flush()
    return catalog


def _seed_staff(session: Session) -> dict[Role, list[StaffRow]]:
    """The demo's accounts, which a visitor signs in with, and as many more as a city has."""
    seed_demo_staff(session, moment(TODAY - timedelta(days=90), 9))
    for role, members in STAFF.items():
        session.add_all(
            StaffRow(
                login=f"{role}-{number}",
                name=f"{role} {number}",
                role=role,
                seat=str(number) if role == "operator" else "",
                password_hash="",
                created_at=moment(TODAY - timedelta(days=90), 9),
            )
            for number in range(10, 10 + members)
        )
    session.flush()
    found: dict[Role, list[StaffRow]] = {}
    for person in session.query(StaffRow).order_by(StaffRow.id):
        found.setdefault(person.role, []).append(person)
    return found


def _retailers(city: City) -> None:
    chance = city.chance
    city.insert(
        RetailerRow,
        (
            {
                "id": number,
                "customer_code": customer_code(number),
                "name": shop_name(number),
                "initials": first_letters(shop_name(number)),
                "status": "suspended" if number % 150 == 0 else "active",
                "cycle": "weekly",
                "order_weekday": weekday,
                "county": f"{['文峰', '北关', '殷都', '龙安', '安阳', '林州'][number % 6]}",
                "manager": f"manager {10 + number % 90}",
                "route": f"{number % 120 + 1}号线",
                "grade": 1 + number % 30,
                "balance_fen": chance.randrange(0, 3_000_000),
            }
            for number, weekday in enumerate(city.weekdays, 1)
        ),
    )
    phones = [(number, f"+86138{number:08d}") for number in range(1, city.size + 1)]
    phones += [(number, f"+86372{number:07d}") for number in range(1, city.size + 1, 3)]
    city.insert(RetailerPhone, ({"phone": phone, "retailer_id": number} for number, phone in phones))


def _supply(city: City) -> None:
    days = [TODAY - timedelta(days=ahead) for ahead in range(WEEKS * 7 + 1)]
    bases = ("equal", "grade", "sales", "class", "free")
    city.insert(
        Supply,
        (
            {
                "business_day": day,
                "barcode": spec.barcode,
                "supplied_packs": 100_000,
                "held_packs": 500,
                "sold_packs": 60_000,
                "is_new": place < 3,
                "is_key": 3 <= place < 6,
                "basis": bases[place % 5],
            }
            for day in days
            if day.weekday() < 5
            for place, spec in enumerate(city.specs)
        ),
    )
    starts = {
        weekday: cycle_start(OrderPlanKey("weekly", weekday, 0), TODAY).isoformat() for weekday in range(len(DUE))
    }
    barcodes = [spec.barcode for spec in city.specs]

    def limits() -> Iterator[tuple[Any, ...]]:
        for number, weekday in enumerate(city.weekdays, 1):
            # Neighbouring specs, so that retailers differ and every spec is limited for somebody.
            for barcode in sorted(barcodes[(number + place) % len(barcodes)] for place in range(LIMITS_EACH)):
                yield number, starts[weekday], barcode, 300, 0, 20, 1

    columns = ("retailer_id", "cycle_start", "barcode", "limit_packs", "held_packs", "used_packs", "batch_id")
    storage.insert_many(city.session, "limits", columns, limits())


def _orders(city: City) -> Iterator[SavedOrder]:
    """The orders of four weeks and of this morning, drafts among them."""
    numbers, chance = count(1), city.chance

    def order(retailer_id: int, day: date, state: OrderState, latest: float) -> SavedOrder:
        number = next(numbers)
        channel = chance.choices(list(CHANNELS), list(CHANNELS.values()))[0]
        by_call = channel in ("phone", "outbound", "operator")
        chosen = chance.sample(city.specs, chance.randint(*LINES))
        packs = {spec.barcode: 10 * chance.randint(1, 10) for spec in chosen}
        return SavedOrder(
            number,
            retailer_id,
            day,
            state,
            channel,
            f"CA{number:032x}" if by_call else None,
            moment(day, chance.uniform(8, latest)),
            packs,
            sum(packs[spec.barcode] // spec.packs_per_carton * spec.wholesale_fen for spec in chosen),
        )

    monday = TODAY - timedelta(weeks=WEEKS)
    for weeks in range(WEEKS):
        for weekday in range(len(DUE)):
            day = monday + timedelta(weeks=weeks, days=weekday)
            # Friday's orders are on their way.
            state: OrderState = "handed_over" if day == TODAY - timedelta(days=3) else "received"
            for retailer_id in city.due(weekday):
                if chance.random() >= MISSED_SHARE:
                    yield order(retailer_id, day, state, 17)
    due = city.due(0)
    ordered, drafts = city.share(ORDERED_TODAY), city.share(DRAFTS_TODAY)
    for retailer_id in due[:ordered]:
        yield order(retailer_id, TODAY, "confirmed", 10.4)
    for retailer_id in due[ordered : ordered + drafts]:
        yield order(retailer_id, TODAY, "draft", 10.4)._replace(saved_at=NOW - timedelta(minutes=1))
    yield order(due[ordered + drafts], TODAY, "draft", 10.4)._replace(channel="operator", call_key=DESK_ORDER)


def _book(city: City, orders: Sequence[SavedOrder]) -> None:
    """The orders with their lines, demand and history."""
    specs = city.catalog.specs
    city.insert(OrderRow, map(_order_row, orders))
    line_numbers, demand_numbers, history_numbers = count(1), count(1), count(1)
    city.insert(
        OrderLineRow,
        (
            {
                "id": next(line_numbers),
                "order_id": order.id,
                "barcode": barcode,
                "spec_name": specs[barcode].name,
                "packs_per_carton": specs[barcode].packs_per_carton,
                "price_fen": specs[barcode].wholesale_fen,
                "requested_packs": _requested(order, packs),
                "granted_packs": packs,
            }
            for order in orders
            for barcode, packs in order.packs.items()
        ),
    )
    city.insert(
        DemandRecord,
        (
            {
                "id": next(demand_numbers),
                "order_id": order.id,
                "retailer_id": order.retailer_id,
                "business_day": order.day,
                "barcode": barcode,
                "requested_packs": _requested(order, packs),
                "granted_packs": packs,
                "reason": "limit" if _requested(order, packs) > packs else None,
                "at": order.saved_at,
            }
            for order in orders
            for barcode, packs in order.packs.items()
        ),
    )
    city.insert(
        OrderHistory,
        (
            {
                "id": next(history_numbers),
                "order_id": order.id,
                "at": order.saved_at,
                "event": event,
                "detail": {"call_key": order.call_key} if event == "opened" else {},
            }
            for order in orders
            for event in ("opened", "add", "add", "confirmed", "settled", "handed over")[: 2 if _is_draft(order) else 6]
        ),
    )


def _is_draft(order: SavedOrder) -> bool:
    return order.state == "draft"


def _requested(order: SavedOrder, packs: int) -> int:
    return packs + 10 if (order.id + packs) % 25 == 0 else packs


def _order_row(order: SavedOrder) -> dict[str, Any]:
    draft = _is_draft(order)
    received = order.day + timedelta(days=1) if order.state == "received" else None
    return {
        "id": order.id,
        "number": None if draft else f"{order.day:%Y%m%d}{order.id:06d}",
        "retailer_id": order.retailer_id,
        "business_day": order.day,
        "cycle_start": order.day,
        "kind": "regular",
        "state": order.state,
        "channel": order.channel,
        "hotline_id": 1 if order.call_key else None,
        "call_key": order.call_key,
        "created_at": order.saved_at - timedelta(minutes=3),
        "confirmed_at": None if draft else order.saved_at,
        "saved_by": f"operator {10 + order.id % 40}" if order.channel in ("operator", "proxy", "visit") else None,
        "holds_active": draft,
        "hold_expires_at": order.saved_at + timedelta(minutes=10) if draft else None,
        "handed_over_at": moment(order.day, 18.5) if order.state in ("handed_over", "received") else None,
        "delivered_on": received,
        "received_on": received,
        "total_packs": sum(order.packs.values()),
        "amount_fen": order.amount_fen,
    }


def _count_on(session: Session) -> None:
    """Let the numbers that PostgreSQL gives go on after those that were inserted with theirs."""
    if session.get_bind().dialect.name != "postgresql":
        return
    for table in Base.metadata.sorted_tables:
        if "id" in table.columns and table.name != "outbound_lease":
            session.execute(
                text(
                    f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), coalesce(max(id), 0) + 1, false)"
                    f" FROM {table.name}"
                )
            )
