"""The work on one file of orders: read whole, then each order entered once."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from clock import Clock
from orders.channels.file_import import enter_orders, read_orders
from orders.channels.models import OrderSource
from orders.file_jobs.models import FileJob, OrderFile
from storage import SessionFactory, read_only, transaction, unhurried

# More are not shown.
REFUSED_KEPT = 200


def enter_order_file(
    sessions: SessionFactory,
    clock: Clock,
    load_catalog: Callable[[Session], Catalog],
    job: FileJob,
    path: Path,
    report: Callable[[int], None],
) -> dict[str, Any]:
    """Enter the orders in the file of a job. The result has the fields of OrdersEntered; or `same_as`, the number of
    the job that took the same content of the same source before. SheetError where anything in the file is wrong."""
    now = clock()
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    with transaction(sessions) as session:
        own = session.get_one(OrderFile, job.id)
        own.digest = digest
        if (earlier := _taken_before(session, own)) is not None:
            return {"same_as": earlier}
        source = session.get_one(OrderSource, own.source_id)
    with unhurried(), read_only(sessions) as session:
        catalog = load_catalog(session)
    found = read_orders(path, catalog, now)
    report(sum(len(one.order.packs) for one in found))
    done = enter_orders(
        sessions,
        catalog,
        found,
        source.channel,
        source.sender,
        now,
        resumed_from=job.begun_at if job.tries > 1 else None,
        report=report,
    )
    refused = [asdict(one) for one in done.refused[:REFUSED_KEPT]]
    return asdict(done) | {"refused": refused, "refused_count": len(done.refused)}


def _taken_before(session: Session, own: OrderFile) -> int | None:
    """The number of the first other job that took a file of the same source with the same content; None if there is
    none. A file that was refused is taken again: what was wrong may have been mended elsewhere."""
    return session.scalar(
        select(FileJob.id)
        .join(OrderFile, OrderFile.job_id == FileJob.id)
        .where(
            OrderFile.source_id == own.source_id,
            OrderFile.digest == own.digest,
            FileJob.id != own.job_id,
            FileJob.state == "done",
        )
        .order_by(FileJob.id)
        .limit(1)
    )
