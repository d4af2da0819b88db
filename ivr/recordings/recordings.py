"""Recordings of callers, kept encrypted in the database with each turn for a number of days that the department sets.

Only what was recognised as speech while a step listened is kept: no keys, never a PIN, nothing said in between.
"""

from __future__ import annotations

import io
import wave
from datetime import datetime, timedelta
from typing import Any, cast

from sqlalchemy import CursorResult, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session, undefer

from ivr.call_sound.models import SoundPart
from ivr.models import TurnLabel, TurnRecording
from ivr.recordings.recording_cipher import seal, unseal
from orders.department_rules import recording_days
from speech.sound.audio import LINE_RATE, Samples, decode_mulaw, encode_mulaw, read_wav

# No step listens longer than this to one answer.
_LONGEST_S = 30


def store(session: Session, call_key: str, turn_number: int, sound: bytes, now: datetime) -> None:
    """Store the recording of a turn, replacing an earlier one; nothing is stored if the department keeps no recordings,
    or there is no sound."""
    if not sound or recording_days(session) == 0:
        return
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    kept = {"recorded_at": now, "sound": seal(session, sound[: _LONGEST_S * LINE_RATE])}
    row = insert(TurnRecording).values(call_key=call_key, turn_number=turn_number, **kept)
    session.execute(row.on_conflict_do_update(index_elements=["call_key", "turn_number"], set_=kept))


def delete_recording(session: Session, call_key: str, turn_number: int) -> None:
    """Delete the recording of a turn."""
    session.execute(
        delete(TurnRecording).where(TurnRecording.call_key == call_key, TurnRecording.turn_number == turn_number)
    )


def delete_expired(session: Session, now: datetime) -> int:
    """Delete the recordings past their retention, of turns and of talks, and return the number of turns."""
    before = now - timedelta(days=recording_days(session))
    old = delete(TurnRecording).where(TurnRecording.recorded_at <= before)
    session.execute(delete(SoundPart).where(SoundPart.began_at <= before))
    return cast("CursorResult[Any]", session.execute(old)).rowcount


def recording_of(session: Session, call_key: str, turn_number: int) -> bytes | None:
    """The recording of a turn in mu-law, or None if none is kept, or none that the keys of the settings open."""
    stored = session.scalar(
        select(TurnRecording.sound).where(TurnRecording.call_key == call_key, TurnRecording.turn_number == turn_number)
    )
    return None if stored is None else unseal(session, stored)


def encrypt_all(session: Session) -> int:
    """Encrypt every recording and test case with the newest key, whatever it was stored with, and return their number.
    What none of the keys opens is left alone."""
    kept = [
        *session.scalars(select(TurnRecording)),
        *session.scalars(select(SoundPart)),
        *session.scalars(select(TurnLabel).where(TurnLabel.sound.is_not(None)).options(undefer(TurnLabel.sound))),
    ]
    count = 0
    for row in kept:
        if row.sound is not None and (sound := unseal(session, row.sound)) is not None:
            row.sound = seal(session, sound)
            count += 1
    session.flush()
    return count


def recorded_turns(session: Session, call_key: str) -> frozenset[int]:
    """The numbers of the call's turns that have a recording."""
    return frozenset(session.scalars(select(TurnRecording.turn_number).where(TurnRecording.call_key == call_key)))


def sound_of_wav(wav: bytes) -> bytes:
    """A recording of the carrier's in mu-law, as it is stored; empty if it cannot be read."""
    try:
        return encode_mulaw(read_wav(wav, LINE_RATE))
    except ValueError:
        return b""


def wav_of_sound(sound: bytes) -> bytes:
    """A stored recording as a WAV file that every browser can play: 16 bit PCM, 8 kHz."""
    return wav_of_samples(decode_mulaw(sound))


def wav_of_samples(samples: Samples) -> bytes:
    """Samples at the telephone's rate as a WAV file."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(LINE_RATE)
        wav.writeframes(samples.astype("<i2").tobytes())
    return file.getvalue()
