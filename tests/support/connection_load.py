"""Many connections at once: desk pages that stay open, media sockets that come and go, and webhooks beside them."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import threading
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit

import requests
from flask import Flask
from flask.sessions import SecureCookieSessionInterface
from websockets.asyncio.client import connect

import storage
from clock import system_clock
from ivr.twilio.signature import stream_token
from orders.staff.models import StaffRow
from settings import DEMO_SECRET_KEY, Settings
from simulator.webhook_client import new_sid, sign
from speech.sound.audio import FRAME_BYTES, FRAME_MS

# The event streams an operator has open: of the desk, and of the telephone window.
OPEN_PAGES = ("/desk/events", "/desk/softphone/events")
SOCKET_OPEN_S = 3.0
POST_EVERY_S = 0.5
POST_TIMEOUT_S = 60.0
SILENCE = base64.b64encode(b"\xff" * FRAME_BYTES).decode()


@dataclass
class ConnectionLoad:
    """The connections of one load, and what became of them."""

    url: str
    auth_token: str
    pages_open: int = 0
    events: int = 0
    sockets_opened: int = 0
    sockets_served: int = 0
    failures: list[str] = field(default_factory=list)
    ends: asyncio.Event = field(default_factory=asyncio.Event)

    async def hold_page(self, cookie: str, path: str) -> None:
        """Keep a page's event stream open until the load ends."""
        parts = urlsplit(self.url)
        headers = f"Host: {parts.netloc}\r\nAccept: text/event-stream\r\nCookie: {cookie}\r\n"
        reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
        try:
            writer.write(f"GET {path} HTTP/1.1\r\n{headers}\r\n".encode())
            status = await reader.readline()
            if b" 200 " not in status:
                self.failures.append(f"a page got {status!r}")
                return
            self.pages_open += 1
            while not self.ends.is_set() and (line := await reader.readline()):
                self.events += line.startswith(b"event:")
            if not self.ends.is_set():
                self.failures.append("a page was closed by the server")
        except OSError as error:
            self.failures.append(f"a page: {error}")
        finally:
            writer.close()

    async def come_and_go(self, call_sid: str, after_s: float) -> None:
        """Open a call's media socket, send silence in real time, and leave: every other time without a goodbye."""
        await asyncio.sleep(after_s)
        url = self.url.replace("http", "ws") + "/voice/stream"
        stream = call_sid.replace("CA", "MZ")
        headers = {"X-Twilio-Signature": sign(self.auth_token, url)}
        try:
            async with connect(url, additional_headers=headers, proxy=None, compression=None) as socket:
                self.sockets_opened += 1
                start = {
                    "callSid": call_sid,
                    "streamSid": stream,
                    "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
                    "customParameters": {
                        "token": stream_token(call_sid, Settings(demo=True, secret_key=DEMO_SECRET_KEY))
                    },
                }
                await socket.send(json.dumps({"event": "start", "streamSid": stream, "start": start}))
                for number in range(int(SOCKET_OPEN_S * 1000 / FRAME_MS)):
                    media = {"track": "inbound", "timestamp": str(number * FRAME_MS), "payload": SILENCE}
                    await socket.send(json.dumps({"event": "media", "media": media}))
                    await asyncio.sleep(FRAME_MS / 1000)
                if random.random() < 0.5:
                    socket.transport.abort()
                self.sockets_served += 1
        except Exception as error:
            self.failures.append(f"a media socket: {type(error).__name__} {error}")


