"""Retention: what callers said, their numbers and the accounts of staff who left are kept for the days the department
sets, and then deleted. Orders, their history, the audit log and the figures of calls stay.

The work is done in short transactions, a few hundred rows each, so that no caller waits for it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, time, timedelta
from typing import Any, Final

import structlog
from sqlalchemy import ColumnElement, Select, delete, func, select, update
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from clock import SHANGHAI, Clock, local
from ivr.call_sound.forks import HEARD_WITHIN
from ivr.call_sound.models import SoundPart
from ivr.models import Call, JobRun, TurnRecording, TurnRow
from ivr.operators.models import Callback, RingAttempt
from ivr.supervision.models import Supervision
from orders import department_rules
from orders.models import SignInCounter
from orders.outbound.models import OutboundAttempt
from orders.staff.models import StaffRow
from storage import SessionFactory, read_only, transaction

ROWS_AT_A_TIME: Final = 300
# When few callers are on the line (Shanghai).
RUNS_AFTER: Final = time(3)
# What of a call's state its figures and pages still need once its words are deleted.
STATE_KEPT: Final[tuple[str, ...]] = (
    "call_key",
    "called",
    "speech_enabled",
    "flow",
    "step",
    "customer_code",
    "signed_in",
    "over",
    "saved",
)
# A password nobody has: the form of no hash.
NO_PASSWORD: Final = "deleted"

Keys = Sequence[Any]

log = structlog.get_logger(__name__)


def is_due(session: Session, now: datetime) -> bool:
    """True if today's run has not been tried yet."""
    begins = datetime.combine(local(now).date(), RUNS_AFTER, SHANGHAI)
    last = session.scalar(select(func.max(JobRun.begun_at)).where(JobRun.job == "retention"))
    return now >= begins and (last is None or last < begins)


def run(sessions: SessionFactory, clock: Clock) -> dict[str, int]:
    """Delete what was kept long enough, and return the number of rows changed by what they were. The run is noted in
    the log of jobs, also if it fails; SQLAlchemyError if it does."""
    begun, counts = clock(), dict[str, int]()
    try:
        _delete(sessions, begun, counts)
    except SQLAlchemyError as error:
        log.error("retention failed", exc_info=error)
        _note(sessions, begun, clock(), counts, f"{type(error).__name__}: {error}")
        raise
    _note(sessions, begun, clock(), counts, "")
    log.info("retention is done", **counts)
    return counts


