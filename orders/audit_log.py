"""The audit log of settings: author, time, reason, value before and after; appended and never changed (AY 5.2.3).

Limits are too many to be recorded one by one each time. A limit refers to the batch that set it, and each replaced one
is kept with the batch before it, so that every value there ever was has its author.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import Select, select
from sqlalchemy.orm import Session

from orders.models import REASON_MAX_CHARS, SettingChange, Subject
from orders.supply.models import LimitBatch

Value = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One entry of the audit log. For limits it is a whole batch: `after` counts them, and `batch` identifies it."""

    at: datetime
    by: str
    why: str
    subject: Subject
    name: str
    business_day: date | None
    before: Value | None
    after: Value | None
    batch: int | None = None


def record_change(
    session: Session,
    subject: Subject,
    name: str,
    before: Value | None,
    after: Value | None,
    *,
    by: str,
    why: str,
    now: datetime,
    day: date | None = None,
) -> bool:
    """Append what was set; True if it differs from before, otherwise nothing is appended."""
    if before == after:
        return False
    session.add(new_entry(subject, name, before, after, by=by, why=why, now=now, day=day))
    session.flush()
    return True


def new_entry(
    subject: Subject,
    name: str,
    before: Value | None,
    after: Value | None,
    *,
    by: str,
    why: str,
    now: datetime,
    day: date | None = None,
) -> SettingChange:
    """An entry to be appended, where many are appended at once."""
    return SettingChange(
        at=now,
        by=by,
        reason=why.strip()[:REASON_MAX_CHARS],
        subject=subject,
        name=name,
        business_day=day,
        before=None if before is None else dict(before),
        after=None if after is None else dict(after),
    )


def entries(
    session: Session,
    *,
    subject: Subject | None = None,
    name: str | None = None,
    day: date | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """The latest entries, the latest first: of everything, or of one subject, one name or one business day."""
    found: list[AuditEntry] = []
    if subject != "limits":
        # Columns and no rows: an export has twenty thousand.
        found += [AuditEntry(*row) for row in session.execute(_changes(subject, name, day).limit(limit))]
    if subject in (None, "limits") and name is None:
        found += [
            AuditEntry(
                row.at,
                row.by,
                row.reason,
                "limits",
                row.source,
                row.business_day,
                None,
                {"added": row.added, "changed": row.changed, "unchanged": row.unchanged},
                row.id,
            )
            for row in session.scalars(_batches(day).limit(limit))
        ]
    # Sorting is stable, and both parts have their latest first.
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]


def _changes(subject: Subject | None, name: str | None, day: date | None) -> Select[Any]:
    row = SettingChange
    columns = (row.at, row.by, row.reason, row.subject, row.name, row.business_day, row.before, row.after)
    chosen = select(*columns).order_by(row.at.desc(), row.id.desc())
    if subject is not None:
        chosen = chosen.where(SettingChange.subject == subject)
    if name is not None:
        chosen = chosen.where(SettingChange.name == name)
    return chosen if day is None else chosen.where(SettingChange.business_day == day)


def _batches(day: date | None) -> Select[LimitBatch]:
    chosen = select(LimitBatch).order_by(LimitBatch.at.desc(), LimitBatch.id.desc())
    return chosen if day is None else chosen.where(LimitBatch.business_day == day)
