"""Commands for the accounts of the order department."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from backoffice.command_context import BY, REASON, unit_of_work
from orders.staff.accounts import StaffError, acting_staff, close_account, create_staff, end_wait, hash_password
from orders.staff.models import ROLES, Role, StaffRow


@click.command("create-staff")
@click.argument("login")
@click.option("--name", required=True, help="As colleagues and reports name the person.")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--seat", default="", help="The seat number callers hear.")
@click.option("--phone", help="Where calls reach the person, as the carrier writes it: +8613...")
@click.password_option(help="Asked for when it is not given.")
@with_appcontext
def create_staff_command(login: str, name: str, role: Role, seat: str, phone: str | None, password: str) -> None:
    """Make an account: its holder may sign in at the console, and be named in --by."""
    try:
        password_hash = hash_password(password)
    except StaffError as error:
        raise click.ClickException(str(error)) from error
    with unit_of_work() as (session, now):
        staff = create_staff(
            session, now, login=login, name=name, role=role, seat=seat, phone=phone, password_hash=password_hash
        )
        login = staff.login
    click.echo(f"{name} may now sign in as {login}.")


@click.command("list-staff")
@with_appcontext
def list_staff_command() -> None:
    """Show every account: login, name, role, and whether it is closed."""
    with unit_of_work() as (session, _):
        for staff in session.scalars(select(StaffRow).order_by(StaffRow.login)):
            click.echo("  ".join((staff.login, staff.name, staff.role, *(() if staff.active else ("closed",)))))


@click.command("close-account")
@click.argument("login")
@with_appcontext
def close_account_command(login: str) -> None:
    """Close the account LOGIN for good; what was done under it stays."""
    with unit_of_work() as (session, _):
        name = close_account(session, login).name
    click.echo(f"{name} can no longer sign in.")


@click.command("end-wait")
@click.argument("login")
@BY
@REASON
@with_appcontext
def end_wait_command(login: str, by: str, why: str) -> None:
    """Let LOGIN try again at once after wrong passwords from a browser it has not used before."""
    with unit_of_work() as (session, now):
        who = acting_staff(session, by, "settle_alarms").name
        name = end_wait(session, login, by=who, why=why, now=now).name
    click.echo(f"{name} can try again now.")


STAFF_COMMANDS = (create_staff_command, list_staff_command, close_account_command, end_wait_command)
