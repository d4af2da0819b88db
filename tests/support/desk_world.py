"""A small order desk for tests: six specs, a few retailers, supply and limits for today."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta
from typing import Literal

from sqlalchemy import func, select
from sqlalchemy.orm import Session

import storage
from brand_catalog.catalog import Catalog, Spec
from brand_catalog.importing import import_catalog, make_catalog
from brand_catalog.spoken_names import derive_spoken_names
from clock import SHANGHAI
from orders.book.desk import Desk, Retailer
from orders.book.models import COUNTED_STATES, DemandRecord, OrderLineRow, OrderRow, Substitute
from orders.day_end.models import DayStep, DayStepDone
from orders.department_rules import set_rule
from orders.lockout import SignInRules, hash_secret
from orders.models import CalendarDay, DepartmentRule, HotlineRow
from orders.outbound.models import MissedCall
from orders.retailers.models import RetailerPhone, RetailerRow
from orders.staff.models import Role, StaffRow
from orders.supply.models import Limit, Supply
from orders.windows import business_day, cycle_start

MAIN = "+8637255550000"
SUPPLEMENTARY = "+8637255933333"
SHOP, CORNER, STATION = "410502100012", "410502100029", "410502100037"
PIN = "2468"
_PIN_HASH = hash_secret(PIN)

# name, wholesale fen a carton, band
SPECS = (
    ("红塔山(硬经典)", 75_00, 10),
    ("红塔山(新时代)", 88_00, 10),
    ("利群(软蓝)", 159_00, 7),
    ("黄鹤楼(软蓝)", 164_30, 7),
    ("泰山(望岳)", 167_48, 7),
    ("中华(硬)", 381_60, 3),
)
CLASSIC, ERA, LIQUN, CRANE, TAISHAN, CHINA = (f"69010280000{number:02d}" for number in range(1, 7))
CARTON = 10


def catalog() -> Catalog:
    specs = [
        Spec(
            barcode=f"69010280000{number:02d}",
            name=name,
            brand=name.split("(")[0],
            maker="",
            price_class="一类",
            pack_barcode="",
            packs_per_carton=CARTON,
            cartons_per_case=50,
            wholesale_fen=fen,
            wholesale_estimated=False,
            retail_fen=fen * 6 // 5,
            price_band=band,
            short_code=str(100 + number),
        )
        for number, (name, fen, band) in enumerate(SPECS, 1)
    ]
    return make_catalog(specs, derive_spoken_names(specs))


class MovingClock:
    """Stands still until it is moved; starts on a Monday morning, in the line's hours."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)

    def __call__(self) -> datetime:
        return self.now

    def move(self, **how_far: float) -> None:
        self.now += timedelta(**how_far)

    def move_to(self, moment: datetime) -> None:
        self.now = moment


