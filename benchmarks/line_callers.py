"""Callers for the benchmark of the line: many calls at once from one event loop, as the carrier would carry them.

A call's documents are carried out verb by verb in real time, its sound goes out in frames of 20 ms, and a redirect
through the REST interface is followed at once. What is measured is the time from the last sounding frame of what a
caller said to the line's next document with words in it.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urljoin

import aiohttp
import numpy as np
from aiohttp import web

from simulator.account import DEMO_ACCOUNT_SID, DEMO_AUTH_TOKEN
from simulator.mulaw import FRAME_BYTES, FRAME_MS
from simulator.speaking_time import spoken_ms
from simulator.twiml_parser import Verb, read_twiml
from simulator.webhook_client import new_sid, sign
from speech.evaluation.live import sounding
from speech.sound.audio import LINE_RATE, encode_mulaw, read_audio

API = "/2010-04-01/Accounts"
# A caller thinks for this long once the question has been asked, and waits this long for an answer.
THINKS_S = 0.4
GIVES_UP_S = 15.0
# The noise of a quiet line: it is never digital silence.
NOISE_RMS = 20.0


@dataclass(frozen=True)
class Speech:
    """Something to say: its kind in the table, its frames, the place of the first one that sounds, and the number of
    frames to the last one that does."""

    kind: str
    frames: tuple[bytes, ...]
    begins: int
    sounding: int

    @classmethod
    def of_file(cls, kind: str, file: Path) -> Speech:
        """The speech of a recording."""
        samples = read_audio(file, LINE_RATE)
        mulaw = encode_mulaw(samples)
        frames = tuple(mulaw[at : at + FRAME_BYTES] for at in range(0, len(mulaw) - FRAME_BYTES + 1, FRAME_BYTES))
        first, last = sounding(samples)
        return cls(kind, frames, first, last + 1)


@dataclass
class Outcome:
    """What a set of calls came to. `replies` are (kind, seconds); `unanswered` the kinds that got no reply in time."""

    replies: list[tuple[str, float]] = field(default_factory=list)
    unanswered: list[str] = field(default_factory=list)
    webhooks: list[float] = field(default_factory=list)
    resets: int = 0
    failures: list[str] = field(default_factory=list)
    ended_by_line: int = 0


class CallOver(Exception):
    """The line has ended the call, or handed it to an operator."""


class Exchange:
    """The carrier's side: its REST interface, the connections it keeps to the line, and the calls under way."""

    def __init__(self, line_url: str, outcome: Outcome) -> None:
        self.line_url = line_url
        self.outcome = outcome
        self.calls: dict[str, Call] = {}
        self.noise = noise_frames()
        # One pool of connections, kept alive as long as the line keeps them.
        self.session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=60), timeout=aiohttp.ClientTimeout(total=15)
        )

    async def post(self, url: str, form: Mapping[str, str]) -> tuple[bytes, str]:
        """The line's answer to a signed request and its content type. A connection that was reset is counted, and the
        request made once more."""
        headers = {"X-Twilio-Signature": sign(DEMO_AUTH_TOKEN, url, form)}
        for last_try in (False, True):
            begun = time.monotonic()
            try:
                async with self.session.post(url, data=dict(form), headers=headers) as answer:
                    body = await answer.read()
                    self.outcome.webhooks.append(time.monotonic() - begun)
                    if answer.status != 200:
                        raise CallOver(f"{url} was answered with {answer.status}")
                    return body, answer.headers.get("Content-Type", "")
            except (aiohttp.ClientConnectionError, TimeoutError) as error:
                self.outcome.resets += 1
                if last_try:
                    raise CallOver(f"{url} could not be reached: {error!r}") from error
        raise AssertionError

    def rest(self) -> web.Application:
        """The REST interface, as far as a line that takes calls needs it."""
        rest = web.Application()
        rest.router.add_get(f"{API}/{{account}}.json", self._show_account)
        rest.router.add_post(f"{API}/{{account}}/Calls/{{call}}.json", self._update_call)
        return rest

    async def _show_account(self, request: web.Request) -> web.Response:
        return web.json_response({"sid": DEMO_ACCOUNT_SID, "status": "active"})

    async def _update_call(self, request: web.Request) -> web.Response:
        form = await request.post()
        call = self.calls.get(request.match_info["call"])
        if call is None or "Authorization" not in request.headers:
            return web.json_response({"code": 20404, "message": "no such call", "status": 404}, status=404)
        call.redirect(str(form["Url"]))
        return web.json_response({"sid": call.sid, "status": "in-progress", "account_sid": DEMO_ACCOUNT_SID})


