"""The command for proxy orders: it imports the day's signed list and enters the orders on it."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path

import click
from flask.cli import with_appcontext

from backoffice.command_context import BY, FILE, day_option, reading, unit_of_work
from brand_catalog.loading import load_catalog
from ivr.services import services
from orders.channels import proxy_list
from orders.channels.proxy_scans import keep_scan, media_type
from orders.staff.accounts import acting_staff
from storage import retry_on_deadlock, transaction


@click.command("proxy-orders")
@click.argument("file", type=FILE)
@day_option("The business day the list is for.")
@click.option("--scan", "scans", type=FILE, multiple=True, help="A scan of the signed list: PDF, JPEG or PNG.")
@BY
@with_appcontext
def proxy_orders_command(file: Path, day: datetime, scans: tuple[Path, ...], by: str) -> None:
    """Enter the orders on the signed list FILE (customer_code, name, cartons, retailer_signed, department_head_signed,
    deputy_manager_signed), and keep its scans. Run again, it goes on where it was interrupted."""
    with reading() as (session, now):
        who = acting_staff(session, by, "enter_lists").name
        catalog = load_catalog(session)
        listed = proxy_list.read_list(session, file, catalog, day.date(), by=who)
    kept = [(scan.name, scan.read_bytes()) for scan in scans]
    if wrong := [name for name, content in kept if media_type(content) is None]:
        raise click.ClickException(f"{wrong[0]} is no PDF, JPEG or PNG file: nothing was entered.")
    with unit_of_work() as (session, now):
        codes = proxy_list.store_list(session, listed, day.date(), by=who, source=file.name, now=now)
        for name, content in kept:
            keep_scan(session, day.date(), name, content, by=who, now=now)

    @retry_on_deadlock
    def enter(code: str) -> str:
        with transaction(services().sessions) as session:
            taken = proxy_list.enter_listed(session, catalog, day.date(), code, now, by=who)
            state, reason = taken.row.state, taken.row.reason
            if not taken.repeated and state == "failed":
                click.echo(f"{code}: not entered ({reason}); it is on the phone list if a call can help.", err=True)
            return "entered before" if taken.repeated else state

    states = Counter(enter(code) for code in codes)
    figures = ", ".join(f"{count} {state}" for state, count in sorted(states.items())) or "none"
    click.echo(f"Proxy orders in {file.name}: {figures}.")
