"""After 07:50 supply and limits change by two persons, with a reason, and never below what is ordered (AY 4.1.1)."""

from __future__ import annotations

from datetime import date, datetime

import pytest

import storage
from clock import SHANGHAI
from orders import audit_log
from orders.supply import late_changes, limits
from orders.supply.allocate import Basis, SpecSupply, import_supply, preview_split
from orders.supply.late_changes import LateChangeRefused
from orders.supply.limits import LimitsRefused
from orders.supply.locking import DayOver, LimitsLocked
from orders.supply.models import LateChange, Limit, LimitBatch, RemainderRow, Supply
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, MAIN, SHOP, STATION, World

TODAY, TOMORROW = date(2026, 11, 23), date(2026, 11, 24)
SUN, ZHOU = "Sun", "Zhou"


@pytest.fixture
def desk(world: World) -> World:
    """A Monday at 08:30: SHOP and STATION are due and have limits of 20 cartons of each spec; there are 100 of each."""
    world.clock.move_to(datetime(2026, 11, 23, 8, 30, tzinfo=SHANGHAI))
    return world


def supply_of(world: World, cartons: int, barcode: str = CHINA, basis: Basis = "equal") -> SpecSupply:
    return SpecSupply(world.catalog.specs[barcode], cartons, basis, None, "")


def request(world: World, *supplies: SpecSupply, by: str = SUN, why: str = "20 more came in") -> LateChange:
    with world.session() as session:
        assert preview_split(session, supplies, TODAY, world.clock()).is_locked
        change = late_changes.request(session, supplies, TODAY, world.clock(), by=by, why=why, source="form")
        session.expunge(change)
    return change


def request_limit(world: World, code: str, cartons: int, why: str = "one too few") -> LateChange:
    retailer = world.retailer(code)
    with world.session() as session:
        staged = (retailer.id, TODAY, CHINA, cartons * CARTON)
        limits.stage(session, [staged])
        change = late_changes.request(session, (), TODAY, world.clock(), by=SUN, why=why, source="form")
        session.expunge(change)
    return change


def decide(world: World, change: LateChange, *, approve: bool = True, by: str = ZHOU, note: str = "") -> LateChange:
    with world.session() as session:
        decided = late_changes.decide(
            session, world.catalog, change.id, approve=approve, by=by, now=world.clock(), note=note
        )
        session.expunge(decided)
    return decided


def limit_of(world: World, code: str, barcode: str = CHINA) -> int:
    retailer = world.retailer(code)
    with world.session() as session:
        return session.get_one(Limit, (retailer.id, TODAY, barcode)).limit_packs // CARTON


def stock_of(world: World, barcode: str = CHINA) -> int:
    with world.session() as session:
        return session.get_one(Supply, (TODAY, barcode)).supplied_packs // CARTON


def order(world: World, cartons: int, code: str = SHOP) -> None:
    world.clock.move_to(datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI))
    with world.desk() as at:
        retailer = at.retailer(code)
        assert retailer is not None
        at.open_draft("call", retailer, at.hotline(MAIN))
        at.draft("call").set_line(CHINA, cartons * CARTON)


def test_nobody_changes_alone_what_is_locked(desk: World) -> None:
    with pytest.raises(LimitsLocked, match="since 07:50"):
        import_supply(
            desk.sessions, [supply_of(desk, 120)], TODAY, desk.clock(), by=SUN, why="more came in", source="x"
        )
    assert stock_of(desk) == 100
    change = request(desk, supply_of(desk, 120))
    assert stock_of(desk) == 100
    with pytest.raises(LateChangeRefused) as refused:
        decide(desk, change, by=" sun ")
    assert refused.value.reason == "own_request"
    with pytest.raises(LateChangeRefused, match="needs a reason"):
        request(desk, supply_of(desk, 130), why=" ")
    assert stock_of(desk) == 100


def test_what_came_in_later_goes_on_top_of_the_limits_once_a_second_person_agrees(desk: World) -> None:
    change = request(desk, supply_of(desk, 111))
    assert (change.limit_count, change.supply[0]["before"], change.supply[0]["cartons"]) == (2, 100, 111)
    with desk.session() as session:
        figures = late_changes.limit_figures(session, change, most=10)
    assert [(one.customer_code, one.spec, one.before, one.after) for one in figures] == [
        (SHOP, "中华(硬)", 20, 26),
        (STATION, "中华(硬)", 20, 25),
    ]
    decide(desk, change)
    assert (stock_of(desk), limit_of(desk, SHOP), limit_of(desk, STATION)) == (111, 26, 25)
    with desk.session() as session:
        [batch] = session.query(LimitBatch).all()
        assert (batch.by, batch.approved_by, batch.reason) == (SUN, ZHOU, "20 more came in")
        [entry] = audit_log.entries(session, subject="supply")
    assert (entry.by, (entry.after or {})["packs"], (entry.after or {})["approved_by"]) == (SUN, 1110, ZHOU)
    with pytest.raises(LateChangeRefused) as refused:
        decide(desk, change, by="Li", approve=False)
    assert (refused.value.reason, refused.value.decided_by) == ("not_open", ZHOU)
    desk.check_books()


