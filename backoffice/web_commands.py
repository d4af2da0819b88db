"""Commands for web orders: their senders, import by file, and the lists to audit and to call."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Literal

import click
from flask.cli import with_appcontext

from backoffice.command_context import BY, FILE, day_option, reading, unit_of_work
from brand_catalog.loading import load_catalog
from ivr.services import services
from orders.book.models import Channel
from orders.channels import tokens, web_orders
from orders.channels.file_import import KEY_REUSED, enter_orders, read_orders
from orders.staff.accounts import acting_staff

WebChannel = Literal["web", "mobile"]
CHANNELS: tuple[WebChannel, ...] = ("web", "mobile")

_day = day_option("The business day.")


@click.group("web-orders")
def web_orders_command() -> None:
    """Web orders: senders, files, and the lists to audit and to call."""


@web_orders_command.command("new-sender")
@click.argument("name")
@click.option("--channel", type=click.Choice(CHANNELS), required=True)
@BY
@with_appcontext
def new_sender_command(name: str, channel: Channel, by: str) -> None:
    """Give the sender NAME a token for a channel. It is shown only once."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "set_rules").name
        token = tokens.new_token(session, name, channel, now, by=who)
    click.echo(token)


@web_orders_command.command("withdraw")
@click.argument("name")
@BY
@with_appcontext
def withdraw_command(name: str, by: str) -> None:
    """Revoke the token of the sender NAME."""
    with unit_of_work() as (session, now):
        tokens.revoke(session, name, now, by=acting_staff(session, by, "set_rules").name)
    click.echo(f"{name} may send no more orders.")


@web_orders_command.command("import-orders")
@click.argument("file", type=FILE)
@click.option("--channel", type=click.Choice(CHANNELS), required=True)
@click.option("--sender", required=True, help="The system the file comes from; its references are its own.")
@with_appcontext
def import_orders_command(file: Path, channel: Channel, sender: str) -> None:
    """Enter the orders in FILE (reference, customer_code, name, cartons, placed_at). Those entered before are left as
    they are, so that a file may be given again."""
    with reading() as (session, now):
        catalog = load_catalog(session)
        found = read_orders(file, catalog, now)
    done = enter_orders(services().sessions, catalog, found, channel, sender, now)
    reused = [one.reference for one in done.refused if one.reason == KEY_REUSED]
    for reference in reused:
        click.echo(f"{file.name}, order {reference}: the reference belongs to another order of {sender}.", err=True)
    states = {
        "cut": done.cut,
        "entered before": done.repeated,
        "failed": len(done.refused) - len(reused),
        "refused": len(reused),
        "saved": done.saved,
    }
    figures = ", ".join(f"{count} {state}" for state, count in states.items() if count) or "none"
    click.echo(f"Orders in {file.name}: {figures}.")


@web_orders_command.command("to-audit")
@_day
@with_appcontext
def audit_list_command(day: datetime) -> None:
    """List the day's orders that were cut to a limit and have not been audited."""
    with unit_of_work() as (session, _):
        rows = web_orders.audit_list(session, day.date())
    for row in rows:
        cut = ", ".join(
            f"{line['barcode']} {line['granted_packs']} of {line['requested_packs']} packs ({line['reason']})"
            for line in row.answer["lines"]
            if line["reason"]
        )
        click.echo(f"{row.id}  {row.customer_code}  {row.channel}  order {row.answer['number']}: {cut}")


@web_orders_command.command("audit")
@click.argument("number", type=int)
@BY
@click.option("--note", required=True, help="What was found.")
@with_appcontext
def audit_command(number: int, by: str, note: str) -> None:
    """Mark the order with the NUMBER of the list `to-audit` as audited."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "audit_orders").name
        web_orders.audit_order(session, number, by=who, note=note, now=now)
    click.echo(f"Web order {number} is audited.")


@web_orders_command.command("phone-list")
@_day
@with_appcontext
def phone_list_command(day: datetime) -> None:
    """List the retailers to call: those without an order because their web order failed."""
    with unit_of_work() as (session, _):
        for retailer, row in web_orders.phone_list(session, day.date()):
            click.echo(f"{retailer.customer_code}  {retailer.name}  {row.channel}  {row.reason}")
