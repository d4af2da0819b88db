"""Commands for the accounts of the order department."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from backoffice.command_context import unit_of_work
from orders.staff.accounts import StaffError, close_account, create_staff, hash_password
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


STAFF_COMMANDS = (create_staff_command, list_staff_command, close_account_command)