def test_what_is_taken_off_comes_out_of_what_is_not_ordered_yet(desk: World) -> None:
    order(desk, 18)
    decide(desk, request(desk, supply_of(desk, 90)))
    assert stock_of(desk) == 90
    # SHOP has 2 of its 20 left and STATION all 20: a tenth of what is left each, in whole cartons.
    assert (limit_of(desk, SHOP), limit_of(desk, STATION)) == (19, 11)
    with pytest.raises(LimitsRefused, match="supply of 17 cartons, but 18 are ordered already"):
        request(desk, supply_of(desk, 17))
    desk.check_books()


def test_an_order_that_comes_in_before_the_approval_is_not_cut(desk: World) -> None:
    change = request_limit(desk, SHOP, 5)
    order(desk, 6)
    with pytest.raises(LimitsRefused, match="5 cartons, but 6 are ordered already"):
        decide(desk, change)
    assert limit_of(desk, SHOP) == 20
    with pytest.raises(LimitsRefused):
        request_limit(desk, SHOP, 5)
    assert decide(desk, request_limit(desk, SHOP, 6)).state == "approved"
    assert decide(desk, change, approve=False, note="ordered by now").decision_note == "ordered by now"


def test_of_two_requests_for_one_limit_the_second_says_what_changed(desk: World) -> None:
    first, second = request_limit(desk, SHOP, 25), request_limit(desk, SHOP, 30)
    decide(desk, first)
    with pytest.raises(LateChangeRefused) as refused:
        decide(desk, second)
    assert refused.value.reason == "changed_meanwhile"
    assert [(one.customer_code, one.before, one.after) for one in refused.value.figures] == [(SHOP, 20, 25)]
    assert limit_of(desk, SHOP) == 25
    with desk.session() as session, pytest.raises(LateChangeRefused, match="requested by Sun"):
        late_changes.withdraw(session, second.id, by=ZHOU, now=desk.clock())
    with desk.session() as session:
        assert late_changes.withdraw(session, second.id, by=SUN, now=desk.clock()).state == "withdrawn"
        assert late_changes.open_count(session) == 0


def test_a_day_without_supply_can_be_opened_at_any_time_of_it_and_only_then(desk: World) -> None:
    desk.clock.move_to(datetime(2026, 11, 24, 10, 0, tzinfo=SHANGHAI))
    now = desk.clock()
    done = import_supply(desk.sessions, [supply_of(desk, 40)], TOMORROW, now, by=SUN, why="late", source="supply.csv")
    assert (done.added, done.is_locked) == (1, False)
    with desk.session() as session:
        corner = desk.retailer(CORNER).id
        assert session.get_one(Limit, (corner, TOMORROW, CHINA)).limit_packs == 40 * CARTON
        assert session.get(RemainderRow, (CHINA, 1, TOMORROW)) is not None
    # A spec that is split by a list of its own has no limits yet, so its list is still taken; once it has,
    # it is locked.
    free = [supply_of(desk, 9, CLASSIC, "free")]
    with pytest.raises(LimitsLocked):
        import_supply(desk.sessions, free, TOMORROW, now, by=SUN, why="late", source="supply.csv")
    with desk.session() as session:
        limits.stage(session, [(corner, TOMORROW, CLASSIC, 3 * CARTON)])
        assert limits.apply_limits(session, TOMORROW, now, SUN, "list", "limits.csv").added == 1
    with desk.session() as session:
        limits.stage(session, [(corner, TOMORROW, CLASSIC, 4 * CARTON)])
        with pytest.raises(LimitsLocked):
            limits.apply_limits(session, TOMORROW, now, SUN, "list", "limits.csv")
    with storage.read_only(desk.sessions) as session, pytest.raises(DayOver, match="is over"):
        preview_split(session, [supply_of(desk, 40)], TODAY, now)


def test_a_file_for_tomorrow_does_not_get_round_the_lock_of_today(desk: World) -> None:
    """SHOP orders on Mondays: its limits on Tuesday are still those of Monday."""
    shop = desk.retailer(SHOP).id
    with desk.session() as session:
        limits.stage(session, [(shop, TODAY, CHINA, 21 * CARTON)])
        with pytest.raises(LimitsLocked):
            limits.apply_limits(session, TOMORROW, desk.clock(), SUN, "plan", "limits.csv")
