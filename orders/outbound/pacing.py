"""The choice of the next outbound calls: arithmetic on what is passed in, and nothing else.

No retailer is called outside the hours of the line and the window of its batch, at a number it did not register, twice
at once, after it ordered or asked not to be called, or more often than the department allows; and never are more calls
under way than there are lines, and operators to take what the automatic order line cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from orders.outbound.models import ALL_BATCHES, AttemptOutcome
from orders.windows import Window

# Shops are open, and lunch takes only a part of it.
DEFAULT_WINDOW = Window(opens=9 * 60, closes=17 * 60)

FINAL_OUTCOMES: frozenset[AttemptOutcome] = frozenset({"ordered", "operator", "declined"})
"""The outcomes after which a retailer is not called again that day."""
UNCOUNTED_OUTCOMES: frozenset[AttemptOutcome] = frozenset({"cancelled"})
"""The outcomes that do not count as attempts: the call was ended by us before an answer."""


@dataclass(frozen=True, slots=True)
class PacingRules:
    """The department's rules for outbound calls: attempts per retailer, pauses in between, calls under way at once."""

    attempts_max: int = 3
    pause: timedelta = timedelta(minutes=30)
    pause_busy: timedelta = timedelta(minutes=10)
    lines: int = 2
    calls_per_operator: int = 3
    windows: Mapping[str, Window] = field(default_factory=dict)

    def window(self, batch: str) -> Window:
        """The hours in which the retailers of this batch are called."""
        return self.windows.get(batch) or self.windows.get(ALL_BATCHES) or DEFAULT_WINDOW


@dataclass(frozen=True, slots=True)
class PastAttempt:
    """One call to a retailer today; without an outcome it is under way."""

    phone: str
    at: datetime
    outcome: AttemptOutcome | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A retailer that is due today and may be called. `phones` are those it registered; `ready` means that it is in no
    call just now, and no operator has promised it one."""

    retailer_id: int
    phones: tuple[str, ...]
    batch: str = ""
    attempts: tuple[PastAttempt, ...] = ()
    ready: bool = True


@dataclass(frozen=True, slots=True)
class DialState:
    """The state of outbound calling at one moment: the day called for, the hours of the line, the calls under way, and
    the operators who are free."""

    now: datetime
    day: date
    hours: Window
    under_way: int
    free_operators: int


@dataclass(frozen=True, slots=True)
class Dial:
    """One retailer to call now, at this number."""

    retailer_id: int
    phone: str


def free_slots(rules: PacingRules, moment: DialState) -> int:
    """The number of further calls that may be placed."""
    return max(0, min(rules.lines, moment.free_operators * rules.calls_per_operator) - moment.under_way)


def next_dials(candidates: Iterable[Candidate], rules: PacingRules, moment: DialState) -> list[Dial]:
    """The calls to place now: retailers whose window closes first, then those called least and longest ago."""
    slots = free_slots(rules, moment)
    if not slots or moment.hours.day_at(moment.now) != moment.day:
        return []
    due = [one for one in candidates if is_due(one, rules, moment)]
    due.sort(
        key=lambda one: (
            rules.window(one.batch).closes,
            len(_counted(one)),
            one.attempts[-1].at if one.attempts else moment.now - timedelta(days=1),
            one.retailer_id,
        )
    )
    return [Dial(one.retailer_id, _next_phone(one)) for one in due[:slots]]


def is_due(one: Candidate, rules: PacingRules, moment: DialState) -> bool:
    """True if this retailer may be called now, provided that a further call may be placed."""
    if not one.ready or is_being_called(one) or is_finished(one, rules):
        return False
    return not_before(one, rules, moment.day) <= moment.now < rules.window(one.batch).closes_at(moment.day)


def not_before(one: Candidate, rules: PacingRules, day: date) -> datetime:
    """The earliest moment this retailer may be called, or called again: its window is open, and the pause is over."""
    pauses = [tried.at + _pause_after(tried, rules) for tried in one.attempts]
    return max([rules.window(one.batch).opens_at(day), *pauses])


def is_being_called(one: Candidate) -> bool:
    """True if a call to this retailer is under way."""
    return any(tried.outcome is None for tried in one.attempts)


def is_finished(one: Candidate, rules: PacingRules) -> bool:
    """True if this retailer will not be called again that day: it was reached, or tried often enough, or has no number
    at which it could be reached."""
    is_final = any(tried.outcome in FINAL_OUTCOMES for tried in one.attempts)
    return is_final or len(_counted(one)) >= rules.attempts_max or not _callable_phones(one)


def _pause_after(tried: PastAttempt, rules: PacingRules) -> timedelta:
    if tried.outcome in UNCOUNTED_OUTCOMES:
        return timedelta()
    return rules.pause_busy if tried.outcome == "busy" else rules.pause


def _counted(one: Candidate) -> list[PastAttempt]:
    return [tried for tried in one.attempts if tried.outcome not in UNCOUNTED_OUTCOMES]


def _callable_phones(one: Candidate) -> list[str]:
    """The numbers that may be called: those at which no other person answered."""
    wrong_numbers = {tried.phone for tried in one.attempts if tried.outcome == "wrong_person"}
    return [phone for phone in one.phones if phone not in wrong_numbers]


def _next_phone(one: Candidate) -> str:
    """The number called least so far."""
    return min(_callable_phones(one), key=lambda phone: sum(tried.phone == phone for tried in one.attempts))
