"""The choice of the next retailers to call: on any day, none is called that must not be."""

from __future__ import annotations

from collections import Counter
from datetime import date, datetime, timedelta
from typing import get_args

from hypothesis import given
from hypothesis import strategies as st

from clock import SHANGHAI
from orders.outbound.models import AttemptOutcome
from orders.outbound.pacing import (
    FINAL_OUTCOMES,
    UNCOUNTED_OUTCOMES,
    Candidate,
    Dial,
    DialState,
    PacingRules,
    PastAttempt,
    next_dials,
)
from orders.windows import ALWAYS, Window

DAY = date(2026, 11, 23)
MORNING = Window(9 * 60, 11 * 60)
AFTERNOON = Window(14 * 60, 16 * 60)
PHONES = ("+8613800000012", "+8613800000013")


def at(clock: str, second: int = 0) -> datetime:
    return datetime(2026, 11, 23, int(clock[:2]), int(clock[3:]), second, tzinfo=SHANGHAI)


def moment(clock: str = "10:00", *, under_way: int = 0, free: int = 9, line: Window = ALWAYS) -> DialState:
    return DialState(at(clock), DAY, line, under_way, free)


def shop(number: int = 1, *past: PastAttempt, batch: str = "", ready: bool = True) -> Candidate:
    return Candidate(number, (f"+86138{number:08d}",), batch, past, ready)


def attempt(clock: str, outcome: AttemptOutcome | None = None, phone: str = "+8613800000001") -> PastAttempt:
    return PastAttempt(phone, at(clock), outcome)


def whom(candidates: list[Candidate], rules: PacingRules, now: DialState) -> list[int]:
    return [dial.retailer_id for dial in next_dials(candidates, rules, now)]


def test_those_never_called_come_before_those_called_in_vain() -> None:
    shops = [shop(1, attempt("09:00", "no_answer")), shop(2, attempt("08:30", "busy")), shop(3)]
    assert whom(shops, PacingRules(lines=9), moment()) == [3, 2, 1]


def test_the_batch_whose_window_closes_first_comes_first() -> None:
    rules = PacingRules(lines=9, windows={"近": MORNING, "远": Window(9 * 60, 10 * 60 + 30)})
    assert whom([shop(1, batch="近"), shop(2, batch="远")], rules, moment()) == [2, 1]


def test_a_batch_is_called_in_its_own_window_and_others_in_the_departments() -> None:
    rules = PacingRules(lines=9, windows={"": MORNING, "下午": AFTERNOON})
    shops = [shop(1), shop(2, batch="下午")]
    assert whom(shops, rules, moment("10:59")) == [1]
    assert whom(shops, rules, moment("11:00")) == []
    assert whom(shops, rules, moment("14:00")) == [2]


def test_without_a_window_of_the_department_nobody_is_called_at_night() -> None:
    assert whom([shop()], PacingRules(), moment("08:59")) == []
    assert whom([shop()], PacingRules(), moment("09:00")) == [1]
    assert whom([shop()], PacingRules(), moment("17:00")) == []


def test_nobody_is_called_outside_the_hours_of_the_line() -> None:
    assert whom([shop()], PacingRules(), moment("10:00", line=AFTERNOON)) == []


def test_after_busy_the_pause_is_shorter_than_after_no_answer() -> None:
    rules = PacingRules(pause=timedelta(minutes=30), pause_busy=timedelta(minutes=10))
    busy, absent = shop(1, attempt("10:00", "busy")), shop(2, attempt("10:00", "no_answer"))
    assert whom([busy, absent], rules, moment("10:09")) == []
    assert whom([busy, absent], rules, moment("10:10")) == [1]
    assert whom([absent], rules, moment("10:30")) == [2]


def test_nobody_is_called_more_often_than_the_department_allows() -> None:
    past = [attempt("09:00", "no_answer"), attempt("09:10", "busy"), attempt("09:20", "machine")]
    assert whom([shop(1, *past[:2])], PacingRules(attempts_max=3), moment("12:00")) == [1]
    assert whom([shop(1, *past)], PacingRules(attempts_max=3), moment("12:00")) == []


def test_what_the_stop_button_ended_does_not_count() -> None:
    past = [attempt("09:00", "cancelled")] * 5
    assert whom([shop(1, *past)], PacingRules(attempts_max=1), moment()) == [1]


def test_where_a_stranger_picked_up_another_number_is_called_and_else_none() -> None:
    stranger = PastAttempt(PHONES[0], at("09:00"), "wrong_person")
    both = Candidate(1, PHONES, attempts=(stranger,))
    assert next_dials([both], PacingRules(), moment()) == [Dial(1, PHONES[1])]
    assert next_dials([Candidate(1, PHONES[:1], attempts=(stranger,))], PacingRules(), moment()) == []


