"""Commands for the accounts of the console."""

from __future__ import annotations

import click
from flask import current_app

from clock import system_clock
from orders.staff import ROLES, Role, StaffError, create_staff
from settings import Settings
from storage import open_engine, open_sessions, transaction


@click.command("create-staff")
@click.argument("login")
@click.option("--name", required=True, help="As colleagues and reports name the person.")
@click.option("--role", type=click.Choice(ROLES), required=True)
@click.option("--seat", default="", help="The seat number callers hear.")
@click.option("--phone", help="Where calls reach the person, as the carrier writes it: +8613...")
@click.password_option(help="Asked for when it is not given.")
def create_staff_command(login: str, name: str, role: Role, seat: str, phone: str | None, password: str) -> None:
    """Make an account that may sign in at the console."""
    settings: Settings = current_app.config["SETTINGS"]
    engine = open_engine(settings.database_url)
    try:
        with transaction(open_sessions(engine)) as session:
            create_staff(
                session,
                system_clock(),
                login=login,
                name=name,
                role=role,
                seat=seat,
                phone=phone,
                password=password,
            )
    except StaffError as error:
        raise click.ClickException(str(error)) from error
    finally:
        engine.dispose()
    click.echo(f"{name} may now sign in as {login.strip().lower()}.")
