"""Whose word on the client's address is taken: the proxy as it is configured, in front of a server that says what it
was told."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import requests

from deploy.serve import DEPLOY
from tests.support.ports import free_port


class _Told(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        told = ",".join(self.headers.get_all("X-Forwarded-For", [])).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(told)))
        self.end_headers()
        self.wfile.write(told)

    def log_message(self, format: str, *args: object) -> None:
        pass


Ask = Callable[[str], str]


@contextmanager
def proxy(folder: Path, **environment: str) -> Iterator[Ask]:
    """The proxy of deploy/Caddyfile, as a function from the X-Forwarded-For sent to the one passed on."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Told)
    Thread(target=server.serve_forever, daemon=True).start()
    port, upstream = free_port(), f"127.0.0.1:{server.server_port}"
    settings = {
        "HOST": "127.0.0.1",
        "SITE_ADDRESS": f"http://:{port}",
        "METRICS_PORT": str(free_port()),
        "METRICS_BIND": "127.0.0.1",
        "XDG_CONFIG_HOME": str(folder),
        **dict.fromkeys(("WEB_UPSTREAM", "WEB_UPSTREAMS", "LINE_UPSTREAM", "LINE_UPSTREAMS"), upstream),
    }
    caddy = shutil.which("caddy", path=str(Path(sys.executable).parent)) or "caddy"
    command = [caddy, "run", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile"]
    process = subprocess.Popen(command, cwd=folder, env=os.environ | settings | environment, stderr=subprocess.DEVNULL)
    try:
        yield lambda sent: _told(f"http://127.0.0.1:{port}/login", sent)
    finally:
        process.terminate()
        process.wait()
        server.shutdown()
        server.server_close()


def _told(url: str, sent: str) -> str:
    deadline = time.monotonic() + 20
    while True:
        try:
            return requests.get(url, headers={"X-Forwarded-For": sent} if sent else {}, timeout=5).text
        except requests.ConnectionError:
            if time.monotonic() > deadline:
                raise
            time.sleep(0.05)


@pytest.fixture(scope="module")
def trusting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    with proxy(tmp_path_factory.mktemp("caddy"), TRUSTED_PROXIES="127.0.0.1/32 198.51.100.0/24") as ask:
        yield ask


def test_a_trusted_proxys_word_on_the_client_is_taken(trusting: Ask) -> None:
    assert trusting("203.0.113.9") == "203.0.113.9"


def test_of_several_trusted_proxies_the_client_before_the_first_counts(trusting: Ask) -> None:
    assert trusting("203.0.113.9, 198.51.100.7") == "203.0.113.9"


def test_an_address_a_client_made_up_before_its_own_does_not_count(trusting: Ask) -> None:
    assert trusting("192.0.2.1, 203.0.113.9") == "203.0.113.9"
    assert trusting("192.0.2.1, 203.0.113.9, 198.51.100.7") == "203.0.113.9"


def test_without_a_proxy_before_it_the_client_is_who_connects(trusting: Ask) -> None:
    assert trusting("") == "127.0.0.1"


def test_who_is_not_trusted_is_not_believed(tmp_path: Path) -> None:
    with proxy(tmp_path, TRUSTED_PROXIES="198.51.100.0/24") as ask:
        assert ask("203.0.113.9") == "127.0.0.1"