def test_two_numbers_of_one_shop_take_turns() -> None:
    first = Candidate(1, PHONES, attempts=(PastAttempt(PHONES[0], at("09:00"), "no_answer"),))
    assert next_dials([first], PacingRules(), moment()) == [Dial(1, PHONES[1])]


def test_no_more_is_begun_than_lines_and_free_operators_allow() -> None:
    shops = [shop(number) for number in range(1, 20)]
    assert len(next_dials(shops, PacingRules(lines=4), moment(under_way=1))) == 3
    assert len(next_dials(shops, PacingRules(lines=9, calls_per_operator=2), moment(free=2))) == 4
    assert next_dials(shops, PacingRules(lines=9), moment(free=0)) == []
    assert next_dials(shops, PacingRules(lines=2), moment(under_way=5)) == []


# Properties of any day.

outcomes = st.none() | st.sampled_from(get_args(AttemptOutcome))
moments_of_day = st.integers(0, 24 * 60 - 1).map(lambda minutes: at("00:00") + timedelta(minutes=minutes))
day_windows = st.tuples(st.integers(0, 1440), st.integers(0, 1440)).map(lambda pair: Window(min(pair), max(pair)))


@st.composite
def days(draw: st.DrawFn) -> tuple[list[Candidate], PacingRules, DialState]:
    now = draw(moments_of_day)
    shops = []
    for number in range(draw(st.integers(0, 8))):
        phones = tuple(f"+86139{number:04d}{place:04d}" for place in range(draw(st.integers(0, 2))))
        past = [
            PastAttempt(
                draw(st.sampled_from((*phones, "+8613700000000"))),
                now - timedelta(minutes=draw(st.integers(0, 90))),
                draw(outcomes),
            )
            for _ in range(draw(st.integers(0, 4)))
        ]
        past.sort(key=lambda one: one.at)
        batch = draw(st.sampled_from(("", "东", "西")))
        shops.append(Candidate(number, phones, batch, tuple(past), draw(st.booleans())))
    rules = PacingRules(
        attempts_max=draw(st.integers(0, 4)),
        pause=timedelta(minutes=draw(st.integers(0, 60))),
        pause_busy=timedelta(minutes=draw(st.integers(0, 60))),
        lines=draw(st.integers(0, 5)),
        calls_per_operator=draw(st.integers(0, 4)),
        windows=draw(st.dictionaries(st.sampled_from(("", "东", "西")), day_windows)),
    )
    under_way = sum(one.outcome is None for shop in shops for one in shop.attempts)
    return shops, rules, DialState(now, DAY, draw(day_windows), under_way, draw(st.integers(0, 4)))


@given(days())
def test_never_more_calls_than_lines_or_operators(day: tuple[list[Candidate], PacingRules, DialState]) -> None:
    shops, rules, now = day
    dials = next_dials(shops, rules, now)
    if dials:
        assert now.under_way + len(dials) <= min(rules.lines, now.free_operators * rules.calls_per_operator)


@given(days())
def test_never_outside_the_window_or_the_hours(day: tuple[list[Candidate], PacingRules, DialState]) -> None:
    shops, rules, now = day
    by_id = {shop.retailer_id: shop for shop in shops}
    for dial in next_dials(shops, rules, now):
        for window in (now.hours, rules.window(by_id[dial.retailer_id].batch)):
            assert window.opens_at(DAY) <= now.now < window.closes_at(DAY)


@given(days())
def test_never_an_unregistered_number_never_twice_at_once_never_too_soon_or_too_often(
    day: tuple[list[Candidate], PacingRules, DialState],
) -> None:
    shops, rules, now = day
    dials = next_dials(shops, rules, now)
    assert all(count == 1 for count in Counter(dial.retailer_id for dial in dials).values())
    assert all(count == 1 for count in Counter(dial.phone for dial in dials).values())
    by_id = {shop.retailer_id: shop for shop in shops}
    for dial in dials:
        shop = by_id[dial.retailer_id]
        assert dial.phone in shop.phones
        assert shop.ready
        assert all(one.outcome is not None and one.outcome not in FINAL_OUTCOMES for one in shop.attempts)
        counted = [one for one in shop.attempts if one.outcome not in UNCOUNTED_OUTCOMES]
        assert len(counted) < rules.attempts_max
        assert all(now.now - one.at >= min(rules.pause, rules.pause_busy) for one in counted)
        assert (dial.phone, "wrong_person") not in {(one.phone, one.outcome) for one in shop.attempts}


@given(days())
def test_nobody_who_may_be_called_is_kept_waiting_while_lines_are_free(
    day: tuple[list[Candidate], PacingRules, DialState],
) -> None:
    shops, rules, now = day
    first = next_dials(shops, rules, now)
    slots = min(rules.lines, now.free_operators * rules.calls_per_operator) - now.under_way
    if len(first) < slots:
        rest = [shop for shop in shops if shop.retailer_id not in {dial.retailer_id for dial in first}]
        assert next_dials(rest, rules, now) == []
