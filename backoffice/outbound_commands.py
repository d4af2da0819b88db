"""Commands for outbound calls to retailers that are due: the dialler, and the calling window of each batch."""

from __future__ import annotations

import signal
from threading import Event
from urllib.parse import urlsplit

import click
from flask.cli import with_appcontext

from backoffice.command_context import BY, REASON, unit_of_work
from backoffice.hotline_commands import clock_time
from ivr.outbound.dialler import Dialler
from ivr.services import services
from orders.hotline_settings import set_outbound_hours
from orders.staff.accounts import acting_staff
from settings import Settings, SettingsError, is_loopback


@click.group("outbound")
def outbound_command() -> None:
    """Call the retailers that are due today and have not ordered."""


@outbound_command.command("run")
@with_appcontext
def run_command() -> None:
    """Run the dialler: call while outbound calling is started on the page, until this process is ended. Several may
    run, on several machines; one of them dials."""
    own = services()
    line = own.line
    try:
        own.settings.check_servable()
    except SettingsError as error:
        raise click.ClickException(str(error)) from error
    _refuse_real_calls_in_demo(own.settings)
    stop = Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda _number, _frame: stop.set())
    dialler = Dialler(own.sessions, own.clock, line.carrier, line.outbound_calls, own.settings.operator_numbers)
    dialler.run(stop)


@outbound_command.command("window")
@click.option("--batch", default="", help="The retailers' route; without one, all that have no window of their own.")
@click.option("--opens", type=clock_time, required=True, help="From when they are called.")
@click.option("--closes", type=clock_time, required=True, help="Until when they are called.")
@BY
@REASON
@with_appcontext
def window_command(batch: str, opens: int, closes: int, by: str, why: str) -> None:
    """Set when the retailers of a batch are called; they never are outside the hours of the line, whatever is set."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "set_rules").name
        set_outbound_hours(session, batch, opens, closes, by=who, why=why, now=now)
    click.echo(f"The window of {batch or 'all other batches'} is set.")


def _refuse_real_calls_in_demo(settings: Settings) -> None:
    if settings.demo and settings.carrier == "asterisk":
        raise click.ClickException("The demo calls no real telephone, and the exchange's trunk calls them: unset DEMO.")
    if settings.demo and not is_loopback(urlsplit(settings.twilio_api_base).hostname or ""):
        raise click.ClickException(
            "The demo calls no real telephone: set TWILIO_API_BASE to the simulator on this machine."
        )
