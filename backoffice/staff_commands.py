"""Commands for the accounts of the order department."""

from __future__ import annotations

import click
from flask.cli import with_appcontext
from sqlalchemy import select

from backoffice.command_context import BY, REASON, unit_of_work
from orders.staff.accounts import (
    StaffError,
    acting_staff,
    close_account,
    create_staff,
    end_wait,
    hash_password,
    make_password,
    reopen_account,
    set_password,
    staff_of_login,
)
from orders.staff.models import ROLES, Role, StaffRow

# In the audit log, in the place of a name: accounts are needed before there is anybody to name.
COMMAND = "flask"


@click.command("create-staff")
@click.argument("login")
@click.option("--name", required=True, help="As colleagues and reports name the person.")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--seat", default="", help="The seat number callers hear.")
@click.option("--phone", help="Where calls reach the person, as the carrier writes it: +8613...")
@click.option("--county", default="", help="The county whose retailers are the person's own.")
@click.option("--manager", default="", help="The name that the retailers of a customer manager carry.")
@click.password_option(help="Asked for when it is not given.")
@with_appcontext
def create_staff_command(
    login: str, name: str, role: Role, seat: str, phone: str | None, county: str, manager: str, password: str
) -> None:
    """Make an account: its holder may sign in at the console, and be named in --by."""
    try:
        password_hash = hash_password(password)
    except StaffError as error:
        raise click.ClickException(str(error)) from error
    with unit_of_work() as (session, now):
        staff = create_staff(
            session,
            now,
            login=login,
            name=name,
            role=role,
            seat=seat,
            phone=phone,
            password_hash=password_hash,
            county=county,
            manager=manager,
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
    """Close the account LOGIN; what was done under it stays. `reopen-account` opens it again."""
    with unit_of_work() as (session, now):
        name = close_account(session, login, by=COMMAND, now=now).name
    click.echo(f"{name} can no longer sign in.")


@click.command("reopen-account")
@click.argument("login")
@with_appcontext
def reopen_account_command(login: str) -> None:
    """Open the closed account LOGIN again, with a new password that is shown once."""
    password = make_password()
    password_hash = hash_password(password)
    with unit_of_work() as (session, now):
        name = reopen_account(session, login, password_hash=password_hash, by=COMMAND, now=now).name
    click.echo(f"{name} may sign in again, with the password {password}, and then chooses another one.")


@click.command("reset-password")
@click.argument("login")
@with_appcontext
def reset_password_command(login: str) -> None:
    """Give LOGIN a new password, shown once, where nobody can on the page: for the only director."""
    password = make_password()
    password_hash = hash_password(password)
    with unit_of_work() as (session, now):
        staff = staff_of_login(session, login)
        set_password(session, staff, password_hash, must_change=True, by=COMMAND, why="", now=now)
        name = staff.name
    click.echo(f"{name} can sign in with the password {password}, and then chooses another one.")


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


STAFF_COMMANDS = (
    create_staff_command,
    list_staff_command,
    close_account_command,
    reopen_account_command,
    reset_password_command,
    end_wait_command,
)
