"""Minutes of morning meetings and records of trainings (AY 4.1.3, 6.2): who was there, and what was said."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from orders.assessment.models import (
    LED_BY_MAX,
    RESULT_MAX,
    TEXT_MAX,
    TOPIC_MAX,
    Meeting,
    MeetingKind,
    MeetingPerson,
)
from orders.staff.models import StaffRow
from plain_text import check_text


class MeetingRefused(ValueError):
    """The record cannot be kept like this; the message says why."""


@dataclass(frozen=True, slots=True)
class MeetingDraft:
    """What is written down of a meeting: `results` of a training are by the id of who was there."""

    kind: MeetingKind
    day: date
    topic: str
    led_by: str
    text: str
    present: Collection[int]
    results: Mapping[int, str]


def expected_people(session: Session) -> Sequence[StaffRow]:
    """Everybody with an open account: who was not present reads the minutes."""
    return session.scalars(select(StaffRow).where(StaffRow.active).order_by(StaffRow.name, StaffRow.id)).all()


def record_meeting(
    session: Session, draft: MeetingDraft, *, by: StaffRow, now: datetime, meeting_id: int | None = None
) -> Meeting:
    """Write a meeting down, or with `meeting_id` correct what was written: only who wrote it may, on the same day.
    MeetingRefused where that is not so or something is missing."""
    if not draft.text.strip() or not draft.led_by.strip() or not draft.present:
        raise MeetingRefused("A meeting has someone who led it, somebody who was there, and what was said.")
    check_text(draft.topic, TOPIC_MAX)
    check_text(draft.led_by, LED_BY_MAX)
    if len(draft.text) > TEXT_MAX:
        raise MeetingRefused(f"What was said has {TEXT_MAX} characters at most.")
    if meeting_id is None:
        meeting = Meeting(recorded_at=now, recorded_by=by.id)
    else:
        meeting = session.get_one(Meeting, meeting_id, with_for_update=True, populate_existing=True)
        if not may_correct(meeting, by, now):
            raise MeetingRefused("A record is corrected by who wrote it, within a day.")
        for person in session.scalars(select(MeetingPerson).where(MeetingPerson.meeting_id == meeting.id)):
            session.delete(person)
        session.flush()
    meeting.kind, meeting.day, meeting.topic = draft.kind, draft.day, draft.topic.strip()
    meeting.led_by, meeting.text = draft.led_by.strip(), draft.text.strip().replace("\r\n", "\n")
    session.add(meeting)
    session.flush()
    for one in expected_people(session):
        result = draft.results.get(one.id, "").strip()[:RESULT_MAX] if one.id in draft.present else ""
        session.add(
            MeetingPerson(meeting_id=meeting.id, staff_id=one.id, present=one.id in draft.present, result=result)
        )
    session.flush()
    return meeting


def may_correct(meeting: Meeting, by: StaffRow, now: datetime) -> bool:
    """True if this person may still correct the record: its writer, within a day."""
    return meeting.recorded_by == by.id and (now - meeting.recorded_at).total_seconds() < 24 * 3600


def mark_read(session: Session, meeting_id: int, staff_id: int, now: datetime) -> bool:
    """Write down that somebody who was not there has read the minutes; False where there is nothing to read."""
    person = session.get(MeetingPerson, (meeting_id, staff_id), with_for_update=True, populate_existing=True)
    if person is None or person.present or person.read_at is not None:
        return False
    person.read_at = now
    session.flush()
    return True


def people_of(session: Session, meeting_id: int) -> Sequence[tuple[MeetingPerson, StaffRow]]:
    """Everybody the meeting was for, by name."""
    rows = session.execute(
        select(MeetingPerson, StaffRow)
        .join(StaffRow, StaffRow.id == MeetingPerson.staff_id)
        .where(MeetingPerson.meeting_id == meeting_id)
        .order_by(StaffRow.name, StaffRow.id)
    )
    return [(person, staff) for person, staff in rows]


def meetings(session: Session, first: date, last: date) -> Sequence[Meeting]:
    """The meetings of these days, the latest first."""
    return session.scalars(
        select(Meeting).where(Meeting.day.between(first, last)).order_by(Meeting.day.desc(), Meeting.id.desc())
    ).all()


def unread_by(session: Session, staff_id: int, since: date) -> Sequence[Meeting]:
    """The meetings since a day that this person missed and has not read, the latest first."""
    return session.scalars(
        select(Meeting)
        .join(MeetingPerson, MeetingPerson.meeting_id == Meeting.id)
        .where(
            MeetingPerson.staff_id == staff_id,
            ~MeetingPerson.present,
            MeetingPerson.read_at.is_(None),
            Meeting.day >= since,
        )
        .order_by(Meeting.id.desc())
    ).all()
