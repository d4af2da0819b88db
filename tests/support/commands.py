"""The commands of the whole application, run on a small order desk."""

from __future__ import annotations

from click.testing import Result
from flask import Flask

from app import create_app
from settings import Settings
from tests.support.desk_world import World


def application_on(world: World) -> Flask:
    """The whole application on the world's database and clock, without a recogniser."""
    url = world.sessions.kw["bind"].url.render_as_string(hide_password=False)
    return create_app(Settings(database_url=url, demo=True, listen_mode="keypad"), clock=world.clock)


def run_command(world: World, *args: object) -> Result:
    """The result of one command with these arguments."""
    return application_on(world).test_cli_runner().invoke(args=[str(arg) for arg in args])
