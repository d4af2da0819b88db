"""Which answers the proxy compresses: texts for our own pages; nothing that another site asks for, no event streams."""

from __future__ import annotations

import gzip
import http.client
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread

import pytest

from deploy.serve import DEPLOY
from tests.support.ports import free_port

PAGE = ("<html>" + "建设路超市 410502100012 " * 500 + "</html>").encode()
TYPES = {
    "/today": "text/html; charset=utf-8",
    "/retailers/export": "text/csv; charset=utf-8",
    "/assets/console.css": "text/css; charset=utf-8",
    "/labelled.zip": "application/zip",
    "/desk/events": "text/event-stream",
}


class Pages(BaseHTTPRequestHandler):
    """Answers every address with the same bytes; an event stream begins with one event and goes on when told to."""

    go_on = Event()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", TYPES[self.path])
        if self.path != "/desk/events":
            self.send_header("Content-Length", str(len(PAGE)))
        self.end_headers()
        if self.path == "/desk/events":
            self.wfile.write(b"event: hotline\ndata: waiting\n\n")
            self.wfile.flush()
            self.go_on.wait(20)
        self.wfile.write(PAGE)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of the proxy of deploy/Caddyfile, in front of a server of those pages."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pages)
    Thread(target=server.serve_forever, daemon=True).start()
    port, folder, upstream = free_port(), tmp_path_factory.mktemp("proxy"), f"127.0.0.1:{server.server_port}"
    settings = {
        "HOST": "127.0.0.1",
        "SITE_ADDRESS": f"http://:{port}",
        "METRICS_PORT": str(free_port()),
        "XDG_CONFIG_HOME": str(folder),
        "WEB_UPSTREAMS": upstream,
        "LINE_UPSTREAMS": upstream,
    }
    caddy = shutil.which("caddy", path=str(Path(sys.executable).parent)) or "caddy"
    command = [caddy, "run", "--config", str(DEPLOY / "Caddyfile"), "--adapter", "caddyfile"]
    process = subprocess.Popen(command, cwd=folder, env=os.environ | settings, stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait()
        server.shutdown()


def _wait_for(port: int) -> None:
    give_up = time.monotonic() + 20
    while True:
        try:
            asked(port, "/today").close()
        except OSError:
            if time.monotonic() > give_up:
                raise
            time.sleep(0.05)
        else:
            return


def asked(port: int, path: str, site: str | None = None) -> http.client.HTTPResponse:
    """The answer to a browser's request, which says by what site it was sent; None for a client that is no browser."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    headers = {"Accept-Encoding": "gzip"} | ({"Sec-Fetch-Site": site} if site else {})
    connection.request("GET", path, headers=headers)
    return connection.getresponse()


@pytest.mark.parametrize("path", ["/today", "/retailers/export", "/assets/console.css"])
@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_texts_are_compressed_for_our_own_pages(port: int, path: str, site: str) -> None:
    answer = asked(port, path, site)
    sent = answer.read()
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(sent) < len(PAGE) / 10
    assert gzip.decompress(sent) == PAGE
    assert "Accept-Encoding" in answer.headers["Vary"]


@pytest.mark.parametrize("site", ["cross-site", "same-site", None])
def test_what_another_site_asks_for_does_not_tell_by_its_size_what_is_in_it(port: int, site: str | None) -> None:
    answer = asked(port, "/today", site)
    assert answer.headers["Content-Encoding"] is None
    assert answer.read() == PAGE


def test_a_file_that_is_compressed_already_is_sent_as_it_is(port: int) -> None:
    answer = asked(port, "/labelled.zip", "same-origin")
    assert answer.headers["Content-Encoding"] is None
    assert answer.read() == PAGE


def test_an_event_is_sent_at_once_and_as_it_is(port: int) -> None:
    Pages.go_on.clear()
    answer = asked(port, "/desk/events", "same-origin")
    assert answer.headers["Content-Encoding"] is None
    assert answer.read1() == b"event: hotline\ndata: waiting\n\n"
    Pages.go_on.set()
    assert answer.read() == PAGE
