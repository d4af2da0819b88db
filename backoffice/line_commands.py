"""Commands for who may call and when: retailers, hotlines, hours, days off."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from backoffice.at_work import DAY, FILE, unit_of_work
from orders.models import Admits, CalendarDay, Channel, ChannelWindow, HotlineRow, OrderKind
from orders.retailer_import import import_retailers


def clock_time(value: str) -> int:
    """A time of day like 08:30, in minutes from midnight; 24:00 is its end. ValueError for anything else."""
    if value == "24:00":
        return 24 * 60
    moment = time.fromisoformat(value)
    return moment.hour * 60 + moment.minute


@click.command("import-retailers")
@click.argument("file", type=FILE)
@with_appcontext
def import_retailers_command(file: Path) -> None:
    """Add and change the retailers in FILE (customer_code, name, cycle, order_day, ...), whole or not at all."""
    with unit_of_work() as (session, _):
        done = import_retailers(session, file)
    click.echo(f"Retailers: {done.added} added, {done.changed} changed.")


@click.command("hotline")
@click.argument("number")
@click.option("--name", required=True, help="Whose line it is, as the greeting says it.")
@click.option("--seat", required=True, help="The seat, as the greeting says it.")
@click.option("--kind", type=click.Choice(["regular", "supplementary"]), default="regular")
@click.option("--opens", type=clock_time, default="00:00", help="From when it takes orders.")
@click.option("--closes", type=clock_time, default="24:00", help="Until when it takes orders.")
@click.option(
    "--region", "regions", multiple=True, help="A region to choose, in the order of the keys; may be repeated."
)
@with_appcontext
def hotline_command(
    number: str, name: str, seat: str, kind: OrderKind, opens: int, closes: int, regions: tuple[str, ...]
) -> None:
    """Add the hotline NUMBER, or change it: a supplementary one is for who missed its call."""
    if closes <= opens:
        raise click.UsageError("A line has to close after it opens.")
    admits: Admits = "missed" if kind == "supplementary" else "due"
    with unit_of_work() as (session, _):
        line = session.scalar(select(HotlineRow).where(HotlineRow.number == number)) or HotlineRow(number=number)
        line.name, line.seat, line.kind, line.admits = name, seat, kind, admits
        line.opens, line.closes = opens, closes
        line.regions = [[str(key), region] for key, region in enumerate(regions, 1)]
        session.add(line)
    click.echo(f"{number} takes {kind} orders.")


@click.command("channel-hours")
@click.argument("channel", type=click.Choice(["web", "mobile", "proxy"]))
@click.option("--opens", type=clock_time, required=True)
@click.option("--closes", type=clock_time, required=True)
@click.option("--evening-before", is_flag=True, help="It opens on the evening before.")
@with_appcontext
def channel_hours_command(channel: Channel, opens: int, closes: int, evening_before: bool) -> None:
    """Set when CHANNEL takes orders for a business day."""
    opens -= 24 * 60 if evening_before else 0
    if closes <= opens:
        raise click.UsageError("A channel has to close after it opens.")
    with unit_of_work() as (session, _):
        session.merge(ChannelWindow(channel=channel, opens=opens, closes=closes))
    click.echo(f"The hours of {channel} are set.")


@click.command("calendar-day")
@click.argument("day", type=DAY)
@click.option("--open/--closed", "is_open", required=True, help="Whether orders are taken.")
@click.option("--note", default="", help="Why.")
@with_appcontext
def calendar_day_command(day: datetime, is_open: bool, note: str) -> None:
    """Say that DAY is open, or closed, whatever the public holidays say."""
    with unit_of_work() as (session, _):
        session.merge(CalendarDay(day=day.date(), is_open=is_open, note=note))
    click.echo(f"{day:%Y-%m-%d} is {'open' if is_open else 'closed'}.")
