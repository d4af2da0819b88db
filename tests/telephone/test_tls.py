"""The line as its own https proxy: a host name in SITE_ADDRESS, here with a certificate of an authority of its own."""

from __future__ import annotations

import asyncio
import os
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import requests
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

import storage
from simulator.account import DEMO_AUTH_TOKEN
from simulator.webhook_client import sign
from tests.support.ports import free_port

ROOT = Path(__file__).parents[2]
START_TIMEOUT_S = 120.0

pytestmark = pytest.mark.timeout(300)


@dataclass(frozen=True)
class Site:
    """The served line: its https address, the port of http, the authority to trust, and its environment."""

    url: str
    http_port: int
    authority: Path
    environment: dict[str, str]


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("tls")
    database = f"sqlite:///{folder}/hotline.db"
    storage.migrate(database)
    http_port, https_port = free_port(), free_port()
    url = f"https://localhost:{https_port}"
    environment = os.environ | {
        "DEMO": "1",
        "LISTEN_MODE": "keypad",
        "DATABASE_URL": database,
        "PUBLIC_BASE_URL": url,
        "DRAIN_S": "0",
        "PORT": str(free_port()),
        "SITE_ADDRESS": "localhost",
        "HTTP_PORT": str(http_port),
        "HTTPS_PORT": str(https_port),
        "CERTIFICATES_FOLDER": str(folder / "certificates"),
    }
    authority = folder / "certificates" / "pki" / "authorities" / "local" / "root.crt"
    command = [sys.executable, "-m", "deploy.serve"]
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=log, stderr=log)
    try:
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(url, authority):
            if server.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(f"the server did not come up; its log says:\n{(folder / 'log').read_text()}")
            time.sleep(0.1)
        yield Site(url, http_port, authority, environment)
    finally:
        server.terminate()
        server.wait(60)


def answers(url: str, authority: Path) -> bool:
    try:
        return authority.exists() and requests.get(f"{url}/healthz", verify=str(authority), timeout=5).ok
    except requests.RequestException:
        return False


def test_a_call_by_https_is_greeted_and_goes_on_by_https(site: Site) -> None:
    address = f"{site.url}/voice/incoming"
    fields = {"CallSid": "CA1", "From": "+8613900000077", "To": "+8637255550000", "CallStatus": "ringing"}
    signature = sign(DEMO_AUTH_TOKEN, address, fields)
    greeting = requests.post(
        address, data=fields, headers={"X-Twilio-Signature": signature}, verify=str(site.authority), timeout=30
    )
    assert greeting.status_code == 200
    assert "<Say" in greeting.text
    assert f'"{site.url}/voice/' in greeting.text


def test_plain_http_is_sent_on_to_https(site: Site) -> None:
    sent_on = requests.get(f"http://localhost:{site.http_port}/login", allow_redirects=False, timeout=30)
    assert sent_on.status_code == 308
    assert sent_on.headers["Location"].startswith("https://localhost")


def test_media_sockets_come_by_tls_too(site: Site) -> None:
    async def open_unsigned() -> int:
        address, trusted = site.url.replace("https:", "wss:"), ssl.create_default_context(cafile=site.authority)
        try:
            async with connect(f"{address}/voice/stream", ssl=trusted):
                return 101
        except InvalidStatus as refused:
            return refused.response.status_code

    assert asyncio.run(open_unsigned()) == 403


def test_the_health_check_of_a_container_asks_by_https(site: Site) -> None:
    check = [sys.executable, "-m", "deploy.healthy"]
    assert subprocess.run(check, cwd=ROOT, env=site.environment, check=False).returncode == 0
    nobody = site.environment | {"HTTPS_PORT": str(free_port())}
    gone = subprocess.run(check, cwd=ROOT, env=nobody, capture_output=True, text=True, check=False)
    assert gone.returncode == 1
    assert "Nothing answers" in gone.stderr