def _delete(sessions: SessionFactory, now: datetime, counts: dict[str, int]) -> None:
    with read_only(sessions) as session:
        recordings_before = now - timedelta(days=department_rules.recording_days(session))
        words_before = now - timedelta(days=department_rules.call_days(session))
        numbers_before = now - timedelta(days=department_rules.number_days(session))
        staff_before = now - timedelta(days=department_rules.former_staff_days(session))

    def in_batches(what: str, expired: Any, change: Callable[[Session, Keys], None]) -> None:
        counts[what] = 0
        while True:
            with read_only(sessions) as session:
                keys = session.execute(expired.limit(ROWS_AT_A_TIME)).all()
            if keys:
                with transaction(sessions) as session:
                    change(session, keys)
                counts[what] += len(keys)
            if len(keys) < ROWS_AT_A_TIME:
                return

    in_batches(
        "recordings",
        select(TurnRecording.call_key, TurnRecording.turn_number).where(TurnRecording.recorded_at <= recordings_before),
        _delete_recordings,
    )
    in_batches(
        "talks",
        select(SoundPart.id).where(
            (SoundPart.began_at <= recordings_before)
            | (SoundPart.kept.is_(False) & (SoundPart.began_at <= now - 2 * HEARD_WITHIN))
        ),
        lambda session, keys: _run(session, delete(SoundPart).where(SoundPart.id.in_(_first(keys)))),
    )
    in_batches("turns", select(TurnRow.id, TurnRow.call_key).where(TurnRow.taken_at <= words_before), _delete_turns)
    in_batches(
        "callers",
        select(Call.call_key).where(Call.started_at <= numbers_before, Call.caller != ""),
        lambda session, keys: _change_calls(session, [key for (key,) in keys], _forget_number),
    )
    in_batches(
        "callbacks",
        _with_number(Callback.id, Callback.phone, Callback.requested_at <= numbers_before),
        _blank(Callback, "phone"),
    )
    in_batches(
        "outbound_calls",
        _with_number(OutboundAttempt.id, OutboundAttempt.phone, OutboundAttempt.dialled_at <= numbers_before),
        _blank(OutboundAttempt, "phone"),
    )
    in_batches(
        "operator_calls",
        _with_number(RingAttempt.id, RingAttempt.address, RingAttempt.ended_at <= numbers_before),
        _blank(RingAttempt, "address"),
    )
    in_batches(
        "supervisor_calls",
        _with_number(Supervision.id, Supervision.address, Supervision.begun_at <= numbers_before),
        _blank(Supervision, "address"),
    )
    in_batches(
        "sign_in_counters",
        select(SignInCounter.key).where(SignInCounter.counted_from <= numbers_before),
        lambda session, keys: _run(session, delete(SignInCounter).where(SignInCounter.key.in_(_first(keys)))),
    )
    with transaction(sessions) as session:
        left = update(StaffRow).where(StaffRow.active.is_(False), StaffRow.closed_at.is_(None)).values(closed_at=now)
        session.execute(left)
    in_batches(
        "former_staff",
        select(StaffRow.id).where(StaffRow.closed_at <= staff_before, StaffRow.password_hash != NO_PASSWORD),
        lambda session, keys: _run(
            session,
            update(StaffRow)
            .where(StaffRow.id.in_(_first(keys)))
            .values(phone=None, seat="", password_hash=NO_PASSWORD),
        ),
    )


def _delete_recordings(session: Session, keys: Keys) -> None:
    for call_key, turn_number in keys:
        row = delete(TurnRecording).where(TurnRecording.call_key == call_key, TurnRecording.turn_number == turn_number)
        session.execute(row)


def _delete_turns(session: Session, keys: Keys) -> None:
    session.execute(delete(TurnRow).where(TurnRow.id.in_(_first(keys))))
    _change_calls(session, sorted({call_key for _, call_key in keys}), _forget_words)


def _change_calls(session: Session, keys: Sequence[str], change: Callable[[Call], None]) -> None:
    for call in session.scalars(select(Call).where(Call.call_key.in_(keys)).order_by(Call.call_key).with_for_update()):
        change(call)


def _forget_words(call: Call) -> None:
    """Keep of a call what its figures need: neither what was said in it nor what was answered."""
    kept = {name: call.state[name] for name in STATE_KEPT if name in call.state}
    call.state = {"caller": call.caller, **kept}
    call.reply = {"say": [], "then": {"kind": "hang_up"}}
    call.turn_before = None


def _forget_number(call: Call) -> None:
    call.caller = ""
    call.state = {**call.state, "caller": ""}
    call.turn_before = None


def _with_number(key: Any, number: Any, expired: ColumnElement[bool]) -> Select[Any]:
    return select(key).where(expired, number != "")


def _blank(table: Any, column: str) -> Callable[[Session, Keys], None]:
    return lambda session, keys: _run(session, update(table).where(table.id.in_(_first(keys))).values({column: ""}))


def _run(session: Session, statement: Any) -> None:
    session.execute(statement)


def _first(keys: Keys) -> list[Any]:
    return [key[0] for key in keys]


def _note(sessions: SessionFactory, begun: datetime, ended: datetime, counts: dict[str, int], problem: str) -> None:
    with transaction(sessions) as session:
        session.add(JobRun(job="retention", begun_at=begun, ended_at=ended, counts=counts, problem=problem[:500]))
