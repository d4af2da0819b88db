"""An order at the desk, from its first line to the saved order."""

from __future__ import annotations

from fractions import Fraction

import pytest

from orders.book.desk import DeskRefusal, LineOutcome, LineRequest
from orders.book.draft_lines import Mode
from orders.book.holds import release_expired
from orders.department_rules import UnknownRule
from tests.support.desk_world import (
    CARTON,
    CHINA,
    CLASSIC,
    CRANE,
    ERA,
    LIQUN,
    MAIN,
    SHOP,
    STATION,
    SUPPLEMENTARY,
    TAISHAN,
    World,
)


def ring(world: World, call: str, code: str = SHOP) -> None:
    with world.desk() as desk:
        retailer = desk.retailer(code)
        assert retailer is not None
        desk.open_draft(call, retailer, desk.hotline(MAIN))


def ask(world: World, call: str, barcode: str, cartons: int, mode: Mode = "add") -> LineOutcome:
    with world.desk() as desk:
        return desk.draft(call).set_line(barcode, cartons * CARTON, mode)


def cartons_of(world: World, call: str) -> dict[str, int]:
    with world.desk() as desk:
        draft = desk.draft(call).view()
    return {} if draft is None else {line.barcode: line.granted_packs // CARTON for line in draft.lines}


def test_an_order_is_taken_changed_and_saved(world: World) -> None:
    ring(world, "call-1")
    first = ask(world, "call-1", CLASSIC, 5)
    assert (first.granted_packs, first.reason) == (50, None)
    ask(world, "call-1", CLASSIC, 3)
    ask(world, "call-1", CHINA, 4)
    ask(world, "call-1", CHINA, 2, "set")
    ask(world, "call-1", ERA, 1)
    with world.desk() as desk:
        assert desk.draft("call-1").remove(ERA)
        assert not desk.draft("call-1").remove(ERA)
    with world.desk() as desk:
        saved = desk.draft("call-1").confirm()
    assert not saved.already
    assert saved.order.cartons == Fraction(10)
    assert saved.order.amount_fen == 8 * 75_00 + 2 * 381_60
    assert saved.order.number == "20261123000001"
    assert world.demand() == [(CLASSIC, 80, 80, None), (CHINA, 20, 20, None), (ERA, 10, 10, None)]
    world.check_books()


def test_asking_again_after_the_yes_gives_the_same_order(world: World) -> None:
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 5)
    with world.desk() as desk:
        first = desk.draft("call-1").confirm()
    with world.desk() as desk:
        again = desk.draft("call-1").confirm()
    assert again.already
    assert again.order == first.order
    world.check_books()


def test_a_request_above_the_limit_is_cut_to_it_and_kept_as_demand(world: World) -> None:
    world.limit(CLASSIC, 6)
    ring(world, "call-1")
    outcome = ask(world, "call-1", CLASSIC, 10)
    assert (outcome.granted_packs, outcome.reason) == (60, "limit")
    assert world.demand() == [(CLASSIC, 100, 60, "limit")]
    more = ask(world, "call-1", CLASSIC, 1)
    assert (more.granted_packs, more.reason) == (0, "limit")
    assert more.line is not None, "what was granted before stays"
    world.check_books()


def test_only_what_is_left_is_granted_when_stock_runs_short(world: World) -> None:
    world.stock(CLASSIC, 3)
    ring(world, "call-1")
    outcome = ask(world, "call-1", CLASSIC, 10)
    assert (outcome.granted_packs, outcome.reason) == (30, "stock")


def test_setting_a_line_counts_what_it_has_already(world: World) -> None:
    world.stock(CLASSIC, 8)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 5)
    outcome = ask(world, "call-1", CLASSIC, 12, "set")
    assert (outcome.requested_packs, outcome.granted_packs) == (120, 80)
    assert ask(world, "call-1", CLASSIC, 2, "set").granted_packs == 20
    world.check_books()


def test_who_asks_in_cartons_is_granted_whole_cartons(world: World) -> None:
    ring(world, "call-1")
    world.stock(CLASSIC, 3, loose_packs=7)
    outcome = ask(world, "call-1", CLASSIC, 5)
    assert outcome.granted_packs == 30
    with world.desk() as desk:
        assert desk.draft("call-1").set_line(CLASSIC, 38, "set").granted_packs == 37


def test_something_out_of_stock_is_named_with_its_substitute(world: World) -> None:
    world.stock(LIQUN, 0)
    ring(world, "call-1")
    outcome = ask(world, "call-1", LIQUN, 2)
    assert (outcome.reason, outcome.line, outcome.granted_packs) == ("out_of_stock", None, 0)
    assert outcome.substitute is not None
    assert outcome.substitute.barcode == CRANE, "the first of the same price band that is there"
    assert world.demand() == [(LIQUN, 20, 0, "out_of_stock")]


