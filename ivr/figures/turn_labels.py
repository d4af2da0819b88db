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

from sqlalchemy import func, select
from sqlalchemy.orm import Session, undefer

from brand_catalog.exporting import as_files
from brand_catalog.loading import load_catalog
from ivr.models import TurnLabel
from ivr.recordings.recording_cipher import seal, unseal
from ivr.recordings.recordings import recording_of
from speech.evaluation.recordings import LABELS


class NoRecording(LookupError):
    """No recording of this turn is kept, so there is nothing to label."""


def add_learned_name(
    session: Session, call_key: str, turn_number: int, text: str, barcode: str, *, by: str, now: datetime
) -> TurnLabel:
    """Record that a name was learned from a turn; adding it to the catalogue is left to the caller."""
    row = TurnLabel(
        call_key=call_key,
        turn_number=turn_number,
        kind="name",
        text=text,
        barcode=barcode,
        labelled_at=now,
        labelled_by=by,
    )
    session.add(row)
    session.flush()
    return row


def add_test_case(
    session: Session, call_key: str, turn_number: int, text: str, expect: dict[str, Any], *, by: str, now: datetime
) -> TurnLabel:
    """Make a turn's recording a test case, replacing an earlier one. Raises NoRecording if none is kept."""
    sound = recording_of(session, call_key, turn_number)
    if sound is None:
        raise NoRecording(f"Turn {turn_number} of {call_key} has no recording.")
    for before in labels_of_turn(session, call_key, turn_number):
        if before.kind == "test_case":
            withdraw(before, by=by, now=now)
    row = TurnLabel(
        call_key=call_key,
        turn_number=turn_number,
        kind="test_case",
        text=text,
        expect=expect,
        sound=seal(session, sound),
        labelled_at=now,
        labelled_by=by,
    )
    session.add(row)
    session.flush()
    return row


def withdraw(row: TurnLabel, *, by: str, now: datetime) -> None:
    """Withdraw a label: its row is kept, its recording is not."""
    row.withdrawn_at, row.withdrawn_by, row.sound = now, by, None


def sound_of(session: Session, row: TurnLabel) -> bytes | None:
    """The recording of a test case in mu-law, or None if none is kept, or none that the keys of the settings open."""
    return None if row.sound is None else unseal(session, row.sound)


def labels_of_turn(session: Session, call_key: str, turn_number: int) -> list[TurnLabel]:
    """The labels in force for a turn."""
    in_force = select(TurnLabel).where(TurnLabel.withdrawn_at.is_(None))
    return list(
        session.scalars(
            in_force.where(TurnLabel.call_key == call_key, TurnLabel.turn_number == turn_number).order_by(TurnLabel.id)
        )
    )


_TEST_CASES = (TurnLabel.kind == "test_case", TurnLabel.withdrawn_at.is_(None))


def test_case_count(session: Session) -> int:
    """The number of test cases in force."""
    return session.scalar(select(func.count()).select_from(TurnLabel).where(*_TEST_CASES)) or 0


def test_cases(session: Session, first: int, most: int) -> list[TurnLabel]:
    """The test cases in force, the latest first: at most so many from place `first` on, counted from 0."""
    found = select(TurnLabel).where(*_TEST_CASES).order_by(TurnLabel.id.desc())
    return list(session.scalars(found.offset(first).limit(most)))


def test_case_files(session: Session) -> Iterator[tuple[str, bytes]]:
    """The test cases as the files of a folder that `make eval` reads: the recordings, the transcripts, and the
    catalogue in force, by which they are judged."""
    lines = []
    found = select(TurnLabel).where(*_TEST_CASES).order_by(TurnLabel.id).options(undefer(TurnLabel.sound))
    # A few at a time: thousands of recordings need not be held at once.
    for row in session.scalars(found.execution_options(yield_per=100)):
        name = f"turn-{row.id:06}.ulaw"
        yield name, sound_of(session, row) or b""
        lines.append(json.dumps({"file": name, "text": row.text, "expect": row.expect}, ensure_ascii=False))
    yield from as_files(load_catalog(session))
    yield LABELS, "".join(f"{line}\n" for line in lines).encode()


def export_test_cases(session: Session, folder: Path) -> int:
    """Write the test cases into a folder and return their number. The labels file comes last, when all files it names
    exist."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in test_case_files(session):
        (folder / name).write_bytes(content)
    return test_case_count(session)
