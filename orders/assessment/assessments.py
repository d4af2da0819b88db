"""Monthly assessments (AY 4.6, 6.3): a score and remarks by a superior, signed by the assessed and up the chain.

The author submits; then the assessed person signs, or objects by sending it back, and after them every role above the
author's, up to the director. Sent back it is with its author again, and all sign again. What was submitted is kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from orders.assessment.models import (
    COMMENT_MAX,
    REMARKS_MAX,
    SCORE_MAX,
    Assessment,
    AssessmentStep,
    AssessmentStepKind,
)
from orders.staff.models import Role, StaffRow

ASSESSED = "assessed"
ROLES: tuple[Role, ...] = ("operator", "leader", "clerk", "director")
"""The roles that are assessed and that sign, from the bottom up (AY 4.6)."""


class AssessmentRefused(ValueError):
    """The assessment cannot be handled like this; the message says why."""


def assessed_people(session: Session) -> Sequence[StaffRow]:
    """The operators and leaders with an open account, by name."""
    return session.scalars(
        select(StaffRow)
        .where(StaffRow.active, StaffRow.role.in_(("operator", "leader")))
        .order_by(StaffRow.name, StaffRow.id)
    ).all()


def may_assess(author: StaffRow, person: StaffRow) -> bool:
    """True if the author's role is above the person's in the chain."""
    return person.role in ROLES and author.role in ROLES[ROLES.index(person.role) + 1 :]


def begin(session: Session, person: StaffRow, month: date, *, by: StaffRow, now: datetime) -> Assessment:
    """The person's assessment of the month, begun now where there is none. AssessmentRefused where `by` is no
    superior."""
    if (known := _of(session, person.id, month)) is not None:
        return known
    if not may_assess(by, person):
        raise AssessmentRefused(f"{person.name} is assessed by a role above {person.role}.")
    assessment = Assessment(
        staff_id=person.id, month=month.replace(day=1), author_id=by.id, state="draft", created_at=now, figures={}
    )
    try:
        with session.begin_nested():
            session.add(assessment)
    except IntegrityError:
        # Two superiors began it at once, and the other one was first.
        if (known := _of(session, person.id, month)) is None:
            raise
        return known
    _add_step(session, assessment, "drafted", by, now)
    return assessment


def write(session: Session, assessment_id: int, *, score: int | None, remarks: str, by: StaffRow) -> Assessment:
    """Store score and remarks; only its author may, while it is with them."""
    assessment = _locked(session, assessment_id)
    if assessment.author_id != by.id:
        raise AssessmentRefused("Only its author can change an assessment.")
    if assessment.state not in ("draft", "sent_back"):
        raise AssessmentRefused("The assessment is on its way; it can be changed when it is sent back.")
    if (score is not None and not 0 <= score <= SCORE_MAX) or len(remarks) > REMARKS_MAX:
        raise AssessmentRefused(f"A score is 0 to {SCORE_MAX}, remarks have {REMARKS_MAX} characters at most.")
    assessment.score, assessment.remarks = score, remarks.strip()
    session.flush()
    return assessment


def submit(session: Session, assessment_id: int, figures: Mapping[str, Any], *, by: StaffRow, now: datetime) -> None:
    """Submit the assessment with these figures, which are kept. AssessmentRefused without a score and remarks."""
    assessment = _locked(session, assessment_id)
    if assessment.author_id != by.id or assessment.state not in ("draft", "sent_back"):
        raise AssessmentRefused("Only its author can submit an assessment, once.")
    if assessment.score is None or not assessment.remarks:
        raise AssessmentRefused("An assessment has a score and remarks.")
    assessment.figures = dict(figures)
    person = session.get_one(StaffRow, assessment.staff_id)
    assessment.state = "submitted"
    assessment.waits_for = ASSESSED if person.active else _next_role(session, by.role)
    _finish_if_signed(assessment)
    _add_step(session, assessment, "submitted", by, now)


def sign(session: Session, assessment_id: int, *, by: StaffRow, now: datetime, comment: str = "") -> None:
    """Sign the assessment; it goes on to the next signature, or is approved."""
    assessment = _awaiting(session, assessment_id, by)
    last: Role = by.role
    if assessment.waits_for == ASSESSED:
        last = session.get_one(StaffRow, assessment.author_id).role
    assessment.waits_for = _next_role(session, last)
    _finish_if_signed(assessment)
    _add_step(session, assessment, "signed", by, now, comment)


def send_back(session: Session, assessment_id: int, *, by: StaffRow, now: datetime, comment: str) -> None:
    """Send the assessment back to its author with the reason: the assessed person's objection, or a superior's."""
    assessment = _awaiting(session, assessment_id, by)
    if not comment.strip():
        raise AssessmentRefused("Say why the assessment goes back.")
    assessment.state, assessment.waits_for = "sent_back", None
    _add_step(session, assessment, "sent_back", by, now, comment)


def is_awaited(assessment: Assessment, person: StaffRow) -> bool:
    """True if this person's signature is next."""
    if assessment.state != "submitted" or not person.active:
        return False
    if assessment.waits_for == ASSESSED:
        return assessment.staff_id == person.id
    return assessment.waits_for == person.role and person.id not in (assessment.staff_id, assessment.author_id)