class Poster:
    """Turns of calls, posted over one kept connection: the milliseconds each took, and the failures."""

    def __init__(self, url: str, auth_token: str, timeout_s: float = POST_TIMEOUT_S) -> None:
        self._url = url
        self._auth_token = auth_token
        self._timeout_s = timeout_s
        self._session = requests.Session()
        self.call_sid = new_sid("CA")
        self.took_ms: list[float] = []
        self.failures: list[str] = []

    def post(self, path: str, **fields: str) -> None:
        """Post to the line, signed."""
        url = self._url + path
        form = {"CallSid": self.call_sid, "From": "+8613900000077", "To": "+8637255550000", **fields}
        begun = time.perf_counter()
        try:
            headers = {"X-Twilio-Signature": sign(self._auth_token, url, form)}
            answer = self._session.post(url, form, headers=headers, timeout=self._timeout_s)
        except requests.RequestException as error:
            self.failures.append(repr(error))
            return
        self.took_ms.append(1000 * (time.perf_counter() - begun))
        if answer.status_code != requests.codes.ok:
            self.failures.append(f"{path}: {answer.status_code}")

    def keep_posting(self, over: threading.Event) -> None:
        """Begin a call and time out its turns until it is over."""
        while not over.is_set():
            self.call_sid = new_sid("CA")
            self.post("/voice/incoming")
            for _ in range(6):
                if over.wait(POST_EVERY_S):
                    return
                self.post("/voice/turn?turn=1", Digits="")


def open_calls(url: str, auth_token: str, count: int) -> list[str]:
    """The ids of this many calls that have just come in, each from another number: of a caller who calls again, the
    earlier call is asked after, and the simulator does not know it."""
    callers = [Poster(url, auth_token) for _ in range(count)]
    numbers = [f"+86136{number:08d}" for number in range(count)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda caller, number: caller.post("/voice/incoming", From=number), callers, numbers))
    return [caller.call_sid for caller in callers]


def new_operators(database_url: str, count: int) -> list[int]:
    """So many more operators, who cannot sign in by password; their numbers."""
    sessions = storage.open_sessions(storage.open_engine(database_url))
    with storage.transaction(sessions) as session:
        rows = [
            StaffRow(login=f"operator-{n}", name="话务员", role="operator", password_hash="", created_at=system_clock())
            for n in range(count)
        ]
        session.add_all(rows)
        session.flush()
        return [row.id for row in rows]


def page_cookies(staff_ids: Sequence[int], now: datetime) -> list[str]:
    """The session cookies of these staff members, signed in now, as the demo's line signs them."""
    app = Flask("cookies")
    app.secret_key = DEMO_SECRET_KEY
    serializer = SecureCookieSessionInterface().get_signing_serializer(app)
    assert serializer is not None
    signed_in = {"number": 0, "began": now.timestamp(), "last_seen": now.timestamp()}
    sessions = (signed_in | {"staff_id": number} for number in staff_ids)
    return [f"order_hotline={serializer.dumps(session)}" for session in sessions]


@contextmanager
def connection_load(
    url: str, auth_token: str, cookies: Sequence[str], call_sids: Sequence[str], within_s: float
) -> Iterator[ConnectionLoad]:
    """A desk and a telephone window open for each cookie while the block runs, and a media socket for each call, begun
    within this time. The block is entered once all pages are open, and the sockets are begun then."""
    entered, left = threading.Event(), threading.Event()
    loads: list[ConnectionLoad] = []

    async def run() -> None:
        load = ConnectionLoad(url, auth_token)
        loads.append(load)
        pages = [asyncio.create_task(load.hold_page(cookie, path)) for cookie in cookies for path in OPEN_PAGES]
        while load.pages_open + len(load.failures) < len(pages):
            await asyncio.sleep(0.05)
        entered.set()
        gaps = [within_s * number / len(call_sids) for number in range(len(call_sids))]
        await asyncio.gather(*(load.come_and_go(sid, gap) for sid, gap in zip(call_sids, gaps, strict=True)))
        await asyncio.to_thread(left.wait)
        load.ends.set()
        for page in pages:
            page.cancel()

    thread = threading.Thread(target=lambda: asyncio.run(run()), name="load", daemon=True)
    thread.start()
    entered.wait()
    try:
        yield loads[0]
    finally:
        left.set()
        thread.join()
