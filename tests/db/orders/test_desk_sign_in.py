"""A code needs its PIN. Who guesses waits longer and longer, and the retailer at its usual telephone does not."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from statistics import median

from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, func, select

import storage
from orders.book.desk import PinCheck
from orders.lockout import BackOff, forget_old
from orders.models import KnownOrigin, SignInAlarm, SignInCounter
from orders.retailers.caller_numbers import WITHHELD
from orders.sign_in_alarms import open_alarms, settle
from tests.support.desk_world import CORNER, PIN, SHOP, MovingClock, World

UNKNOWN = "410502199999"
CALLER = "+8613911112222"
REGISTERED = "+8613800000012"
WAITS = PinCheck(ok=False, has_to_wait=True)


def try_pin(world: World, code: str = SHOP, pin: str = PIN, caller: str = CALLER) -> PinCheck:
    with world.desk() as desk:
        return desk.verify_pin(code, pin, caller)


def alarms(world: World) -> list[tuple[str, str]]:
    with world.session() as session:
        return [(one.kind, one.subject) for one in open_alarms(session)]


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


# --- one code, guessed from many telephones


def test_five_wrong_pins_make_further_ones_wait_even_the_right_one(world: World) -> None:
    answers = [try_pin(world, SHOP, "0000", f"+86139{n}") for n in range(5)]
    assert [answer.has_to_wait for answer in answers] == [False, False, False, False, True]
    assert try_pin(world) == WAITS
    assert try_pin(world, CORNER).ok, "others do not wait"
    world.clock.move(minutes=1)
    assert try_pin(world).ok


def test_each_further_wrong_pin_doubles_the_wait_up_to_an_hour(world: World) -> None:
    for n in range(5):
        try_pin(world, SHOP, "0000", f"+86139{n}")
    for n, minutes in enumerate((1, 2, 4, 8, 16, 32, 60, 60)):
        world.clock.move(minutes=minutes - 0.1)
        assert try_pin(world) == WAITS
        world.clock.move(minutes=0.1)
        assert try_pin(world, SHOP, "0000", f"+86138{n}").has_to_wait


def test_tries_during_the_wait_do_not_make_it_longer(world: World) -> None:
    for n in range(5):
        try_pin(world, SHOP, "0000", f"+86139{n}")
    for n in range(20):
        assert try_pin(world, SHOP, "0000", f"+86138{n}") == WAITS
    world.clock.move(minutes=1)
    assert try_pin(world).ok


@given(free=st.integers(1, 20), failures=st.integers(0, 10_000))
def test_a_wait_never_shrinks_with_more_tries_and_has_its_bound(free: int, failures: int) -> None:
    back_off = BackOff(free, timedelta(minutes=1), timedelta(hours=1))
    assert back_off.wait(failures) <= back_off.wait(failures + 1) <= timedelta(hours=1)
    assert (back_off.wait(failures) > timedelta(0)) == (failures >= free)


def test_the_right_pin_forgets_the_wrong_ones_before(world: World) -> None:
    for round_ in range(3):
        for n in range(4):
            try_pin(world, SHOP, "0000", f"+86139{round_}{n}")
        assert try_pin(world, caller=f"+86137000000{round_}").ok


def test_wrong_pins_of_yesterday_do_not_count(world: World) -> None:
    for n in range(4):
        try_pin(world, SHOP, "0000", f"+86139{n}")
    world.clock.move(hours=25)
    assert not try_pin(world, SHOP, "0000").has_to_wait


# --- the rightful caller goes through


def test_a_guesser_does_not_keep_the_shop_from_its_registered_number(world: World) -> None:
    for n in range(40):
        try_pin(world, SHOP, "0000", f"+86139{n:08}")
    assert try_pin(world) == WAITS, "from a number that is not the shop's"
    assert try_pin(world, caller=REGISTERED).ok


def test_a_number_that_has_signed_in_is_a_usual_one_for_half_a_year(world: World) -> None:
    assert try_pin(world, caller=CALLER).ok
    for n in range(10):
        try_pin(world, SHOP, "0000", f"+86139{n:08}")
    assert try_pin(world, caller=CALLER).ok
    world.clock.move(days=181)
    for n in range(10):
        try_pin(world, SHOP, "0000", f"+86139{n:08}")
    assert try_pin(world, caller=CALLER) == WAITS


def test_a_usual_number_is_usual_for_its_own_code_only(world: World) -> None:
    assert try_pin(world, CORNER, caller=CALLER).ok
    for n in range(5):
        try_pin(world, SHOP, "0000", f"+86139{n:08}")
    assert try_pin(world, SHOP, caller=CALLER) == WAITS


def test_who_spoofs_the_registered_number_waits_and_a_quarter_of_an_hour_at_most(world: World) -> None:
    for _ in range(5):
        try_pin(world, SHOP, "0000", REGISTERED)
    assert try_pin(world, caller=REGISTERED) == WAITS
    assert try_pin(world, caller=CALLER).ok, "other telephones are counted apart"
    for _ in range(8):
        world.clock.move(minutes=15)
        try_pin(world, SHOP, "0000", REGISTERED)
    world.clock.move(minutes=15)
    assert try_pin(world, caller=REGISTERED).ok


# --- one telephone, many codes


def test_a_number_that_tries_many_codes_has_to_wait(world: World) -> None:
    answers = [try_pin(world, f"4105021999{n:02d}", "0000") for n in range(10)]
    assert [answer.has_to_wait for answer in answers] == [False] * 9 + [True]
    assert try_pin(world) == WAITS, "with the right code and PIN as well"
    assert try_pin(world, caller="+8613733334444").ok
    world.clock.move(minutes=1)
    assert try_pin(world).ok


def test_callers_without_a_number_share_no_count(world: World) -> None:
    answers = [try_pin(world, f"4105021999{n:02d}", "0000", WITHHELD) for n in range(40)]
    assert not any(answer.has_to_wait for answer in answers)
    assert try_pin(world, caller=WITHHELD).ok, "one who guesses makes no other caller without a number wait"
    with world.session() as session:
        assert session.scalar(select(func.count()).select_from(KnownOrigin)) == 0, "and none is a usual one"


def test_without_a_number_the_code_has_to_wait_as_well(world: World) -> None:
    answers = [try_pin(world, SHOP, "0000", WITHHELD) for _ in range(5)]
    assert [answer.has_to_wait for answer in answers] == [False, False, False, False, True]
    assert try_pin(world, caller=WITHHELD) == WAITS
    assert try_pin(world, caller=REGISTERED).ok


# --- many telephones, many codes


def test_three_hundred_wrong_pins_from_everywhere_keep_no_shop_from_ordering(world: World) -> None:
    for n in range(302):
        try_pin(world, f"4105021{n % 100:05d}", "1234", f"+86139{n:08}")
    assert try_pin(world).ok
    assert try_pin(world, CORNER, caller=WITHHELD).ok


def test_spraying_under_every_limit_raises_an_alarm(world: World) -> None:
    for n in range(59):
        try_pin(world, f"41050219{n:04d}", "1234", f"+86139{n:08}")
    assert alarms(world) == []
    try_pin(world, "410502199998", "1234", "+8613977777777")
    assert alarms(world) == [("overall", "")]


def test_a_code_that_is_guessed_raises_an_alarm_that_a_person_settles(world: World) -> None:
    for n in range(15):
        try_pin(world, SHOP, "0000", f"+86139{n:08}")
        world.clock.move(hours=1)
    assert alarms(world) == [("retailer", SHOP)]
    with world.session() as session:
        [alarm] = open_alarms(session)
        assert alarm.tries == 15
        assert settle(session, alarm.id, by="the leader", now=world.clock())
        assert not settle(session, alarm.id, by="another one", now=world.clock())
    assert alarms(world) == []
    with world.session() as session:
        assert session.scalars(select(SignInAlarm.settled_by)).one() == "the leader"


def test_a_number_that_goes_on_guessing_raises_an_alarm(world: World) -> None:
    for n in range(30):
        try_pin(world, f"41050219{n:04d}", "0000")
        world.clock.move(hours=1.1)
    assert alarms(world) == [("caller", CALLER)]


def test_guesses_at_once_are_all_counted(engine: Engine, clock: MovingClock) -> None:
    world = World.build(storage.open_sessions(engine), clock)
    guesses = storage.retry_on_deadlock(lambda n: try_pin(world, SHOP, "0000", f"+86139{n:08}"))
    # Each guess takes its time to be hashed, and those behind it wait for as long.
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(guesses, range(8)))
    assert sum(not answer.has_to_wait for answer in answers) == 4
    with world.session() as session:
        assert session.get_one(SignInCounter, f"retailer {SHOP}").failures == 5


def test_what_is_over_is_deleted(world: World) -> None:
    for n in range(3):
        try_pin(world, f"4105021{n:05d}", "0000")
    assert try_pin(world, CORNER).ok
    world.clock.move(days=2)
    with world.session() as session:
        forget_old(session, world.clock())
        assert session.scalar(select(func.count()).select_from(SignInCounter)) == 0
        assert session.scalar(select(func.count()).select_from(KnownOrigin)) == 1
        forget_old(session, world.clock() + timedelta(days=180))
        assert session.scalar(select(func.count()).select_from(KnownOrigin)) == 0


def test_a_registered_number_is_its_retailers(world: World) -> None:
    with world.desk() as desk:
        caller = desk.retailer_by_phone(REGISTERED)
        assert caller is not None
        assert caller.customer_code == SHOP
        assert desk.retailer_by_phone("+8613800000099") is None
        assert desk.customer_codes() >= {SHOP, CORNER}