def awaited_by(session: Session, person: StaffRow) -> list[Assessment]:
    """The assessments of any month for which this person's signature is next, the oldest first."""
    rows = session.scalars(select(Assessment).where(Assessment.state == "submitted").order_by(Assessment.id))
    return [row for row in rows if is_awaited(row, person)]


def of_month(session: Session, month: date) -> dict[int, Assessment]:
    """The assessments of a month by the id of the assessed person."""
    rows = session.scalars(select(Assessment).where(Assessment.month == month.replace(day=1)))
    return {row.staff_id: row for row in rows}


def steps(session: Session, assessment_id: int) -> Sequence[tuple[AssessmentStep, StaffRow]]:
    """The steps taken on an assessment and who took them, from the beginning."""
    rows = session.execute(
        select(AssessmentStep, StaffRow)
        .join(StaffRow, StaffRow.id == AssessmentStep.by_id)
        .where(AssessmentStep.assessment_id == assessment_id)
        .order_by(AssessmentStep.id)
    )
    return [(step, person) for step, person in rows]


def _of(session: Session, staff_id: int, month: date) -> Assessment | None:
    return session.scalar(
        select(Assessment).where(Assessment.staff_id == staff_id, Assessment.month == month.replace(day=1))
    )


def _locked(session: Session, assessment_id: int) -> Assessment:
    found = session.get(Assessment, assessment_id, with_for_update=True, populate_existing=True)
    if found is None:
        raise AssessmentRefused(f"There is no assessment {assessment_id}.")
    return found


def _awaiting(session: Session, assessment_id: int, by: StaffRow) -> Assessment:
    assessment = _locked(session, assessment_id)
    if not is_awaited(assessment, by):
        raise AssessmentRefused("The assessment does not wait for this signature.")
    return assessment


def _next_role(session: Session, role: Role) -> Role | None:
    """The next role above that an open account has, or None."""
    there = set(session.scalars(select(StaffRow.role).where(StaffRow.active).distinct()))
    return next((above for above in ROLES[ROLES.index(role) + 1 :] if above in there), None)


def _finish_if_signed(assessment: Assessment) -> None:
    assessment.state = "approved" if assessment.waits_for is None else "submitted"


def _add_step(
    session: Session,
    assessment: Assessment,
    step: AssessmentStepKind,
    by: StaffRow,
    now: datetime,
    comment: str = "",
) -> None:
    submitted = step == "submitted"
    session.add(
        AssessmentStep(
            assessment_id=assessment.id,
            at=now,
            by_id=by.id,
            role=by.role,
            step=step,
            comment=comment.strip()[:COMMENT_MAX],
            score=assessment.score if submitted else None,
            remarks=assessment.remarks if submitted else "",
        )
    )
    session.flush()