def test_the_substitute_is_one_the_retailer_bought_before(world: World) -> None:
    ring(world, "call-1")
    ask(world, "call-1", TAISHAN, 1)
    with world.desk() as desk:
        desk.draft("call-1").confirm()
    world.clock.move(days=7)
    world.supply()
    world.stock(LIQUN, 0)
    ring(world, "call-2")
    instead = ask(world, "call-2", LIQUN, 2).substitute
    assert instead is not None
    assert instead.barcode == TAISHAN


def test_a_spec_that_no_catalogue_has_is_refused_and_still_kept_as_demand(world: World) -> None:
    ring(world, "call-1")
    outcome = ask(world, "call-1", "6900000000000", 2)
    assert (outcome.reason, outcome.line, outcome.substitute) == ("not_in_catalogue", None, None)
    assert world.demand() == [("6900000000000", 20, 0, "not_in_catalogue")]


def test_none_supplied_none_allotted_and_all_used_up_are_three_reasons(world: World) -> None:
    world.no_supply(CHINA)
    world.stock(CRANE, 0)
    world.limit(CRANE, 0)
    world.limit(LIQUN, 0)
    world.limit(CLASSIC, 2)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 2)
    reasons = {barcode: ask(world, "call-1", barcode, 1).reason for barcode in (CHINA, CRANE, LIQUN, CLASSIC)}
    assert reasons == {CHINA: "out_of_stock", CRANE: "out_of_stock", LIQUN: "not_allotted", CLASSIC: "limit"}
    used_up = ask(world, "call-1", CLASSIC, 1)
    assert (used_up.limit_packs, used_up.has_packs) == (2 * CARTON, 2 * CARTON)


def test_several_requests_in_one_breath_are_answered_in_their_order(world: World) -> None:
    ring(world, "call-1")
    with world.desk() as desk:
        requests = [LineRequest(CHINA, 10), LineRequest(CLASSIC, 20), LineRequest(ERA, 500)]
        outcomes = desk.draft("call-1").set_lines(requests)
    assert [(o.barcode, o.granted_packs) for o in outcomes] == [(CHINA, 10), (CLASSIC, 20), (ERA, 200)]


def test_an_order_has_no_more_than_the_department_allows(world: World) -> None:
    world.department_rule("order_max_packs", 100)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 6)
    outcome = ask(world, "call-1", CHINA, 6)
    assert (outcome.granted_packs, outcome.reason) == (40, "order_max")


def test_an_order_has_no_more_of_a_price_band_than_the_department_allows(world: World) -> None:
    world.department_rule("band_max_cartons_10", 7)
    ring(world, "call-1")
    assert ask(world, "call-1", CLASSIC, 5).reason is None
    outcome = ask(world, "call-1", ERA, 5)
    assert (outcome.granted_packs, outcome.reason) == (20, "band_max")
    assert ask(world, "call-1", CHINA, 5).reason is None, "another band"


def test_a_price_bands_most_counts_what_the_whole_cycle_brought(world: World) -> None:
    world.department_rule("band_max_cartons_10", 7)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 5)
    with world.desk() as desk:
        desk.draft("call-1").confirm()
    world.clock.move(days=1)
    world.missed(SHOP)
    world.supply()
    with world.desk() as desk:
        desk.open_draft("call-2", world.retailer(), desk.hotline(SUPPLEMENTARY))
    outcome = ask(world, "call-2", ERA, 5)
    assert (outcome.granted_packs, outcome.reason) == (20, "band_max")
    world.clock.move(days=6)
    world.supply()
    ring(world, "call-3")
    assert ask(world, "call-3", ERA, 7).reason is None, "a new cycle"


def test_the_order_bounds_do_not_cut_a_resumed_draft(world: World) -> None:
    world.department_rule("order_max_packs", 100)
    world.department_rule("band_max_cartons_10", 6)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 6)
    ask(world, "call-1", CHINA, 4)
    world.clock.move(minutes=20)
    with world.session() as session:
        release_expired(session, world.clock())
    with world.desk() as desk:
        assert desk.draft("call-1").confirm().order.total_packs == 100
    world.check_books()


def test_too_small_an_order_is_not_saved_before_more_is_added(world: World) -> None:
    world.department_rule("order_min_packs", 50)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 4)
    with world.desk() as desk, pytest.raises(DeskRefusal, match="order_min"):
        desk.draft("call-1").confirm()
    ask(world, "call-1", CLASSIC, 1)
    with world.desk() as desk:
        assert desk.draft("call-1").confirm().order.total_packs == 50


def test_reservations_last_as_long_as_the_department_says(world: World) -> None:
    world.department_rule("hold_minutes", 5)
    world.stock(CLASSIC, 1)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 1)
    world.clock.move(minutes=6)
    ring(world, "call-2", STATION)
    assert ask(world, "call-2", CLASSIC, 1).reason is None


@pytest.mark.parametrize(("name", "value"), [("order_max", 5), ("band_max_cartons_x", 5), ("hold_minutes", 0)])
def test_a_rule_that_does_not_exist_or_makes_no_sense_is_refused(world: World, name: str, value: int) -> None:
    with pytest.raises(UnknownRule):
        world.department_rule(name, value)


