"""The stored state of calls: all of it is in the database, so that any worker can serve any turn."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, LargeBinary, String, UniqueConstraint, text
from sqlalchemy.orm import Mapped, mapped_column, validates

from callflows.state import ORDERING
from storage import Base, UtcDateTime


class Call(Base):
    """One call. `turn_number` is the turn that is waited for, `reply` the reply given before it; both change
    together with `state`, or not at all. `turn_before` is the call before its last turn, if that was spoken
    (`ivr.turns.turn_before`). `names_finish_key` is true once the carrier has named the key that ended keys.
    `recording_told_in` is the turn in which the caller was told of recordings, 0 if the department tells nobody,
    and None before that. `seen_at` is the last time the carrier reported something of the call, or was asked what
    became of it (`ivr.turns.quiet_calls`). `customer_code` and `flow` are those of the state, to look calls up by. The
    `stream_` columns belong to the media stream: the call's current stream, the time of its last heartbeat, and how
    often one was asked for since anything was recognised."""

    __tablename__ = "calls"
    # Calls that are heard just now, and calls that are open, among those of years: looked through every few seconds.
    __table_args__ = (
        # Who gave up waiting and has called again since is looked for all the time.
        Index("ix_calls_caller", "caller", "started_at"),
        Index(
            "ix_calls_stream_heartbeat_at",
            "stream_heartbeat_at",
            sqlite_where=text("stream_heartbeat_at IS NOT NULL"),
            postgresql_where=text("stream_heartbeat_at IS NOT NULL"),
        ),
        Index(
            "ix_calls_open",
            "started_at",
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
        Index("ix_calls_customer_code", "customer_code", "started_at"),
        Index("ix_calls_started_at", "started_at", "ended_at", "call_key"),
    )

    call_key: Mapped[str] = mapped_column(String(64), primary_key=True)
    caller: Mapped[str] = mapped_column(String(64))
    called: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    turn_number: Mapped[int]
    state: Mapped[dict[str, Any]] = mapped_column(JSON)
    reply: Mapped[dict[str, Any]] = mapped_column(JSON)
    turn_before: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    names_finish_key: Mapped[bool] = mapped_column(default=False)
    recording_told_in: Mapped[int | None]
    stream_starts: Mapped[int] = mapped_column(default=0)
    stream_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    stream_id: Mapped[str | None] = mapped_column(String(64))
    stream_heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    customer_code: Mapped[str] = mapped_column(String(12), default="", server_default="")
    flow: Mapped[str] = mapped_column(String(20), default=ORDERING, server_default=ORDERING)

    @validates("state")
    def _keep_columns(self, _: str, state: dict[str, Any]) -> dict[str, Any]:
        self.customer_code, self.flow = state.get("customer_code", ""), state.get("flow", ORDERING)
        return state


class TurnRow(Base):
    """One turn that was taken: its input, and the reply to it. Keyed PINs are masked with stars. An input marked
    `continued` was taken back, as the next turn holds all that the caller said."""

    __tablename__ = "turns"
    __table_args__ = (UniqueConstraint("call_key", "turn_number", name="uq_turns_call_turn_number"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_key: Mapped[str] = mapped_column(ForeignKey("calls.call_key", ondelete="CASCADE"))
    turn_number: Mapped[int]
    turn_input: Mapped[dict[str, Any]] = mapped_column(JSON)
    reply: Mapped[dict[str, Any]] = mapped_column(JSON)
    taken_at: Mapped[datetime] = mapped_column(UtcDateTime)


class PendingUtterance(Base):
    """The pending utterance of a turn that is still open. Without an utterance, the caller is still speaking."""

    __tablename__ = "pending_utterances"

    call_key: Mapped[str] = mapped_column(ForeignKey("calls.call_key", ondelete="CASCADE"), primary_key=True)
    turn_number: Mapped[int] = mapped_column(primary_key=True)
    utterance: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    changed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecordedTurn(Base):
    """A turn whose answer the carrier has recorded, until the turn is taken. The recording is to be fetched and
    recognised by one process, from `try_at` on; that is put off by each process that tries. `is_silent` says that it
    was recognised, and nobody speaks in it."""

    __tablename__ = "recorded_turns"

    call_key: Mapped[str] = mapped_column(ForeignKey("calls.call_key", ondelete="CASCADE"), primary_key=True)
    turn_number: Mapped[int] = mapped_column(primary_key=True)
    recording_id: Mapped[str] = mapped_column(String(64))
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime)
    try_at: Mapped[datetime] = mapped_column(UtcDateTime)
    is_silent: Mapped[bool] = mapped_column(default=False)


class TurnRecording(Base):
    """The recording of a turn: the stretch in which the caller spoke, 8 kHz mu-law, 8,000 bytes a second."""

    __tablename__ = "turn_recordings"

    call_key: Mapped[str] = mapped_column(ForeignKey("calls.call_key", ondelete="CASCADE"), primary_key=True)
    turn_number: Mapped[int] = mapped_column(primary_key=True)
    recorded_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    sound: Mapped[bytes] = mapped_column(LargeBinary)


ProcessKind = Literal["line", "health"]


class ProcessHeartbeat(Base):
    """The last heartbeat of one process, by a name that no other has: of a line process, with the media streams it has
    and may have; or of the check of health on a machine, which writes to see that the database can be written."""

    __tablename__ = "process_heartbeats"

    process: Mapped[str] = mapped_column(String(80), primary_key=True)
    kind: Mapped[ProcessKind] = mapped_column(String(10))
    machine: Mapped[str] = mapped_column(String(64))
    heartbeat_at: Mapped[datetime] = mapped_column(UtcDateTime)
    streams: Mapped[int] = mapped_column(default=0)
    streams_max: Mapped[int] = mapped_column(default=0)


Job = Literal["backup", "retention"]


class JobRun(Base):
    """One run of a job: its counts, or the problem it ended with; appended and never changed."""

    __tablename__ = "job_runs"
    __table_args__ = (Index("ix_job_runs_job", "job", "begun_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    job: Mapped[Job] = mapped_column(String(10))
    begun_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime] = mapped_column(UtcDateTime)
    counts: Mapped[dict[str, int]] = mapped_column(JSON, default=dict)
    problem: Mapped[str] = mapped_column(String(500), default="")


LabelKind = Literal["name", "test_case"]


class TurnLabel(Base):
    """One label of a turn. For a name, `text` was said for the spec `barcode`; for a test case, `text` is all that was
    said, `expect` its meaning (docs/hearing.md) and `sound` the recording. A withdrawn label stays without
    its sound."""

    __tablename__ = "turn_labels"

    id: Mapped[int] = mapped_column(primary_key=True)
    call_key: Mapped[str] = mapped_column(ForeignKey(Call.call_key, ondelete="CASCADE"), index=True)
    turn_number: Mapped[int]
    kind: Mapped[LabelKind] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(String(200))
    barcode: Mapped[str | None] = mapped_column(String(13))
    expect: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    sound: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    labelled_at: Mapped[datetime] = mapped_column(UtcDateTime)
    labelled_by: Mapped[str] = mapped_column(String(40))
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    withdrawn_by: Mapped[str | None] = mapped_column(String(40))


class NextCall(Base):
    """The time from which on the line may place its next call, `at`: one row, with `id` 1; None before the first."""

    __tablename__ = "next_call"

    id: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime | None] = mapped_column(UtcDateTime)
