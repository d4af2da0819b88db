"""Commands for retailers, hotlines, hours and days off."""

from __future__ import annotations

from datetime import datetime, time
from pathlib import Path

import click
from flask.cli import with_appcontext

from backoffice.command_context import BY, DAY, FILE, REASON, reading, refusals_in_words, unit_of_work
from ivr.services import services
from orders import hotline_settings
from orders.book.models import Channel, OrderKind
from orders.hotline_settings import calendar
from orders.models import MissedCallers
from orders.retailers.importing import import_retailers
from orders.staff.accounts import acting_staff


def clock_time(value: str) -> int:
    """A time of day like 08:30, in minutes from midnight; 24:00 is its end. ValueError for anything else."""
    if value == "24:00":
        return 24 * 60
    moment = time.fromisoformat(value)
    return moment.hour * 60 + moment.minute


@click.command("import-retailers")
@click.argument("file", type=FILE)
@BY
@REASON
@with_appcontext
def import_retailers_command(file: Path, by: str, why: str) -> None:
    """Add and change the retailers in FILE (customer_code, name, cycle, order_day ...); none if a cell is wrong."""
    with reading() as (session, now):
        who = acting_staff(session, by, "edit_retailers").name
    with refusals_in_words():
        done = import_retailers(services().sessions, file, by=who, why=why, now=now)
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
@click.option(
    "--missed-callers",
    type=click.Choice(["tell", "serve"]),
    default="tell",
    help="Tell a retailer that missed its call the supplementary number, or take its supplementary order.",
)
@BY
@REASON
@with_appcontext
def hotline_command(
    number: str,
    name: str,
    seat: str,
    kind: OrderKind,
    opens: int,
    closes: int,
    regions: tuple[str, ...],
    missed_callers: MissedCallers,
    by: str,
    why: str,
) -> None:
    """Add the hotline NUMBER, or change it: a supplementary one is for retailers that missed their call."""
    with unit_of_work() as (session, now):
        hotline_settings.set_hotline(
            session,
            number,
            name=name,
            seat=seat,
            kind=kind,
            opens=opens,
            closes=closes,
            regions=regions,
            missed_callers=missed_callers,
            by=acting_staff(session, by, "set_rules").name,
            why=why,
            now=now,
        )
    click.echo(f"{number} takes {kind} orders.")


@click.command("channel-hours")
@click.argument("channel", type=click.Choice(["web", "mobile", "proxy"]))
@click.option("--opens", type=clock_time, required=True)
@click.option("--closes", type=clock_time, required=True)
@click.option("--evening-before", is_flag=True, help="It opens on the evening before.")
@BY
@REASON
@with_appcontext
def channel_hours_command(channel: Channel, opens: int, closes: int, evening_before: bool, by: str, why: str) -> None:
    """Set when CHANNEL takes orders for a business day."""
    opens -= hotline_settings.MINUTES_A_DAY if evening_before else 0
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "set_rules").name
        hotline_settings.set_channel_hours(session, channel, opens, closes, by=who, why=why, now=now)
    click.echo(f"The hours of {channel} are set.")


@click.command("calendar-day")
@click.argument("day", type=DAY)
@click.option("--open", "decided", flag_value="open", help="Orders are taken.")
@click.option("--closed", "decided", flag_value="closed", help="No orders are taken.")
@click.option("--by-holidays", "decided", flag_value="by-holidays", help="The public holidays decide again.")
@BY
@REASON
@with_appcontext
def calendar_day_command(day: datetime, decided: str | None, by: str, why: str) -> None:
    """Set DAY open or closed, whatever the public holidays say."""
    if decided is None:
        raise click.UsageError("Say --open, --closed or --by-holidays.")
    is_open = {"open": True, "closed": False, "by-holidays": None}[decided]
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "set_rules").name
        hotline_settings.set_calendar_day(session, day.date(), is_open, by=who, why=why, now=now)
        is_open = calendar(session).is_open(day.date())
    click.echo(f"{day:%Y-%m-%d} is {'open' if is_open else 'closed'}.")
