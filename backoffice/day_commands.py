"""Commands for the end of the day, and for changes of saved orders."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import click
from flask.cli import with_appcontext

from backoffice.command_context import BY, FILE, OUT, day_option, refusals_in_words, unit_of_work, write_file
from brand_catalog.sheets import read_sheet
from ivr.recordings import recordings
from orders.book import order_changes
from orders.day_end import deliveries, settlement, steps
from orders.day_end.models import FailureRule
from orders.lockout import forget_old
from orders.staff.accounts import acting_staff

_day = day_option("The business day.")


@click.group("day-end")
def day_end_command() -> None:
    """The end of a business day: balances, audit, settle, answer, hand-over, notice, close - in this order."""


@day_end_command.command("balances")
@click.argument("file", type=FILE)
@_day
@BY
@with_appcontext
def balances_command(file: Path, day: datetime, by: str) -> None:
    """Import the account balances in FILE (customer_code, balance) and end the day's regular orders."""
    with refusals_in_words():
        sheet = read_sheet(file)
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "end_day").name
        detail = steps.import_balances(session, sheet, day.date(), by=who, now=now)
    _show(detail)


@day_end_command.command("audit")
@_day
@BY
@with_appcontext
def audit_command(day: datetime, by: str) -> None:
    """Check that the books add up."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "end_day").name
        detail = steps.audit(session, day.date(), by=who, now=now)
    _show(detail)


@day_end_command.command("settle")
@_day
@BY
@OUT
@with_appcontext
def settle_command(day: datetime, by: str, out: Path) -> None:
    """Write the next batch for the bank; the open one again while it is unanswered."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "end_day").name
        number, rows = settlement.make_batch(session, day.date(), by=who, now=now)
    write_file(out / f"settlement-{day:%Y%m%d}-{number}.csv", settlement.BATCH_COLUMNS, rows)


@day_end_command.command("answer")
@click.argument("file", type=FILE)
@click.option(
    "--rule",
    type=click.Choice(["hold", "cut", "cancel"]),
    default="hold",
    envvar="SETTLEMENT_FAILURE",
    show_envvar=True,
    help="For what was not paid.",
)
@_day
@BY
@with_appcontext
def answer_command(file: Path, rule: FailureRule, day: datetime, by: str) -> None:
    """Import the bank's answer in FILE (order, result, available)."""
    with refusals_in_words():
        sheet = read_sheet(file)
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "end_day").name
        counts = settlement.import_answer(session, sheet, day.date(), rule, by=who, now=now)
    _show(counts)


@day_end_command.command("hand-over")
@_day
@BY
@OUT
@with_appcontext
def hand_over_command(day: datetime, by: str, out: Path) -> None:
    """Write the orders handed over to delivery, by route."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "end_day").name
        rows = steps.hand_over(session, day.date(), by=who, now=now)
    write_file(out / f"delivery-{day:%Y%m%d}.csv", steps.HAND_OVER_COLUMNS, rows)


@day_end_command.command("notice")
@_day
@BY
@OUT
@with_appcontext
def notice_command(day: datetime, by: str, out: Path) -> None:
    """Write the notices to retailers of what will be delivered."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "end_day").name
        rows = steps.delivery_notices(session, day.date(), by=who, now=now)
    write_file(out / f"notices-{day:%Y%m%d}.csv", steps.NOTICE_COLUMNS, rows)


@day_end_command.command("close")
@_day
@BY
@with_appcontext
def close_command(day: datetime, by: str) -> None:
    """Close the day, and delete recordings older than the department keeps them."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "end_day").name
        detail = steps.close(session, day.date(), by=who, now=now)
        deleted = recordings.delete_expired(session, now)
        forget_old(session, now)
    _show(detail)
    _say_deleted(deleted)


@click.command("delete-recordings")
@with_appcontext
def delete_recordings_command() -> None:
    """Delete recordings older than the department's rule recording_days allows, and counts of wrong PINs that are over;
    closing a day does it too."""
    with unit_of_work() as (session, now):
        deleted = recordings.delete_expired(session, now)
        forget_old(session, now)
    _say_deleted(deleted)


@click.command("encrypt-recordings")
@with_appcontext
def encrypt_recordings_command() -> None:
    """Encrypt every recording with the first of RECORDINGS_KEYS: those of an earlier version, or of an earlier key."""
    with unit_of_work() as (session, _now):
        count = recordings.encrypt_all(session)
    click.echo(f"{count} recordings are encrypted with the first key.", err=True)


def _say_deleted(count: int) -> None:
    click.echo(f"{count} recordings that were kept long enough are deleted.", err=True)


@day_end_command.command("reopen")
@_day
@BY
@click.option("--second", required=True, metavar="LOGIN", help="The second person's login.")
@click.option("--reason", required=True, help="Why.")
@click.option("--off-hold", multiple=True, help="An order on hold that is to be settled now; may be repeated.")
@with_appcontext
def reopen_command(day: datetime, by: str, second: str, reason: str, off_hold: Sequence[str]) -> None:
    """Reopen a closed day from the hand-over on."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "end_day").name
        second_person = acting_staff(session, second, "end_day").name
        steps.reopen(session, day.date(), by=who, second=second_person, reason=reason, now=now)
        settlement.retry_unpaid(session, off_hold, by=who, now=now)
    click.echo(f"{day:%Y-%m-%d} is open again.")


@click.group("order-change")
def order_change_command() -> None:
    """Change or cancel a saved order: one person asks, another decides."""


@order_change_command.command("ask")
@click.argument("number")
@click.option("--line", "lines", nargs=2, type=(str, int), multiple=True, help="Barcode and packs; none cancels.")
@click.option("--reason", required=True, help="Why.")
@BY
@with_appcontext
def ask_command(number: str, lines: Sequence[tuple[str, int]], reason: str, by: str) -> None:
    """Ask for order NUMBER to be changed to the given lines."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "request_changes").name
        change = order_changes.request_change(session, number, dict(lines), by=who, reason=reason, now=now)
        number_of_change = change.id
    click.echo(f"Change {number_of_change} is asked for; somebody else has to approve it.")


@order_change_command.command("decide")
@click.argument("change", type=int)
@click.option("--approve/--refuse", required=True, help="What is decided.")
@click.option("--note", default="", help="Why; the retailer hears it when it asks.")
@BY
@with_appcontext
def decide_command(change: int, approve: bool, note: str, by: str) -> None:
    """Approve or refuse CHANGE."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "decide_changes").name
        state = order_changes.decide(session, change, approve=approve, by=who, now=now, note=note).state
    click.echo(f"Change {change} is {state}.")


@click.command("import-deliveries")
@click.argument("file", type=FILE)
@BY
@with_appcontext
def import_deliveries_command(file: Path, by: str) -> None:
    """Import the delivery system's results in FILE (order, result, day, note)."""
    with refusals_in_words():
        sheet = read_sheet(file)
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "end_day").name
        counts = deliveries.import_deliveries(session, sheet, by=who, now=now)
    _show(counts)


def _show(detail: object) -> None:
    click.echo(json.dumps(detail, ensure_ascii=False, indent=2))
