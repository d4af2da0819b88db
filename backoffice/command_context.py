"""The parts that all commands of the department share: options, one transaction with the time, refusals in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import click
from sqlalchemy.orm import Session

from brand_catalog.sheet_writing import write_table
from brand_catalog.sheets import SheetError
from ivr.services import services
from orders.book.order_changes import ChangeRefused
from orders.channels.proxy_list import ProxyListRefused
from orders.channels.tokens import TokenError
from orders.channels.web_orders import AuditRefused
from orders.day_end.deliveries import DeliveryRefused
from orders.day_end.steps import StepRefused
from orders.department_rules import UnknownRule
from orders.hotline_settings import SettingRefused
from orders.staff.accounts import StaffError
from orders.supply.limits import LimitsRefused
from orders.supply.locking import DayOver, LimitsLocked
from plain_text import UnfitText
from storage import read_only, transaction, unhurried

FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
FOLDER = click.Path(file_okay=False, path_type=Path)
NEW_FILE = click.Path(dir_okay=False, writable=True, path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])

BY = click.option("--by", required=True, metavar="LOGIN", help="Who does this: a login that list-staff shows.")
REASON = click.option("--why", required=True, help="Why; the audit log keeps it.")
OUT = click.option("--out", type=FOLDER, required=True, help="The folder for the files.")

REFUSALS = (
    SheetError,
    LimitsRefused,
    DayOver,
    LimitsLocked,
    StepRefused,
    DeliveryRefused,
    ChangeRefused,
    TokenError,
    AuditRefused,
    ProxyListRefused,
    UnknownRule,
    SettingRefused,
    StaffError,
    UnfitText,
)


def day_option(help: str) -> Callable[[Any], Any]:
    """The option for the day a command is about."""
    return click.option("--day", type=DAY, required=True, help=help)


def write_file(path: Path, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Write a table to a file, whole or not at all, and say so."""
    write_table(path, columns, rows)
    click.echo(f"Written to {path}.")


@contextmanager
def unit_of_work() -> Iterator[tuple[Session, datetime]]:
    """Open one transaction on the installation's database, with the current time; refusals end without a traceback.
    Files are read before it, because callers may wait for it."""
    with refusals_in_words(), unhurried(), transaction(services().sessions) as session:
        yield session, services().now()


@contextmanager
def reading() -> Iterator[tuple[Session, datetime]]:
    """As `unit_of_work`, for what only reads: nobody waits for it."""
    with refusals_in_words(), unhurried(), read_only(services().sessions) as session:
        yield session, services().now()


@contextmanager
def refusals_in_words() -> Iterator[None]:
    """End a refusal by its words, without a traceback."""
    try:
        yield
    except REFUSALS as error:
        raise click.ClickException(str(error)) from error
