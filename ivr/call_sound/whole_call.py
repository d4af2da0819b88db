"""The sound of a whole call that is kept: what the caller said to the automatic line, turn by turn, and the talk with
operators, both sides, in one recording. What the line says, waits and hold are not recorded; each gap is heard as a
second at most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Final, Literal

import numpy as np
from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from ivr.call_sound.forks import heard_part
from ivr.call_sound.models import SoundPart
from ivr.models import TurnRecording
from ivr.recordings.recording_cipher import unseal
from speech.sound.audio import LINE_RATE, Samples, decode_mulaw

GAP_MAX_S: Final = 1.0
# Parts of a talk with a longer gap between them are two talks.
_TALK_GAP: Final = timedelta(seconds=2)

SegmentKind = Literal["turn", "talk"]


@dataclass(frozen=True, slots=True)
class Segment:
    """A stretch of the recording, from `begins_s` to `ends_s`: what the caller said in a turn, or a talk with an
    operator. `at` is the time it was said."""

    kind: SegmentKind
    at: datetime
    begins_s: float
    ends_s: float
    turn_number: int | None = None


@dataclass(frozen=True, slots=True)
class WholeCall:
    """A call's recording at the telephone's rate, and what is where in it."""

    samples: Samples
    segments: tuple[Segment, ...]

    def peaks(self, count: int) -> list[int]:
        """The loudness of so many stretches of equal length, 0 to 100 of the loudest."""
        if not len(self.samples):
            return []
        edges = np.linspace(0, len(self.samples), count + 1).astype(int)[:-1]
        loudest = np.maximum.reduceat(np.abs(self.samples.astype(np.int32)), np.unique(edges))
        return [int(one) for one in loudest * 100 // max(1, int(loudest.max()))]


@dataclass(frozen=True, slots=True)
class _Piece:
    kind: SegmentKind
    at: datetime
    samples: Samples
    turn_number: int | None = None

    @property
    def ends_at(self) -> datetime:
        return self.at + timedelta(seconds=len(self.samples) / LINE_RATE)


def has_sound(session: Session, call_key: str) -> bool:
    """True if any sound of the call is kept."""
    turns = select(TurnRecording.call_key).where(TurnRecording.call_key == call_key)
    talk = select(SoundPart.id).where(SoundPart.call_key == call_key, SoundPart.kept)
    return bool(session.scalar(select(exists(turns) | exists(talk))))


def whole_call(session: Session, call_key: str) -> WholeCall:
    """The call's whole recording; empty if nothing is kept, or nothing that the keys of the settings open."""
    pieces = sorted([*_turns(session, call_key), *_talks(session, call_key)], key=lambda piece: piece.at)
    sound: list[Samples] = []
    segments: list[Segment] = []
    length = 0
    for before, piece in zip([None, *pieces], pieces, strict=False):
        if before is not None:
            gap = _silence(min(GAP_MAX_S, max(0.0, (piece.at - before.ends_at).total_seconds())))
            sound.append(gap)
            length += len(gap)
        begins, length = length, length + len(piece.samples)
        sound.append(piece.samples)
        segments.append(Segment(piece.kind, piece.at, begins / LINE_RATE, length / LINE_RATE, piece.turn_number))
    return WholeCall(_joined(sound), tuple(segments))


def _turns(session: Session, call_key: str) -> Iterator[_Piece]:
    for row in session.scalars(select(TurnRecording).where(TurnRecording.call_key == call_key)):
        if (sound := unseal(session, row.sound)) is not None:
            began = row.recorded_at - timedelta(seconds=len(sound) / LINE_RATE)
            yield _Piece("turn", began, decode_mulaw(sound), row.turn_number)


def _talks(session: Session, call_key: str) -> Iterator[_Piece]:
    rows = session.scalars(
        select(SoundPart)
        .where(SoundPart.call_key == call_key, SoundPart.kept)
        .order_by(SoundPart.began_at, SoundPart.id)
    )
    parts = [
        _Piece("talk", part.began_at, _mixed(part.caller, part.other))
        for row in rows
        if (part := heard_part(session, row)) is not None
    ]
    talk: list[_Piece] = []
    for piece in parts:
        if talk and piece.at - talk[-1].ends_at > _TALK_GAP:
            yield _one_talk(talk)
            talk = []
        talk.append(piece)
    if talk:
        yield _one_talk(talk)


def _one_talk(parts: Sequence[_Piece]) -> _Piece:
    """The parts as one, with the gaps between them as they were."""
    sound = [parts[0].samples]
    for before, part in pairwise(parts):
        sound += [_silence(max(0.0, (part.at - before.ends_at).total_seconds())), part.samples]
    return _Piece("talk", parts[0].at, _joined(sound))


def _mixed(caller: bytes, other: bytes) -> Samples:
    both = decode_mulaw(caller).astype(np.int32) + decode_mulaw(other)
    mixed: Samples = np.clip(both, -32_768, 32_767).astype(np.int16)
    return mixed


def _silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * LINE_RATE), dtype=np.int16)


def _joined(sound: Sequence[Samples]) -> Samples:
    return np.concatenate(sound) if sound else _silence(0)
