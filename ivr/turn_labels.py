"""Labels of turns, given by staff who listened to the recording: a name learned, or a test case.

A test case has its own copy of the recording, kept until the label is withdrawn: recognition is measured with it, so it
has to outlast the retention of recordings.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.exporting import as_files
from brand_catalog.loading import load_catalog
from ivr.models import TurnMeaning
from ivr.recordings import sound_of
from speech.evaluation import LABELS


class NoRecording(LookupError):
    """No recording of this turn is kept, so there is nothing to label."""


def name_learned(session: Session, sid: str, n: int, text: str, barcode: str, *, by: str, now: datetime) -> TurnMeaning:
    """Record that a name was learned from a turn; adding it to the catalogue is left to the caller."""
    row = TurnMeaning(call_sid=sid, n=n, kind="name", text=text, barcode=barcode, at=now, by=by)
    session.add(row)
    session.flush()
    return row


def label(
    session: Session, sid: str, n: int, text: str, expect: dict[str, Any], *, by: str, now: datetime
) -> TurnMeaning:
    """Make a turn's recording a test case, replacing an earlier one. Raises NoRecording if none is kept."""
    sound = sound_of(session, sid, n)
    if sound is None:
        raise NoRecording(f"Turn {n} of {sid} has no recording.")
    for before in of_turn(session, sid, n):
        if before.kind == "label":
            take_back(before, by=by, now=now)
    row = TurnMeaning(call_sid=sid, n=n, kind="label", text=text, expect=expect, sound=sound, at=now, by=by)
    session.add(row)
    session.flush()
    return row


def take_back(row: TurnMeaning, *, by: str, now: datetime) -> None:
    """Withdraw a label: its row is kept, its recording is not."""
    row.taken_back_at, row.taken_back_by, row.sound = now, by, None


def of_turn(session: Session, sid: str, n: int) -> list[TurnMeaning]:
    """The labels in force for a turn."""
    standing = select(TurnMeaning).where(TurnMeaning.taken_back_at.is_(None))
    return list(
        session.scalars(standing.where(TurnMeaning.call_sid == sid, TurnMeaning.n == n).order_by(TurnMeaning.id))
    )


def labels(session: Session) -> list[TurnMeaning]:
    """All test cases in force."""
    standing = select(TurnMeaning).where(TurnMeaning.kind == "label", TurnMeaning.taken_back_at.is_(None))
    return list(session.scalars(standing.order_by(TurnMeaning.id)))


def collection(session: Session) -> Iterator[tuple[str, bytes]]:
    """The test cases as the files of a folder that `make eval` reads: the recordings, the transcripts, and the
    catalogue in force, by which they are judged."""
    lines = []
    for row in labels(session):
        name = f"turn-{row.id:06}.ulaw"
        yield name, row.sound or b""
        lines.append(json.dumps({"file": name, "text": row.text, "expect": row.expect}, ensure_ascii=False))
    yield from as_files(load_catalog(session))
    yield LABELS, "".join(f"{line}\n" for line in lines).encode()


def export(session: Session, folder: Path) -> int:
    """Write the test cases into a folder and return their number. The labels file comes last, when all files it names
    exist."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in collection(session):
        (folder / name).write_bytes(content)
    return len(labels(session))
