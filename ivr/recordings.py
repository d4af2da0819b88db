"""What callers said, as it sounded: kept in the database with each turn for so many days, by a rule of the house.

Only what was heard as speech while a step listened is kept: no keys, never a PIN, nothing said in between.
"""

from __future__ import annotations

import io
import wave
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from ivr.tables import TurnRecording
from orders.house_rules import recording_days
from speech.audio import LINE_RATE, Samples, decode_mulaw, encode_mulaw, read_wav

# No step listens longer than this to one answer.
_LONGEST_S = 30


def keep(session: Session, sid: str, n: int, sound: bytes, now: datetime) -> None:
    """Keep how turn `n` of a call sounded, in the place of what was kept for it before; nothing where the house keeps
    nothing, or where there is no sound."""
    if not sound or recording_days(session) == 0:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    kept = {"at": now, "sound": sound[: _LONGEST_S * LINE_RATE]}
    row = insert(TurnRecording).values(call_sid=sid, n=n, **kept)
    session.execute(row.on_conflict_do_update(index_elements=["call_sid", "n"], set_=kept))


def forget(session: Session, sid: str, n: int) -> None:
    """Keep nothing of turn `n`."""
    session.execute(delete(TurnRecording).where(TurnRecording.call_sid == sid, TurnRecording.n == n))


def forget_old(session: Session, now: datetime) -> int:
    """Delete what has been kept for as long as the house wants it; how many recordings that were."""
    old = delete(TurnRecording).where(TurnRecording.at <= now - timedelta(days=recording_days(session)))
    return cast("CursorResult[Any]", session.execute(old)).rowcount


def sound_of(session: Session, sid: str, n: int) -> bytes | None:
    """How turn `n` sounded, in mu-law, or None where that is not kept."""
    return session.scalar(select(TurnRecording.sound).where(TurnRecording.call_sid == sid, TurnRecording.n == n))


def recorded_turns(session: Session, sid: str) -> frozenset[int]:
    """The turns of a call of which there is a recording."""
    return frozenset(session.scalars(select(TurnRecording.n).where(TurnRecording.call_sid == sid)))


def sound_of_wav(wav: bytes) -> bytes:
    """A recording of the carrier's as it is kept; empty where it cannot be read."""
    try:
        return encode_mulaw(read_wav(wav, LINE_RATE))
    except ValueError:
        return b""


def wav_of_sound(sound: bytes) -> bytes:
    """What was kept, as every browser can play it: 16 bit PCM, 8 kHz."""
    return wav_of_samples(decode_mulaw(sound))


def wav_of_samples(samples: Samples) -> bytes:
    """Sound at the telephone's rate as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(LINE_RATE)
        wav.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()
