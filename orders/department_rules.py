"""The department's own numbers, kept in the database: how much an order may be, how long a reservation lasts."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, Literal

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.audit_log import record_change
from orders.book.headroom import DraftRules
from orders.models import DepartmentRule

BAND_PREFIX = "band_max_cartons_"
RECORDING_DAYS = 30
# Half a year covers complaints about an order; no rule of the source says more.
CALL_DAYS = 180
NUMBER_DAYS = 180
FORMER_STAFF_DAYS = 365
# Enough to read the order over and save it.
WRAP_UP_SECONDS = 30
# Calls that go on, callbacks and weekly reports need the last days.
LEAST = {"hold_minutes": 1, "call_days": 7, "number_days": 7}
"""The least a rule can be set to, where that is not 0."""
RecordingNotice = Literal["off", "short", "full"]
"""The way callers are told that they are recorded: not at all, in a few words, or with the reason and the way out."""
RECORDING_NOTICES: Final[tuple[RecordingNotice, ...]] = ("off", "short", "full")
"""The ways by their value as a rule."""
RECORDING_NOTICE = 1
RegisteredNumberPin = Literal["always", "before_saving", "never"]
"""The calls from a registered number in which the PIN is asked for: in every one before anything is said, before an
order is saved and before the balance or an order is told, or in none."""
REGISTERED_NUMBER_PINS: Final[tuple[RegisteredNumberPin, ...]] = ("always", "before_saving", "never")
"""The three by their value as a rule."""
# A caller's number can be made up by whoever places the call. Before saving is where that costs something: who only
# asks for the assortment need not key anything, and nobody orders or hears the balance in another one's name.
REGISTERED_NUMBER_PIN = 1
CHOICES: Final = {"recording_notice": RECORDING_NOTICES, "registered_number_pin": REGISTERED_NUMBER_PINS}
"""The rules whose value is the place of a choice."""
RULES = {
    "hold_minutes": "how long a line stays reserved after the order was last touched",
    "closing_grace_minutes": "for how long after closing an order begun in time can be saved, 0 for not at all",
    "order_min_packs": "the least an order has in all",
    "order_max_packs": "the most an order has in all",
    "wrap_up_seconds": "for how long an operator finishes up after the caller hung up, before the next one is rung",
    "recording_days": "for how many days what callers said can be played, 0 for not at all",
    "call_days": "for how many days what was said in a call can be read",
    "number_days": "for how many days the numbers of callers, and those that were called, are kept",
    "former_staff_days": "for how many days the number and the password of a closed account are kept",
    "recording_notice": "how callers are told that they are recorded: 0 not at all, 1 shortly, 2 with the reason",
    "registered_number_pin": "the PIN at a registered number: 0 always, 1 before saving and the balance, 2 never",
    "outbound_attempts_max": "how often a retailer that is due is called on one day",
    "outbound_pause_minutes": "how long after a call without an answer a retailer is called again",
    "outbound_pause_busy_minutes": "the same where the line was busy",
    "outbound_lines": "how many outbound calls there are at once, ringing or answered",
    "outbound_calls_per_operator": "how many outbound calls there are at once for each operator who is free",
    f"{BAND_PREFIX}N": "the most cartons of price band N one retailer gets in a cycle",
}


class UnknownRule(ValueError):
    """There is no such rule, or it cannot be set like this; the message says why."""


def set_rule(session: Session, name: str, value: int | None, *, by: str, why: str, now: datetime) -> None:
    """Set a rule, or go back to the program's default with None."""
    band = name.removeprefix(BAND_PREFIX)
    if name not in RULES and not (band != name and band.isascii() and band.isdigit()):
        known = "; ".join(f"{known}: {what}" for known, what in RULES.items())
        raise UnknownRule(f"There is no rule {name!r}. The rules are: {known}.")
    if value is not None and value < LEAST.get(name, 0):
        raise UnknownRule(f"{name} cannot be {value}.")
    if name in CHOICES and value is not None and value >= len(CHOICES[name]):
        raise UnknownRule(f"{name} is at most {len(CHOICES[name]) - 1}.")
    if not why.strip():
        raise UnknownRule(f"Say why {name} is set: the audit log keeps it.")
    row = session.get(DepartmentRule, name, populate_existing=True)
    before = None if row is None else {"value": row.value}
    if value is None:
        if row is not None:
            session.delete(row)
    elif row is None:
        session.add(DepartmentRule(name=name, value=value))
    else:
        row.value = value
    record_change(
        session, "department_rule", name, before, None if value is None else {"value": value}, by=by, why=why, now=now
    )
    session.flush()


def draft_rules(session: Session) -> DraftRules:
    """The rules for drafts."""
    rules = {row.name: row.value for row in session.scalars(select(DepartmentRule))}
    defaults = DraftRules()
    hold_minutes, grace_minutes = rules.get("hold_minutes"), rules.get("closing_grace_minutes")
    return DraftRules(
        hold_for=defaults.hold_for if hold_minutes is None else timedelta(minutes=hold_minutes),
        closing_grace=defaults.closing_grace if grace_minutes is None else timedelta(minutes=grace_minutes),
        order_min_packs=rules.get("order_min_packs", defaults.order_min_packs),
        order_max_packs=rules.get("order_max_packs", defaults.order_max_packs),
        band_max_cartons={
            int(name.removeprefix(BAND_PREFIX)): value for name, value in rules.items() if name.startswith(BAND_PREFIX)
        },
    )


def recording_days(session: Session) -> int:
    """The number of days for which recordings of callers are kept."""
    return _value(session, "recording_days", RECORDING_DAYS)


def call_days(session: Session) -> int:
    """The number of days for which what was said in calls is kept."""
    return _value(session, "call_days", CALL_DAYS)


def number_days(session: Session) -> int:
    """The number of days for which the numbers of callers and called are kept."""
    return _value(session, "number_days", NUMBER_DAYS)


def former_staff_days(session: Session) -> int:
    """The number of days for which the number and the password of a closed account are kept."""
    return _value(session, "former_staff_days", FORMER_STAFF_DAYS)


def wrap_up_time(session: Session) -> timedelta:
    """The time an operator has to finish up a call whose caller has hung up, before the next caller is rung."""
    return timedelta(seconds=_value(session, "wrap_up_seconds", WRAP_UP_SECONDS))


def recording_notice(session: Session) -> RecordingNotice:
    """The way callers are told that they are recorded."""
    return RECORDING_NOTICES[_value(session, "recording_notice", RECORDING_NOTICE)]


def registered_number_pin(session: Session) -> RegisteredNumberPin:
    """The calls from a registered number in which the PIN is asked for."""
    return REGISTERED_NUMBER_PINS[_value(session, "registered_number_pin", REGISTERED_NUMBER_PIN)]


def _value(session: Session, name: str, default: int) -> int:
    set_to = session.scalar(select(DepartmentRule.value).where(DepartmentRule.name == name))
    return default if set_to is None else set_to
