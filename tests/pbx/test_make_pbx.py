"""`make pbx`: exchange, line and demo data as one command, which any softphone of this machine can call."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from pathlib import Path

import pytest
import requests

from deploy.asterisk.configuration import Place
from tests.support.exchange import EXCHANGE_ADDRESS, ROOT, TELEPHONE_ADDRESS, Exchange, need_asterisk
from tests.support.ports import free_port
from tests.support.sip_telephone import calling

pytestmark = pytest.mark.speech

START_WITHIN_S = 180.0


def test_a_softphone_dials_4001_and_all_of_it_ends_with_the_exchange(tmp_path: Path) -> None:
    keys, output = tmp_path / "pbx.keys", tmp_path / "output"
    ports = {name: free_port() for name in ("PORT", "SIP_PORT", "ARI_PORT")}
    place = Place(need_asterisk(), tmp_path / "a")
    sound = free_port()
    command = [
        "make", "pbx", *(f"{name}={port}" for name, port in ports.items()), f"RTP_PORTS={sound}-{sound + 40}",
        # The packages are those this test runs with.
        f"PBX_KEYS={os.path.relpath(keys, ROOT)}", "--assume-old=.venv/run.stamp",
    ]  # fmt: skip
    environment = {
        "DATABASE_URL": f"sqlite:///{tmp_path}/hotline.db",
        "ASTERISK_STATE": str(place.state),
        "ASTERISK_UNPACKED": str(place.unpacked),
        "LINE_PROCESSES": "1",
    }
    served = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=output.open("wb"),
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        wait_for_line(served, output, keys, ports["ARI_PORT"])
        telephones = dict(re.findall(r"\b(800\d):([0-9a-f]{32})\b", output.read_text()))
        exchange = Exchange(environment, place, ports["SIP_PORT"], 0, 0)
        with calling(
            exchange, "4001", caller="8001", address=TELEPHONE_ADDRESS, user="8001", password=telephones["8001"]
        ) as call:
            call.wait_until_answered()
            call.media.wait_for_sound(within_s=10)
            call.media.wait_for_silence(lasting_s=1.5, within_s=30)
            call.media.press("410502100012#")
            call.media.wait_until_said()
            call.media.wait_for_sound(within_s=10)
        exchange.console("core stop now")
        assert served.wait(timeout=30) is not None
        with pytest.raises(requests.ConnectionError):
            requests.get(f"http://{EXCHANGE_ADDRESS}:{ports['PORT']}/healthz", timeout=2)
    finally:
        if served.poll() is None:
            os.killpg(served.pid, signal.SIGTERM)
            served.wait(timeout=30)


def wait_for_line(served: subprocess.Popen[bytes], output: Path, keys: Path, ari_port: int) -> None:
    """Wait until the line takes the exchange's calls."""
    deadline = time.monotonic() + START_WITHIN_S
    while True:
        password = re.search(r"ASTERISK_PASSWORD=(\w+)", keys.read_text() if keys.exists() else "")
        try:
            asked = f"http://{EXCHANGE_ADDRESS}:{ari_port}/ari/applications/hotline"
            if password and requests.get(asked, auth=("line", password[1]), timeout=2).ok:
                return
        except requests.ConnectionError:
            pass
        assert served.poll() is None, output.read_text()
        assert time.monotonic() < deadline, output.read_text()
        time.sleep(0.2)
