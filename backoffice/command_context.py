"""The parts that all commands of the department share: one transaction, the current time, refusals in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from flask import current_app
from sqlalchemy.orm import Session

from brand_catalog.sheets import SheetError
from orders.book.order_changes import ChangeRefused
from orders.channels.proxy_list import ProxyListRefused
from orders.channels.tokens import TokenError
from orders.channels.web_orders import AuditRefused
from orders.day_end.steps import StepRefused
from orders.department_rules import UnknownRule
from orders.hotline_settings import SettingRefused
from orders.staff.accounts import StaffError
from orders.supply.limits import LimitsLocked, LimitsRefused
from storage import transaction

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])

BY = click.option("--by", required=True, metavar="LOGIN", help="Who does this: a login that list-staff shows.")
REASON = click.option("--why", required=True, help="Why; the history keeps it.")

REFUSALS = (
    SheetError,
    LimitsRefused,
    LimitsLocked,
    StepRefused,
    ChangeRefused,
    TokenError,
    AuditRefused,
    ProxyListRefused,
    UnknownRule,
    SettingRefused,
    StaffError,
)


@contextmanager
def unit_of_work() -> Iterator[tuple[Session, datetime]]:
    """Open one transaction on the installation's database, with the current time; refusals end without a traceback."""
    try:
        with transaction(current_app.extensions["sessions"]) as session:
            yield session, current_app.extensions["clock"]()
    except REFUSALS as error:
        raise click.ClickException(str(error)) from error
