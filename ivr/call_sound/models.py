"""The tables of the sound of live calls."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey, Index, LargeBinary, text
from sqlalchemy.orm import Mapped, mapped_column

from ivr.models import Call
from storage import Base, UtcDateTime


class SoundFork(Base):
    """One fork of a call's sound, which the carrier sends to a line process beside whatever the call does. A call has
    one open fork at most. `heartbeat_at` is the last time sound came, None before any has."""

    __tablename__ = "sound_forks"
    __table_args__ = (
        Index(
            "uq_sound_forks_open",
            "call_key",
            unique=True,
            sqlite_where=text("ended_at IS NULL"),
            postgresql_where=text("ended_at IS NULL"),
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_key: Mapped[str] = mapped_column(ForeignKey(Call.call_key, ondelete="CASCADE"))
    opened_at: Mapped[datetime] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class SoundPart(Base):
    """One part of a call's sound, half a second or so, encrypted: the caller's side and then the other one, which are
    of the same length, 8 kHz mu-law. A part that is not `kept` is there for who listens just now, and is deleted after
    some seconds."""

    __tablename__ = "sound_parts"
    __table_args__ = (
        Index("ix_sound_parts_call_key", "call_key", "id"),
        Index("ix_sound_parts_began_at", "began_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    call_key: Mapped[str] = mapped_column(ForeignKey(Call.call_key, ondelete="CASCADE"))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)
    kept: Mapped[bool]
    sound: Mapped[bytes] = mapped_column(LargeBinary)