class World:
    """The desk's database and the clock; each `desk()` is one unit of work, like a turn of a call."""

    def __init__(self, sessions: storage.SessionFactory, clock: MovingClock, catalog: Catalog) -> None:
        self.sessions = sessions
        self.clock = clock
        self.catalog = catalog
        self.sign_in_rules = SignInRules()

    @classmethod
    def build(cls, sessions: storage.SessionFactory, clock: MovingClock, *, stock: int = 100, limit: int = 20) -> World:
        """Quantities in cartons: every spec has `stock`, every retailer a `limit` of each."""
        world = cls(sessions, clock, catalog())
        today = business_day(clock())
        with storage.transaction(sessions) as session:
            import_catalog(session, world.catalog, clock())
            session.add_all(
                [
                    HotlineRow(number=MAIN, name="演示", kind="regular", seat="1"),
                    HotlineRow(number=SUPPLEMENTARY, name="演示", kind="supplementary", seat="9", admits="missed"),
                ]
            )
            for code, weekday in ((SHOP, today.weekday()), (CORNER, (today.weekday() + 1) % 7), (STATION, 0)):
                session.add(
                    RetailerRow(
                        customer_code=code,
                        name=f"店{code[-2:]}",
                        pin_hash=_PIN_HASH,
                        order_weekday=weekday,
                        balance_fen=1_000_00,
                    )
                )
            session.flush()
            # Most dialogues are of other things than the PIN of a registered number.
            session.add(DepartmentRule(name="registered_number_pin", value=2))
            shop = session.scalar(select(RetailerRow.id).where(RetailerRow.customer_code == SHOP))
            session.add(RetailerPhone(phone="+8613800000012", retailer_id=shop))
        world.supply(stock=stock, limit=limit)
        return world

    def supply(self, *, stock: int = 100, limit: int = 20) -> None:
        """Add supply and limits for today, which has none yet."""
        today = business_day(self.clock())
        with self.session() as session:
            for barcode in self.catalog.specs:
                session.add(Supply(business_day=today, barcode=barcode, supplied_packs=stock * CARTON))
        self.allow_everything(limit=limit)

    def allow_everything(self, *, limit: int = 20) -> None:
        """Add a limit for every retailer and spec that has none yet."""
        with self.session() as session:
            known = {(row.retailer_id, row.cycle_start, row.barcode) for row in session.scalars(select(Limit))}
            for retailer in session.scalars(select(RetailerRow)).all():
                start = cycle_start(retailer, business_day(self.clock()))
                session.add_all(
                    Limit(retailer_id=retailer.id, cycle_start=start, barcode=barcode, limit_packs=limit * CARTON)
                    for barcode in self.catalog.specs
                    if (retailer.id, start, barcode) not in known
                )

    @contextmanager
    def session(self) -> Iterator[Session]:
        with storage.transaction(self.sessions) as session:
            yield session

    @contextmanager
    def desk(self) -> Iterator[Desk]:
        with self.session() as session:
            yield Desk(session, self.catalog, self.clock(), self.sign_in_rules)

    def retailer(self, code: str = SHOP) -> Retailer:
        with self.desk() as desk:
            found = desk.retailer(code)
        assert found is not None
        return found

    def stock(self, barcode: str, cartons: int, *, loose_packs: int = 0) -> None:
        with self.session() as session:
            supply = session.get_one(Supply, (business_day(self.clock()), barcode))
            supply.supplied_packs = cartons * CARTON + loose_packs

    def limit(self, barcode: str, cartons: int, code: str = SHOP) -> None:
        with self.session() as session:
            retailer = session.scalars(select(RetailerRow).where(RetailerRow.customer_code == code)).one()
            key = (retailer.id, cycle_start(retailer, business_day(self.clock())), barcode)
            session.get_one(Limit, key).limit_packs = cartons * CARTON

    def no_supply(self, barcode: str) -> None:
        """Remove this spec from today's supply."""
        with self.session() as session:
            session.delete(session.get_one(Supply, (business_day(self.clock()), barcode)))

    def introduce(self, barcode: str, what: Literal["new", "key"]) -> None:
        """Make this spec new today, or one of the day's key specs."""
        with self.session() as session:
            supply = session.get_one(Supply, (business_day(self.clock()), barcode))
            supply.is_new, supply.is_key = what == "new", what == "key"

    def department_rule(self, name: str, value: int) -> None:
        with self.session() as session:
            set_rule(session, name, value, by="a manager", why="a test", now=self.clock())

    def engage(self, *roles: Role) -> None:
        """Create an account for each role, once: its login is the role's name, and its name "the leader", "the
        clerk"."""
        with self.session() as session:
            known = set(session.scalars(select(StaffRow.login)))
            session.add_all(
                StaffRow(login=role, name=f"the {role}", role=role, password_hash="", created_at=self.clock())
                for role in roles
                if role not in known
            )

    def hours(self, number: str, opens: str, closes: str) -> None:
        with self.session() as session:
            line = session.scalars(select(HotlineRow).where(HotlineRow.number == number)).one()
            line.opens, line.closes = (int(t[:2]) * 60 + int(t[3:]) for t in (opens, closes))

    def day_off(self, day: date) -> None:
        with self.session() as session:
            session.add(CalendarDay(day=day, is_open=False))

    def day_step(self, step: DayStep) -> None:
        with self.session() as session:
            session.add(
                DayStepDone(
                    business_day=business_day(self.clock()), step=step, at=self.clock(), by="a clerk", detail={}
                )
            )

    def missed(self, code: str) -> None:
        """Record that the retailer was not reached yesterday, so it may use the supplementary hotline today."""
        today = business_day(self.clock())
        retailer = self.retailer(code)
        with self.session() as session:
            session.add(
                MissedCall(
                    retailer_id=retailer.id,
                    missed_on=today - timedelta(days=1),
                    reason="absent",
                    remedy="supplementary",
                    remedy_day=today,
                )
            )

    def change_retailer(self, code: str = SHOP, **values: object) -> None:
        with self.session() as session:
            retailer = session.scalars(select(RetailerRow).where(RetailerRow.customer_code == code)).one()
            for name, value in values.items():
                setattr(retailer, name, value)

    def demand(self) -> list[tuple[str, int, int, str | None]]:
        """The recorded demand: spec, requested and granted packs, reason."""
        with self.session() as session:
            records = session.scalars(select(DemandRecord).order_by(DemandRecord.id)).all()
            return [(r.barcode, r.requested_packs, r.granted_packs, r.reason) for r in records]

    def withdrawn(self) -> list[str]:
        """The specs the retailer requested and removed again."""
        with self.session() as session:
            return list(session.scalars(select(DemandRecord.barcode).where(DemandRecord.withdrawn)))

    def substitute(self, barcode: str, instead: str) -> None:
        """Set the substitute offered when a spec is out."""
        with self.session() as session:
            session.add(Substitute(barcode=barcode, instead=instead))

    def check_books(self) -> None:
        """Check that supply and limits agree with the lines of the orders, and that nothing is oversold."""
        with self.session() as session:
            self._check_counters(session, by_retailer=False)
            self._check_counters(session, by_retailer=True)

    def _check_counters(self, session: Session, *, by_retailer: bool) -> None:
        key = [OrderRow.business_day, OrderLineRow.barcode]
        if by_retailer:
            key = [OrderRow.retailer_id, OrderRow.cycle_start, OrderLineRow.barcode]
        expected: dict[tuple[object, ...], list[int]] = {}
        lines = select(*key, OrderRow.state, OrderRow.holds_active, func.sum(OrderLineRow.granted_packs)).join(
            OrderRow, OrderRow.id == OrderLineRow.order_id
        )
        for *place, state, holding, packs in session.execute(
            lines.group_by(*key, OrderRow.state, OrderRow.holds_active)
        ):
            held_and_sold = expected.setdefault(tuple(place), [0, 0])
            if state == "draft" and holding:
                held_and_sold[0] += packs
            elif state in COUNTED_STATES:
                held_and_sold[1] += packs
        rows: list[tuple[tuple[object, ...], int, int, int]]
        if by_retailer:
            rows = [
                ((r.retailer_id, r.cycle_start, r.barcode), r.held_packs, r.used_packs, r.limit_packs)
                for r in session.scalars(select(Limit))
            ]
        else:
            rows = [
                ((s.business_day, s.barcode), s.held_packs, s.sold_packs, s.supplied_packs)
                for s in session.scalars(select(Supply))
            ]
        for counted, held, taken, most in rows:
            assert [held, taken] == expected.get(counted, [0, 0]), f"the books differ for {counted}"
            assert 0 <= held + taken <= most, f"more than there is of {counted}"
