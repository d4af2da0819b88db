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
from orders.supply.models import Limit, LimitBatch, LimitChange

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


@dataclass(frozen=True, slots=True)
class LimitValue:
    """One value of a limit from a moment on, in packs. Without `at` it was not set by the department."""

    packs: int
    at: datetime | None
    by: str
    why: str
    source: str


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
    session.add(
        SettingChange(
            at=now,
            by=by,
            reason=why.strip()[:REASON_MAX_CHARS],
            subject=subject,
            name=name,
            business_day=day,
            before=None if before is None else dict(before),
            after=None if after is None else dict(after),
        )
    )
    session.flush()
    return True


def entries(
    session: Session,
    *,
    subject: Subject | None = None,
    name: str | None = None,
    day: date | None = None,
    until: datetime | None = None,
    limit: int = 100,
) -> list[AuditEntry]:
    """The log, the latest first: all of it, or of one subject, one name, one business day, or up to a moment, by which
    one page of it follows another."""
    found: list[AuditEntry] = []
    if subject != "limits":
        found += [
            AuditEntry(row.at, row.by, row.reason, row.subject, row.name, row.business_day, row.before, row.after)
            for row in session.scalars(_changes(subject, name, day, until).limit(limit))
        ]
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
            for row in session.scalars(_batches(day, until).limit(limit))
        ]
    # Sorting is stable, and both parts have their latest first.
    return sorted(found, key=lambda entry: entry.at, reverse=True)[:limit]


def limit_values(session: Session, retailer_id: int, cycle_start: date, barcode: str) -> list[LimitValue]:
    """Every value one limit had, from the first to the present one."""
    present = session.get(Limit, (retailer_id, cycle_start, barcode), populate_existing=True)
    if present is None:
        return []
    replaced = session.scalars(
        select(LimitChange)
        .where(
            LimitChange.retailer_id == retailer_id,
            LimitChange.cycle_start == cycle_start,
            LimitChange.barcode == barcode,
        )
        .order_by(LimitChange.batch_id)
    )
    values = [(change.before_packs, change.before_batch_id) for change in replaced if change.before_packs is not None]
    values.append((present.limit_packs, present.batch_id))
    numbers = [number for _, number in values if number is not None]
    batches = {batch.id: batch for batch in session.scalars(select(LimitBatch).where(LimitBatch.id.in_(numbers)))}
    return [_value(packs, None if number is None else batches[number]) for packs, number in values]


def _value(packs: int, batch: LimitBatch | None) -> LimitValue:
    if batch is None:
        return LimitValue(packs, None, "", "", "")
    return LimitValue(packs, batch.at, batch.by, batch.reason, batch.source)


def _changes(
    subject: Subject | None, name: str | None, day: date | None, until: datetime | None
) -> Select[SettingChange]:
    chosen = select(SettingChange).order_by(SettingChange.at.desc(), SettingChange.id.desc())
    if subject is not None:
        chosen = chosen.where(SettingChange.subject == subject)
    if name is not None:
        chosen = chosen.where(SettingChange.name == name)
    if day is not None:
        chosen = chosen.where(SettingChange.business_day == day)
    return chosen if until is None else chosen.where(SettingChange.at <= until)


def _batches(day: date | None, until: datetime | None) -> Select[LimitBatch]:
    chosen = select(LimitBatch).order_by(LimitBatch.at.desc(), LimitBatch.id.desc())
    if day is not None:
        chosen = chosen.where(LimitBatch.business_day == day)
    return chosen if until is None else chosen.where(LimitBatch.at <= until)
