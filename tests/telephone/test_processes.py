"""The processes as they are started: a server that cannot serve says why, and the demo is made by a command."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]


def run(*command: str, **environment: str) -> subprocess.CompletedProcess[str]:
    unset = ("TWILIO_", "SECRET_", "PUBLIC_", "DEMO", "DATABASE_")
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(unset)}
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env=inherited | environment,
        capture_output=True,
        text=True,
        timeout=120,
        stdin=subprocess.DEVNULL,
        check=False,
    )


def serve(**environment: str) -> subprocess.CompletedProcess[str]:
    return run("deploy.serve", **({"PORT": str(free_port())} | environment))


def test_the_server_does_not_start_without_its_secrets() -> None:
    done = serve()
    assert done.returncode != 0
    assert "TWILIO_AUTH_TOKEN is not set" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_server_does_not_start_on_a_database_without_tables(tmp_path: Path) -> None:
    done = serve(DEMO="1", DATABASE_URL=f"sqlite:///{tmp_path}/new.db")
    assert done.returncode != 0
    assert "run `flask --app app migrate`" in done.stdout + done.stderr


def test_the_server_says_what_is_wrong_with_its_database() -> None:
    done = serve(DEMO="1", DATABASE_URL="postgresql+psycopg://nobody@127.0.0.1:1/none")
    assert done.returncode != 0
    assert "The database cannot be used" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr


def test_the_server_does_not_share_its_port_with_another_one() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = serve(DEMO="1", PORT=str(port))
    assert done.returncode != 0
    assert f"cannot be served at 127.0.0.1:{port}" in done.stderr


def test_the_demo_s_database_is_made_twice_without_harm(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/demo.db"
    for _ in range(2):
        done = run("flask", "--app", "app", "demo", DATABASE_URL=url)
        assert done.returncode == 0, done.stderr
