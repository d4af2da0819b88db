"""A code needs its PIN, and a guesser is locked out."""

from __future__ import annotations

import time
from statistics import median

from orders.book.desk import PinCheck
from orders.lockout import LockRules
from orders.retailers.caller_numbers import WITHHELD
from tests.support.desk_world import CORNER, PIN, SHOP, World

UNKNOWN = "410502199999"
CALLER = "+8613911112222"


def try_pin(world: World, code: str = SHOP, pin: str = PIN, caller: str = CALLER) -> PinCheck:
    with world.desk() as desk:
        return desk.verify_pin(code, pin, caller)


def test_the_right_pin_lets_the_retailer_in(world: World) -> None:
    answer = try_pin(world)
    assert answer.ok
    assert answer.retailer is not None
    assert answer.retailer.customer_code == SHOP


def test_an_unknown_code_gets_the_same_answers_as_a_wrong_pin(world: World) -> None:
    for attempt in range(6):
        caller = f"+86139{attempt}"
        assert try_pin(world, SHOP, "0000", caller) == try_pin(world, UNKNOWN, "0000", caller)


def test_an_unknown_code_takes_as_long_as_a_wrong_pin(world: World) -> None:
    def spent(code: str, caller: str) -> float:
        start = time.thread_time()
        try_pin(world, code, "0000", caller)
        return time.thread_time() - start

    spent(UNKNOWN, "warm up")
    wrong = median(spent(SHOP, f"a{n}") for n in range(4))
    unknown = median(spent(UNKNOWN, f"b{n}") for n in range(4))
    assert 0.5 < wrong / unknown < 2


def test_five_wrong_pins_lock_the_retailer_even_for_the_right_one(world: World) -> None:
    answers = [try_pin(world, SHOP, "0000", f"+86139{n}") for n in range(5)]
    assert [answer.locked for answer in answers] == [False, False, False, False, True]
    assert try_pin(world) == PinCheck(ok=False, locked=True)
    assert try_pin(world, CORNER).ok, "others are not locked"
    world.clock.move(minutes=15)
    assert try_pin(world).ok


def test_the_right_pin_forgets_the_wrong_ones_before(world: World) -> None:
    for _ in range(3):
        for n in range(4):
            try_pin(world, SHOP, "0000", f"+86139{n}")
        assert try_pin(world).ok


def test_wrong_pins_long_ago_do_not_count(world: World) -> None:
    for n in range(8):
        assert not try_pin(world, SHOP, "0000", f"+86139{n}").locked
        world.clock.move(minutes=5)


def test_a_number_that_tries_many_codes_is_locked(world: World) -> None:
    answers = [try_pin(world, f"4105021999{n:02d}", "0000") for n in range(10)]
    assert [answer.locked for answer in answers] == [False] * 9 + [True]
    assert try_pin(world).locked, "the right code and PIN from that number as well"
    assert try_pin(world, caller="+8613733334444").ok


def test_callers_without_a_number_share_no_lock(world: World) -> None:
    answers = [try_pin(world, f"4105021999{n:02d}", "0000", WITHHELD) for n in range(20)]
    assert not any(answer.locked for answer in answers)
    assert try_pin(world, caller=WITHHELD).ok, "one who guesses locks out no other caller without a number"


def test_without_a_number_the_code_is_locked_and_everybody_at_last(world: World) -> None:
    answers = [try_pin(world, SHOP, "0000", WITHHELD) for _ in range(5)]
    assert [answer.locked for answer in answers] == [False, False, False, False, True]
    assert try_pin(world, caller=WITHHELD).locked
    world.clock.move(minutes=15)
    world.locks = LockRules(overall=6)
    for n in range(6):
        try_pin(world, f"4105021999{n:02d}", "0000", WITHHELD)
    assert try_pin(world, CORNER, caller=WITHHELD).locked


def test_guessing_from_everywhere_locks_everybody_for_a_while(world: World) -> None:

    world.locks = LockRules(overall=6)
    for n in range(6):
        try_pin(world, f"4105021999{n:02d}", "0000", f"+86139{n}")
    assert try_pin(world, caller="+8613733334444").locked
    world.clock.move(minutes=15)
    assert try_pin(world).ok


def test_a_registered_number_needs_no_pin(world: World) -> None:
    with world.desk() as desk:
        caller = desk.retailer_by_phone("+8613800000012")
        assert caller is not None
        assert caller.customer_code == SHOP
        assert desk.retailer_by_phone("+8613800000099") is None
        assert desk.customer_codes() >= {SHOP, CORNER}
