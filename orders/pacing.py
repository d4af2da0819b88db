"""Who is rung next: arithmetic on what is passed in, and nothing else.

Nobody is rung outside the hours of the line and the window of their batch, at a number they did not register, twice at
once, after they ordered or asked to be left alone, or more often than the house allows; and never more calls are under
way than there are lines, and operators to take what the machine cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from orders.outbound_tables import EVERYBODY, AttemptOutcome
from orders.windows import Window

# Shops are open, and nobody is at lunch or asleep for all of it.
OWN_WINDOW = Window(opens=9 * 60, closes=17 * 60)

SETTLED: frozenset[AttemptOutcome] = frozenset({"ordered", "operator", "declined"})
"""After these a retailer is not rung again that day."""
NOT_COUNTED: frozenset[AttemptOutcome] = frozenset({"canceled"})
"""Of these the retailer knows nothing, or it was our own doing."""


@dataclass(frozen=True, slots=True)
class Pacing:
    """The house's rules: how often a retailer is rung, how long is waited in between, and how much goes on at once."""

    attempts_max: int = 3
    pause: timedelta = timedelta(minutes=30)
    pause_busy: timedelta = timedelta(minutes=10)
    lines: int = 2
    calls_per_operator: int = 3
    windows: Mapping[str, Window] = field(default_factory=dict)

    def window(self, batch: str) -> Window:
        """When the retailers of this batch are rung."""
        return self.windows.get(batch) or self.windows.get(EVERYBODY) or OWN_WINDOW


@dataclass(frozen=True, slots=True)
class Tried:
    """One time a retailer was rung today; without an outcome the call is under way."""

    phone: str
    at: datetime
    outcome: AttemptOutcome | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A retailer that is due today. `phones` are those it registered; `ready` says that it may order and has not, is
    in no call, and did not ask to be left alone."""

    retailer_id: int
    phones: tuple[str, ...]
    batch: str = ""
    tried: tuple[Tried, ...] = ()
    ready: bool = True


@dataclass(frozen=True, slots=True)
class Moment:
    """How things stand: the day that is rung for, the hours of the line, how many calls are under way, and how many
    operators have nothing to do."""

    now: datetime
    day: date
    line: Window
    under_way: int
    free_operators: int


@dataclass(frozen=True, slots=True)
class Dial:
    """One retailer to ring now, at this number."""

    retailer_id: int
    phone: str


def room_for(rules: Pacing, moment: Moment) -> int:
    """How many calls more there may be."""
    return max(0, min(rules.lines, moment.free_operators * rules.calls_per_operator) - moment.under_way)


def next_dials(candidates: Iterable[Candidate], rules: Pacing, moment: Moment) -> list[Dial]:
    """Who is rung now. Those whose window closes first come first, then those rung least and longest ago."""
    room = room_for(rules, moment)
    if not room or moment.line.day_at(moment.now) != moment.day:
        return []
    due = [one for one in candidates if is_due(one, rules, moment)]
    due.sort(
        key=lambda one: (
            rules.window(one.batch).closes,
            len(_counted(one)),
            one.tried[-1].at if one.tried else moment.now - timedelta(days=1),
            one.retailer_id,
        )
    )
    return [Dial(one.retailer_id, _phone(one)) for one in due[:room]]


def is_due(one: Candidate, rules: Pacing, moment: Moment) -> bool:
    """Whether this retailer may be rung now, if there is room."""
    if not one.ready or is_being_rung(one) or is_done(one, rules):
        return False
    return not_before(one, rules, moment.day) <= moment.now < rules.window(one.batch).closes_at(moment.day)


def not_before(one: Candidate, rules: Pacing, day: date) -> datetime:
    """From when this retailer may be rung, or rung again: its window opens, and the pause is over."""
    pauses = [tried.at + _pause_after(tried, rules) for tried in one.tried]
    return max([rules.window(one.batch).opens_at(day), *pauses])


def is_being_rung(one: Candidate) -> bool:
    """Whether a call to this retailer is under way."""
    return any(tried.outcome is None for tried in one.tried)


def is_done(one: Candidate, rules: Pacing) -> bool:
    """Whether this retailer will not be rung again that day: it was reached, or often enough in vain, or is at no
    number it could be rung at."""
    settled = any(tried.outcome in SETTLED for tried in one.tried)
    return settled or len(_counted(one)) >= rules.attempts_max or not _phones(one)


def _pause_after(tried: Tried, rules: Pacing) -> timedelta:
    if tried.outcome in NOT_COUNTED:
        return timedelta()
    return rules.pause_busy if tried.outcome == "busy" else rules.pause


def _counted(one: Candidate) -> list[Tried]:
    return [tried for tried in one.tried if tried.outcome not in NOT_COUNTED]


def _phones(one: Candidate) -> list[str]:
    """The numbers that may be rung: not where somebody else picked up."""
    strangers = {tried.phone for tried in one.tried if tried.outcome == "wrong_person"}
    return [phone for phone in one.phones if phone not in strangers]


def _phone(one: Candidate) -> str:
    """The number rung least so far."""
    return min(_phones(one), key=lambda phone: sum(tried.phone == phone for tried in one.tried))
