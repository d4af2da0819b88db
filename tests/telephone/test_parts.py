"""Web processes, line processes and the proxy served each alone, as in containers of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
import requests
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

import storage
from simulator.account import Account
from tests.support.ports import free_port
from tests.support.posting_caller import PostingCaller
from tests.support.served_app import shift_to_morning
from tests.support.served_machines import ROOT, Shared, spawn, wait_until_up

pytestmark = pytest.mark.timeout(300)


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Shared]:
    """The proxy in front of one web and one line process; what they share, its public address above all."""
    storage.migrate(f"sqlite:///{tmp_path}/hotline.db")
    web, line, port = free_port(), free_port(), free_port()
    url = f"http://127.0.0.1:{port}"
    shared = Shared(f"sqlite:///{tmp_path}/hotline.db", Account(""), "keypad", shift_to_morning(), url, tmp_path)
    app = ("--app", "tests.support.served_app")
    upstreams = {"WEB_UPSTREAMS": f"127.0.0.1:{web}", "LINE_UPSTREAMS": f"127.0.0.1:{line}"}
    with ExitStack() as to_the_end:

        def serve(part: str, *arguments: str, **environment: str) -> None:
            process = spawn(shared, part, "deploy.serve", part, *arguments, **environment)
            to_the_end.callback(process.wait)
            to_the_end.callback(os.killpg, process.pid, signal.SIGKILL)
            log = tmp_path / f"{part}.log"
            wait_until_up(f"http://127.0.0.1:{environment['PORT']}", process, log.read_text)

        serve("line", *app, PORT=str(line), LINE_PROCESSES="1")
        serve("web", *app, PORT=str(web))
        serve("proxy", PORT=str(port), **upstreams)
        yield shared


def test_parts_served_alone_make_one_line(proxy: Shared) -> None:
    """Each answered /healthz by itself; a call is greeted through the proxy, and sockets come to the line process."""
    assert PostingCaller(Account(""), proxy.public_url).post("/voice/incoming").said
    with pytest.raises(InvalidStatus) as refused:
        connect(f"{proxy.public_url.replace('http:', 'ws:')}/voice/stream")
    assert refused.value.response.status_code == 403
    assert "without the carrier's signature was refused" in (proxy.folder / "line.log").read_text(encoding="utf-8")
    assert requests.get(f"{proxy.public_url}/login", timeout=30).ok


def test_a_proxy_that_knows_no_processes_says_what_to_set() -> None:
    unset = {name: value for name, value in os.environ.items() if not name.endswith("_UPSTREAMS")}
    done = subprocess.run(
        [sys.executable, "-m", "deploy.serve", "proxy"],
        cwd=ROOT,
        env=unset | {"PORT": str(free_port())},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert "set WEB_UPSTREAMS and LINE_UPSTREAMS" in done.stderr
