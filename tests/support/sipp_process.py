"""SIPp running a scenario of `sipp/`: the signalling of a telephone. A test tells it to go on, and reads its steps."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.exchange import EXCHANGE_ADDRESS, Exchange
from tests.support.ports import free_port

SCENARIOS = Path(__file__).parent / "sipp"
REFUSALS = (400, 403, 404, 405, 407, 408, 415, 420, 480, 481, 484, 486, 488, 500, 501, 503, 603)
_TRANSFER_ANSWERED = """<recv response="{code}"{optional} next="talk"><action>
  <log message="[call_id] referred-[$cseq] {code}"/></action></recv>"""
_TRANSFERS = "\n".join(
    _TRANSFER_ANSWERED.format(code=code, optional="" if code == 202 else ' optional="true"')
    for code in (*REFUSALS, 202)
)


@dataclass
class Sipp:
    """A SIPp that runs a scenario for a telephone at this address and port."""

    folder: Path
    address: str
    port: int
    _process: subprocess.Popen[bytes] | None = None

    def start(
        self, scenario: str, places: dict[str, str], exchange: Exchange, *options: str, tunnel: int | None = None
    ) -> None:
        text = (SCENARIOS / f"{scenario}.xml").read_text()
        defaults = {"TRANSPORT": "UDP", "URI": "", "HEADERS": "", "TRANSFERS": _TRANSFERS}
        for name, value in {**defaults, **places}.items():
            text = text.replace(f"@{name}@", value)
        path = self.folder / f"{scenario}.xml"
        path.write_text(text)
        self._log(scenario).write_text("")
        command = [
            "sipp", "-sf", str(path), "-i", self.address, "-p", str(self.port), "-t", "t1" if tunnel else "u1",
            "-nostdin",
            "-cp", str(free_port()), "-trace_logs", "-log_file", str(self._log(scenario)),
            "-trace_msg", "-message_file", str(self.folder / f"{scenario}.messages"),
            "-trace_err", "-error_file", str(self.folder / f"{scenario}.errors"),
            *options, f"{self.address}:{tunnel}" if tunnel else f"{EXCHANGE_ADDRESS}:{exchange.sip_port}",
        ]  # fmt: skip
        output = (self.folder / f"{scenario}.out").open("wb")
        self._process = subprocess.Popen(
            command, cwd=self.folder, stdout=output, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL
        )

    def steps(self, scenario: str) -> list[list[str]]:
        """The steps so far: of each the call's id, and the words of the log."""
        return [line.split() for line in self._log(scenario).read_text().splitlines() if line.strip()]

    def tell(self, call_id: str, method: str, body: str = "") -> str:
        """Tell the telephone to go on, in a call that waits for it: a request that comes from nowhere but the test. The
        number that the telephone's own request has then, and its steps."""
        here = f"{self.address}:{self.port}"
        number = str(round(time.monotonic() * 1000) % 2**31)
        content = body.replace("\n", "\r\n")
        lines = [
            f"{method} sip:{here} SIP/2.0",
            f"Via: SIP/2.0/UDP {here};branch=z9hG4bK-{time.monotonic_ns()}",
            f"From: <sip:test@{here}>;tag=test",
            f"To: <sip:telephone@{here}>",
            f"Call-ID: {call_id}",
            f"CSeq: {number} {method}",
            f"Content-Length: {len(content)}",
        ]
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as teller:
            teller.sendto(("\r\n".join(lines) + "\r\n\r\n" + content).encode(), (self.address, self.port))
        return number

    def wait_for(self, scenario: str, word: str, within_s: float = 20.0) -> list[str]:
        """The first step of this word."""
        deadline = time.monotonic() + within_s
        while not (found := [step for step in self.steps(scenario) if step[1] == word]):
            if self.has_ended or time.monotonic() > deadline:
                raise AssertionError(f"not {word}: {self.steps(scenario)}\n{self.trouble()}")
            time.sleep(0.01)
        return found[0]

    def trouble(self) -> str:
        """SIPp's complaints, for a failed test."""
        return "\n".join(path.read_text(errors="replace")[-4000:] for path in sorted(self.folder.glob("*.errors")))

    @property
    def has_ended(self) -> bool:
        return self._process is None or self._process.poll() is not None

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait(timeout=10)
            self._process = None

    def _log(self, scenario: str) -> Path:
        return self.folder / f"{scenario}.log"


@contextmanager
def sipp_at(address: str, port: int | None = None) -> Iterator[Sipp]:
    """A SIPp to be started for a telephone at this address; it is stopped when the block ends."""
    with tempfile.TemporaryDirectory(prefix="hotline-sipp-") as folder:
        sipp = Sipp(Path(folder), address, port or free_port())
        try:
            yield sipp
        finally:
            sipp.stop()


def wait_until_open(address: str, port: int, sipp: Sipp) -> None:
    """Wait until this SIPp takes calls at its port."""
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and not sipp.has_ended:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind((address, port))
            except OSError:
                return
        time.sleep(0.02)
    raise AssertionError(f"SIPp did not open {address}:{port}: {sipp.trouble()}")
