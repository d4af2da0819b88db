"""`python -m simulator call SCRIPT`: place a call to a running server, as Twilio would, and print the conversation."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import click

from simulator.account import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN, Account, OwnedNumber
from simulator.inbound_calls import IncomingNumber, open_account, play
from simulator.pace import AS_FAST_AS_POSSIBLE, Pace
from simulator.peers import accept_peers, register_with_peer
from simulator.rest_server import RestServer, create_rest
from simulator.script import ScriptError, read_parties, read_script
from simulator.transcript import Transcript
from simulator.web_phone import add_web_phone, wait_for_parent


def _pace(ctx: click.Context, param: click.Parameter, value: str) -> Pace:
    if value == "max":
        return AS_FAST_AS_POSSIBLE
    try:
        speed = float(value)
    except ValueError:
        speed = 0.0
    if not 0 < speed < 1000:
        raise click.BadParameter(f"{value} is neither a number above 0 nor max", ctx, param)
    return Pace(speed)


@click.group()
def main() -> None:
    """A simulator of Twilio and of a caller."""


@main.command()
@click.argument("script", type=click.Path(path_type=Path))
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Where the application is served.")
@click.option("--from", "caller", help="The caller's number, in place of the script's.")
@click.option("--to", "called", help="The number called, in place of the script's.")
@click.option(
    "--speed", callback=_pace, default="1", show_default=True, help="1 is real time, max as fast as possible."
)
@click.option("--account-sid", envvar="TWILIO_ACCOUNT_SID", default=DEMO_ACCOUNT_SID, show_default=True)
@click.option("--token", envvar="TWILIO_AUTH_TOKEN", default=DEMO_AUTH_TOKEN, help="Requests are signed with it.")
@click.option("--rest-host", default="127.0.0.1", show_default=True)
@click.option("--rest-port", default=8001, show_default=True, help="The application's TWILIO_API_BASE must point here.")
@click.option("-v", "--verbose", is_flag=True, help="Show the TwiML verbs and the requests as well.")
def call(
    script: Path,
    url: str,
    caller: str | None,
    called: str | None,
    speed: Pace,
    account_sid: str,
    token: str,
    rest_host: str,
    rest_port: int,
    verbose: bool,
) -> None:
    """Play a caller's SCRIPT. Ends with 1 if the call did not go as the script says, 2 if it could not begin."""
    try:
        scripted = read_script(script)
    except ScriptError as error:
        _give_up(str(error))
    scripted = replace(scripted, caller=caller or scripted.caller, called=called or scripted.called)
    try:
        account, rest = open_account(rest_host, rest_port, account_sid, token)
    except OSError:
        account, rest = open_account(rest_host, 0, account_sid, token)
        if not register_with_peer(f"http://{rest_host}:{rest_port}", account):
            _give_up(
                f"Port {rest_port} of {rest_host} is taken, so Twilio's REST interface cannot be offered there: "
                "wait for the other call to end, or choose another with --rest-port and TWILIO_API_BASE."
            )
    click.echo(f"{scripted.name}: {scripted.why}\n")
    with rest:
        failure = play(
            scripted, account, IncomingNumber.at(url), pace=speed, listener=Transcript(click.echo, verbose=verbose).hear
        )
    if failure:
        click.echo(f"\nThe call {scripted.name} failed: {failure}", err=True)
        sys.exit(1)
    click.echo("\nThe call went as the script says.")


@main.command()
@click.option("--url", default="http://127.0.0.1:8000", show_default=True, help="Where the application is served.")
@click.option("--account-sid", envvar="TWILIO_ACCOUNT_SID", default=DEMO_ACCOUNT_SID, show_default=True)
@click.option("--token", envvar="TWILIO_AUTH_TOKEN", default=DEMO_AUTH_TOKEN, help="Requests are signed with it.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8001, show_default=True, help="The application's TWILIO_API_BASE must point here.")
@click.option("--parties", type=click.Path(path_type=Path), help="The parties by number: a YAML file.")
@click.option("--number", "numbers", multiple=True, help="A number of the account's; may be repeated.")
def serve(
    url: str, account_sid: str, token: str, host: str, port: int, parties: Path | None, numbers: tuple[str, ...]
) -> None:
    """Serve the web phone and the REST interface until the process that started this one ends. Calls the application
    places go to PARTIES; an unknown number does not answer."""
    try:
        account = Account(f"http://{host}:{port}", account_sid, token, read_parties(parties) if parties else {})
    except ScriptError as error:
        _give_up(str(error))
    own = IncomingNumber.at(url)
    account.numbers += [OwnedNumber(number, own.voice_url, own.status_url) for number in numbers]
    rest = create_rest(account)
    accept_peers(rest, account)
    add_web_phone(rest, account, own)
    try:
        server = RestServer(rest, host, port)
    except OSError:
        _give_up(f"Port {port} of {host} is taken: the web phone will not work. Choose another with REST_PORT.")
    with server:
        wait_for_parent()


def _give_up(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    sys.exit(2)


if __name__ == "__main__":
    main()