class Call:
    """One call: what its caller will say, one after the other, each after the line's question."""

    def __init__(self, exchange: Exchange, caller: str, called: str, speeches: Sequence[Speech]) -> None:
        self.sid = new_sid("CA")
        self._exchange = exchange
        self._caller, self._called = caller, called
        self._speeches = speeches
        self._redirects: asyncio.Queue[str] = asyncio.Queue()
        self._asked = asyncio.Event()
        self._replied = asyncio.Event()
        self._replied_at = 0.0
        self._stream: asyncio.Task[None] | None = None
        self._to_say: asyncio.Queue[tuple[Speech, asyncio.Future[float]]] = asyncio.Queue()

    def redirect(self, url: str) -> None:
        """New instructions for the call, through the REST interface."""
        self._redirects.put_nowait(url)

    async def run(self) -> None:
        """Make the call, to its end."""
        outcome = self._exchange.outcome
        self._exchange.calls[self.sid] = self
        speaking = asyncio.create_task(self._speak())
        following = asyncio.create_task(self._follow())
        try:
            await asyncio.wait((speaking, following), return_when=asyncio.FIRST_COMPLETED)
            if following.done():
                reason = str(following.exception() or "")
                outcome.ended_by_line += not reason
                outcome.failures += [reason] if reason else []
        finally:
            for task in (speaking, following, self._stream):
                if task is not None:
                    task.cancel()
            await asyncio.gather(speaking, following, *filter(None, [self._stream]), return_exceptions=True)
            del self._exchange.calls[self.sid]
        form = self._facts("completed") | {"CallDuration": "60"}
        await self._exchange.post(f"{self._exchange.line_url}/voice/status", form)

    async def _speak(self) -> None:
        outcome = self._exchange.outcome
        for speech in self._speeches:
            await self._asked.wait()
            await asyncio.sleep(THINKS_S)
            self._replied.clear()
            ended: asyncio.Future[float] = asyncio.get_running_loop().create_future()
            self._to_say.put_nowait((speech, ended))
            ended_at = await ended
            try:
                async with asyncio.timeout(GIVES_UP_S):
                    await self._replied.wait()
                    while self._replied_at < ended_at:
                        self._replied.clear()
                        await self._replied.wait()
                outcome.replies.append((speech.kind, self._replied_at - ended_at))
            except TimeoutError:
                outcome.unanswered.append(speech.kind)
        await asyncio.sleep(GIVES_UP_S)

    async def _follow(self) -> None:
        """Carry out the line's documents, each until it leads to another or a redirect replaces it."""
        fetch = asyncio.create_task(self._fetch(f"{self._exchange.line_url}/voice/incoming"))
        while True:
            redirect = asyncio.create_task(self._redirects.get())
            await asyncio.wait((fetch, redirect), return_when=asyncio.FIRST_COMPLETED)
            if redirect.done():
                fetch.cancel()
                await asyncio.gather(fetch, return_exceptions=True)
                fetch = asyncio.create_task(self._fetch(redirect.result()))
                continue
            redirect.cancel()
            fetch.result()
            return

    async def _fetch(self, url: str, **facts: str) -> None:
        """Fetch a document and carry it out, and all that it leads to. Ends with the call."""
        while True:
            # A request under way when a redirect comes is left to end; its answer is thrown away.
            request = asyncio.ensure_future(self._exchange.post(url, self._facts("in-progress") | facts))
            body, content_type = await asyncio.shield(request)
            received = time.monotonic()
            verbs = read_twiml(body, content_type).verbs
            if any(_words(verb) for verb in verbs):
                self._asked.clear()
                self._replied_at = received
                self._replied.set()
            following = await self._carry_out(verbs)
            if following is None:
                return
            url, facts = urljoin(url, following[0]), following[1]

    async def _carry_out(self, verbs: Sequence[Verb]) -> tuple[str, dict[str, str]] | None:
        """The next address and its parameters, or None if the call is over."""
        for place, verb in enumerate(verbs):
            match verb.name:
                case "Start":
                    self._open_stream(verb.children[0])
                case "Say":
                    await asyncio.sleep(spoken_ms(verb.text) / 1000)
                case "Pause":
                    await asyncio.sleep(verb.number("length", 1))
                case "Gather":
                    for prompt in verb.children:
                        await asyncio.sleep(spoken_ms(prompt.text) / 1000)
                    if not any(later.name == "Gather" for later in verbs[place + 1 :]):
                        self._asked.set()
                    await asyncio.sleep(verb.number("timeout", 5))
                    if verb.attributes.get("actionOnEmptyResult") == "true":
                        return verb.attributes["action"], {"Digits": "", "FinishedOnKey": "", "msg": "Gather End"}
                case "Redirect":
                    return verb.text, {}
                case "Hangup":
                    return None
                case _:
                    raise CallOver(f"the line answered with <{verb.name}>")
        return None

    def _open_stream(self, stream: Verb) -> None:
        if self._stream is None or self._stream.done():
            self._stream = asyncio.create_task(self._send_sound(stream))

    async def _send_sound(self, stream: Verb) -> None:
        url = stream.attributes["url"]
        try:
            headers = {"X-Twilio-Signature": sign(DEMO_AUTH_TOKEN, url)}
            async with self._exchange.session.ws_connect(url, headers=headers, autoping=True) as socket:
                await self._send_frames(socket, stream)
        except (aiohttp.ClientError, ConnectionError) as error:
            self._exchange.outcome.failures.append(f"the media stream was lost: {error!r}")

    async def _send_frames(self, socket: aiohttp.ClientWebSocketResponse, stream: Verb) -> None:
        sid = new_sid("MZ")
        parameters = {one.attributes["name"]: one.attributes["value"] for one in stream.children}
        start = {
            "accountSid": DEMO_ACCOUNT_SID,
            "streamSid": sid,
            "callSid": self.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": parameters,
        }
        await socket.send_str(json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"}))
        await socket.send_str(json.dumps({"event": "start", "sequenceNumber": "1", "start": start, "streamSid": sid}))
        # The line's pings are answered only while its messages are read.
        reading = asyncio.create_task(socket.receive())
        try:
            await self._send_media(socket, sid)
        finally:
            reading.cancel()
            stop = {"accountSid": DEMO_ACCOUNT_SID, "callSid": self.sid}
            with contextlib.suppress(ConnectionError):
                await socket.send_str(json.dumps({"event": "stop", "stop": stop, "streamSid": sid}))

    async def _send_media(self, socket: aiohttp.ClientWebSocketResponse, sid: str) -> None:
        """Send the caller's speech, and between it the noise of the line, in real time."""
        begun = time.monotonic()
        saying: tuple[Speech, asyncio.Future[float]] | None = None
        place = number = 0
        while not socket.closed:
            if saying is None and not self._to_say.empty():
                saying, place = self._to_say.get_nowait(), 0
            if saying is None:
                frame = self._exchange.noise[number % len(self._exchange.noise)]
            else:
                frame = saying[0].frames[place]
                place += 1
            await socket.send_str(_media(sid, number, frame))
            number += 1
            if saying is not None:
                if place == saying[0].sounding and not saying[1].done():
                    saying[1].set_result(time.monotonic())
                if place == len(saying[0].frames):
                    saying = None
            await asyncio.sleep(max(0.0, begun + number * FRAME_MS / 1000 - time.monotonic()))

    def _facts(self, status: str) -> dict[str, str]:
        return {
            "AccountSid": DEMO_ACCOUNT_SID,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": status,
            "Called": self._called,
            "Caller": self._caller,
            "Direction": "inbound",
            "From": self._caller,
            "To": self._called,
        }


def _words(verb: Verb) -> bool:
    return verb.name == "Say" or any(child.name == "Say" for child in verb.children)


def _media(sid: str, number: int, frame: bytes) -> str:
    content = {
        "track": "inbound",
        "chunk": str(number + 1),
        "timestamp": str(number * FRAME_MS),
        "payload": base64.b64encode(frame).decode(),
    }
    return json.dumps({"event": "media", "sequenceNumber": str(number + 2), "media": content, "streamSid": sid})


def noise_frames() -> list[bytes]:
    """The noise of a quiet line, five seconds of it, in frames."""
    noise = np.random.default_rng(0).standard_normal(LINE_RATE * 5) * NOISE_RMS
    mulaw = encode_mulaw(noise.astype(np.int16))
    return [mulaw[at : at + FRAME_BYTES] for at in range(0, len(mulaw), FRAME_BYTES)]
