"""The stored state of calls: all of it is in the database, so that any worker can serve any turn."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, LargeBinary, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column

from storage import Base, UtcDateTime


class Call(Base):
    """One call. `turn` is the number of the turn that is waited for, `reply` the reply given before it; both change
    together with `state`, or not at all. The `ear_` columns belong to the media stream: the call's current stream, the
    time of its last heartbeat, and how often one was asked for since anything was recognised."""

    __tablename__ = "calls"

    sid: Mapped[str] = mapped_column(String(64), primary_key=True)
    caller: Mapped[str] = mapped_column(String(64))
    called: Mapped[str] = mapped_column(String(64))
    started_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    end_status: Mapped[str | None] = mapped_column(String(32))
    turn: Mapped[int]
    state: Mapped[dict[str, Any]] = mapped_column(JSON)
    reply: Mapped[dict[str, Any]] = mapped_column(JSON)
    ear_starts: Mapped[int] = mapped_column(default=0)
    ear_started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ear_stream: Mapped[str | None] = mapped_column(String(64))
    ear_alive_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Turn(Base):
    """One turn that was taken: its input, and the reply to it. Keyed PINs are masked with stars."""

    __tablename__ = "turns"
    __table_args__ = (UniqueConstraint("call_sid", "n", name="uq_turns_call_sid_n"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    call_sid: Mapped[str] = mapped_column(ForeignKey("calls.sid", ondelete="CASCADE"))
    n: Mapped[int]
    heard: Mapped[dict[str, Any]] = mapped_column(JSON)
    reply: Mapped[dict[str, Any]] = mapped_column(JSON)
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class Heard(Base):
    """The pending utterance of a turn that is still open. Without an utterance, the caller is still speaking."""

    __tablename__ = "heard"

    call_sid: Mapped[str] = mapped_column(ForeignKey("calls.sid", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    utterance: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    at: Mapped[datetime] = mapped_column(UtcDateTime)


class TurnRecording(Base):
    """The recording of a turn: the stretch in which the caller spoke, 8 kHz mu-law, 8,000 bytes a second."""

    __tablename__ = "turn_recordings"

    call_sid: Mapped[str] = mapped_column(ForeignKey("calls.sid", ondelete="CASCADE"), primary_key=True)
    n: Mapped[int] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    sound: Mapped[bytes] = mapped_column(LargeBinary)


MeaningKind = Literal["name", "label"]


class TurnMeaning(Base):
    """One label of a turn. For a name, `text` was said for the spec `barcode`; for a test case, `text` is all that was
    said, `expect` its meaning (docs/hearing.md) and `sound` the recording. A withdrawn label stays without its sound.
    """

    __tablename__ = "turn_meanings"

    id: Mapped[int] = mapped_column(primary_key=True)
    call_sid: Mapped[str] = mapped_column(ForeignKey(Call.sid, ondelete="CASCADE"), index=True)
    n: Mapped[int]
    kind: Mapped[MeaningKind] = mapped_column(String(10))
    text: Mapped[str] = mapped_column(String(200))
    barcode: Mapped[str | None] = mapped_column(String(13))
    expect: Mapped[dict[str, Any] | None] = mapped_column(JSON(none_as_null=True))
    sound: Mapped[bytes | None] = mapped_column(LargeBinary, deferred=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    by: Mapped[str] = mapped_column(String(40))
    taken_back_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    taken_back_by: Mapped[str | None] = mapped_column(String(40))
