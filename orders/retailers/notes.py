"""What the department notes about a retailer for whoever talks to it next: 老板耳背，说慢一点."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy.orm import Session

from orders.audit_log import record_change
from orders.retailers.models import RetailerNote, RetailerRow

NOTE_MAX_CHARS = 200


def note_of(session: Session, retailer_id: int) -> RetailerNote | None:
    """The note about a retailer, or None if there is none."""
    note = session.get(RetailerNote, retailer_id)
    return note if note is not None and note.text else None


def set_note(session: Session, retailer: RetailerRow, text: str, *, by: str, now: datetime) -> None:
    """Replace the note about a retailer; an empty text removes it. The audit log keeps the one before. ValueError for
    one that is too long."""
    text = " ".join(text.split())
    if len(text) > NOTE_MAX_CHARS:
        raise ValueError(f"A note has {NOTE_MAX_CHARS} characters at most.")
    note = session.get(RetailerNote, retailer.id, with_for_update=True)
    before = {"note": note.text} if note is not None and note.text else None
    if record_change(
        session,
        "retailer",
        retailer.customer_code,
        before,
        {"note": text} if text else None,
        by=by,
        why="",
        now=now,
    ):
        if note is None:
            note = RetailerNote(retailer_id=retailer.id)
            session.add(note)
        note.text, note.written_by, note.written_at = text, by, now
        session.flush()
