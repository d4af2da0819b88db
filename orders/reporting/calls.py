"""The figures of a period's calls that the reports show. The order desk does not know the telephone, so whoever makes a
report passes them in."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from typing import Literal

from sqlalchemy.orm import Session

from orders.outbound.models import AttemptOutcome
from orders.reporting.period import Period

CallOutcome = Literal["ordered", "ordered_with_operator", "unsaved", "operator", "callback", "abandoned", "no_order"]
"""The outcome of a call that was made to the line and is over: an order, without or with an operator; lines that were
not saved; an operator without an order; a callback asked for; given up while waiting; or none of them."""

ANSWERED_WITHIN = timedelta(seconds=20)
SERVICE_LEVEL_GOAL = Fraction(80, 100)
"""The customary goal of call centres: four callers in five reach an operator within 20 seconds."""
SHORT_WAIT = timedelta(seconds=5)
"""Who hangs up sooner did not wait for an operator, and is not counted against the service level."""


@dataclass(frozen=True, slots=True)
class ServiceFigures:
    """Callers who wanted an operator and no longer wait: those who reached one, `in_time` of them within
    ANSWERED_WITHIN; those who gave up, `at_once` of them within SHORT_WAIT; and those who asked for a callback or went
    back to the automatic line instead. Times are of waiting: the mean and the longest of those who reached an operator,
    and the mean of those who gave up."""

    answered: int = 0
    in_time: int = 0
    abandoned: int = 0
    at_once: int = 0
    callbacks: int = 0
    returned: int = 0
    mean_wait: timedelta = timedelta()
    longest_wait: timedelta = timedelta()
    mean_abandoned: timedelta = timedelta()

    @property
    def level(self) -> Fraction | None:
        """The service level: answered in time, of all who waited for an answer and did not hang up at once."""
        waited = self.answered + self.abandoned - self.at_once
        return Fraction(self.in_time, waited) if waited else None

    @property
    def abandonment(self) -> Fraction | None:
        """The share of the callers who waited, and gave up."""
        waited = self.answered + self.abandoned - self.at_once
        return Fraction(self.abandoned - self.at_once, waited) if waited else None


@dataclass(frozen=True, slots=True)
class OperatorFigures:
    """One operator's calls: how many were taken, how many rang and were not answered, how the taken ones ended, and the
    callbacks that reached someone; the orders they saved, in or out of calls, with their packs. `staff_id` is the
    operator's account. `talk_time` is that of the conversations that are over, `talks` of them: from the answer until
    the caller or the operator has gone; `wrap_up_time` is from then until the call was closed at the desk."""

    name: str
    staff_id: int = 0
    taken: int = 0
    unanswered: int = 0
    finished: int = 0
    given_back: int = 0
    callbacks: int = 0
    orders: int = 0
    packs: int = 0
    talks: int = 0
    talk_time: timedelta = timedelta()
    wrap_ups: int = 0
    wrap_up_time: timedelta = timedelta()

    @property
    def mean_talk(self) -> timedelta | None:
        return self.talk_time / self.talks if self.talks else None

    @property
    def mean_wrap_up(self) -> timedelta | None:
        return self.wrap_up_time / self.wrap_ups if self.wrap_ups else None


@dataclass(frozen=True, slots=True)
class CallFigures:
    """The calls of a period: those made to the line by outcome, without the `under_way` ones, which have none yet; the
    outbound ones by outcome; the service of callers who wanted an operator; and the operators."""

    outcomes: Mapping[CallOutcome, int]
    under_way: int
    outbound: Mapping[AttemptOutcome, int]
    service: ServiceFigures
    operators: Sequence[OperatorFigures]


CallFiguresOf = Callable[[Session, Period, datetime], CallFigures]