def test_nothing_is_saved_without_lines(world: World) -> None:
    ring(world, "call-1")
    with world.desk() as desk, pytest.raises(DeskRefusal, match="empty"):
        desk.draft("call-1").confirm()


def test_a_second_order_on_one_day_is_refused_whoever_calls(world: World) -> None:
    ring(world, "call-1")
    ring(world, "call-2")
    ask(world, "call-1", CLASSIC, 5)
    ask(world, "call-2", CLASSIC, 2)
    with world.desk() as desk:
        desk.draft("call-1").confirm()
    with world.desk() as desk, pytest.raises(DeskRefusal, match="already_ordered"):
        desk.draft("call-2").confirm()
    with pytest.raises(DeskRefusal, match="already_ordered"):
        ring(world, "call-3")
    world.check_books()


def test_a_dropped_call_is_taken_up_where_it_ended(world: World) -> None:
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 5)
    with world.desk() as desk:
        desk.draft("call-1").abandon()
    retailer = world.retailer()
    with world.desk() as desk:
        eligibility = desk.eligibility(retailer, desk.hotline(MAIN))
    assert eligibility.draft is not None
    assert eligibility.draft.lines[0].granted_packs == 50
    ring(world, "call-2")
    assert cartons_of(world, "call-2") == {CLASSIC: 5}
    assert cartons_of(world, "call-1") == {}
    world.check_books()


def test_an_order_by_another_channel_discards_the_draft_which_releases_its_holds(world: World) -> None:
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 5)
    with world.desk() as desk:
        desk.draft("call-1").abandon()
    with world.desk() as desk:
        desk.open_channel_draft("call-2", world.retailer(), "web")
    assert cartons_of(world, "call-2") == {}
    world.check_books()


def test_a_call_that_is_still_going_on_is_not_taken_from(world: World) -> None:
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 5)
    ring(world, "call-2")
    assert cartons_of(world, "call-1") == {CLASSIC: 5}
    assert cartons_of(world, "call-2") == {}


def test_what_a_dead_call_held_is_free_for_others_after_its_time(world: World) -> None:
    world.stock(CLASSIC, 10)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 10)
    world.change_retailer("410502100037", order_weekday=0)
    ring(world, "call-2", "410502100037")
    assert ask(world, "call-2", CLASSIC, 4).reason == "out_of_stock"
    world.clock.move(minutes=16)
    assert ask(world, "call-2", CLASSIC, 4).granted_packs == 40
    world.check_books()


def test_holds_that_went_to_others_have_to_be_read_back_again(world: World) -> None:
    world.stock(CLASSIC, 10)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 10)
    ask(world, "call-1", CHINA, 1)
    world.clock.move(minutes=16)
    ring(world, "call-2", "410502100037")
    ask(world, "call-2", CLASSIC, 4)
    with world.desk() as desk, pytest.raises(DeskRefusal, match="holds_lost"):
        desk.draft("call-1").confirm()
    assert cartons_of(world, "call-1") == {CLASSIC: 6, CHINA: 1}
    with world.desk() as desk:
        assert desk.draft("call-1").confirm().order.total_packs == 70
    world.check_books()


def test_holds_that_ran_out_but_went_to_nobody_are_saved_as_read_back(world: World) -> None:
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 10)
    world.clock.move(hours=1)
    with world.desk() as desk:
        assert desk.draft("call-1").confirm().order.total_packs == 100
    world.check_books()


def test_an_order_begun_before_midnight_is_not_saved_after_it(world: World) -> None:
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 10)
    world.clock.move(days=7)
    with world.desk() as desk, pytest.raises(DeskRefusal, match="closed"):
        desk.draft("call-1").confirm()


def test_what_is_usual_is_what_stands_on_most_orders(world: World) -> None:
    for lines in ([CLASSIC, CHINA], [CHINA], [CHINA, ERA, CLASSIC]):
        ring(world, f"call-{world.clock()}")
        for barcode in lines:
            ask(world, f"call-{world.clock()}", barcode, 1)
        with world.desk() as desk:
            desk.draft(f"call-{world.clock()}").confirm()
        world.clock.move(weeks=1)
        world.supply()
    retailer = world.retailer()
    with world.desk() as desk:
        assert tuple(desk.past_quantities(retailer)) == (CHINA, CLASSIC, ERA)
        last = desk.last_order(retailer)
    assert last is not None
    assert [line.barcode for line in last.lines] == [CHINA, ERA, CLASSIC]


def test_the_available_specs_say_what_is_left(world: World) -> None:
    world.stock(LIQUN, 0)
    ring(world, "call-1")
    ask(world, "call-1", CLASSIC, 5)
    retailer = world.retailer()
    with world.desk() as desk:
        assert len(desk.available_specs(retailer)) == 6
        available = desk.available_spec(retailer, CLASSIC)
        assert available is not None
        assert (available.limit_left_packs, available.stock_left_packs) == (150, 950)


def test_an_unknown_number_is_answered_as_the_main_line(world: World) -> None:
    with world.desk() as desk:
        assert desk.hotline("+4900000").number == MAIN
        assert desk.hotline(SUPPLEMENTARY).kind == "supplementary"
