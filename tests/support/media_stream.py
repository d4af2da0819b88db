"""A call whose media stream a test plays, frame by frame, to a recogniser that follows a script."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ivr.models import PendingUtterance
from ivr.twilio.media_socket import TICK_S, MediaSockets
from ivr.twilio.signature import stream_token
from speech.listening import Listen
from speech.sound.audio import FRAME_BYTES
from speech.utterance import Utterance
from storage import SessionFactory, transaction
from tests.support.carrier_client import Telephone
from tests.support.jumping_loop import AtOnce
from tests.support.line_world import LineWorld

SID, STREAM = "CA00000000000000000000000000000001", "MZ1"
SILENCE = b"\xff" * FRAME_BYTES
FIVE = Utterance(command="yes", text="五条")
YES, NO = Utterance(command="yes", text="对"), Utterance(command="no", text="不对")

KEY = "key"
Happening = bool | Utterance | str
Message = str | bytes | None | Callable[[], object]

# In place of the time of a frame that follows the one before.
FOLLOWS = "follows"
CONNECTED = json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})
STOP = json.dumps({"event": "stop", "stop": {}})
NOTHING_COMES = None


class ScriptedRecogniser:
    """A recogniser by frame number: at that frame the caller begins to speak, stops, has said something, or presses a
    key."""

    def __init__(self, script: Mapping[int, Happening]) -> None:
        self.script = script
        self.speaking = False
        self.sound = b""
        self.frames = 0
        self.fed: list[bytes] = []
        self.listened_for: list[Listen | None] = []
        self.keyed_at: int | None = None

    @property
    def since_key_ms(self) -> int | None:
        return None if self.keyed_at is None else 20 * (self.frames - self.keyed_at)

    def listen(self, listen: Listen | None) -> None:
        self.listened_for.append(listen)

    def feed(self, mulaw: bytes) -> Utterance | None:
        self.frames += 1
        self.fed.append(mulaw)
        happens = self.script.get(self.frames)
        if happens == KEY:
            self.keyed_at, happens = self.frames, None
        if isinstance(happens, Utterance):
            self.speaking = False
            return happens
        if isinstance(happens, bool):
            self.speaking = happens
        return None


class FakeMediaSocket:
    """A socket that delivers these messages, one after the other, and at a None nothing for a while; a callable among
    them is run in its place, when what came before has been listened to. Frames without a timestamp follow one
    another."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._messages = iter(messages)
        self.closed: tuple[int | None, str | None] | None = None
        self.delivered = 0
        self._sound_ms = 0

    async def receive(self) -> dict[str, Any]:
        for message in self._messages:
            if callable(message):
                for _ in range(50):
                    await asyncio.sleep(0)
                if inspect.isawaitable(awaited := message()):
                    await awaited
            elif message is None:
                await asyncio.sleep(2 * TICK_S)
            else:
                self.delivered += 1
                if isinstance(message, bytes):
                    return {"type": "websocket.receive", "bytes": message}
                return {"type": "websocket.receive", "text": self._stamped(message)}
        return {"type": "websocket.disconnect", "code": 1000}

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.closed = code, reason or None

    def _stamped(self, message: str) -> str:
        if FOLLOWS in message:
            message = message.replace(FOLLOWS, str(self._sound_ms))
            self._sound_ms += 20
        return message


def start(world: LineWorld, **changes: Any) -> str:
    said = {
        "callSid": SID,
        "streamSid": STREAM,
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": stream_token(SID, world.settings)},
        **changes,
    }
    return json.dumps({"event": "start", "start": said, "streamSid": STREAM})


def media(frame: bytes = SILENCE, **changes: Any) -> str:
    sound = base64.b64encode(frame).decode()
    return json.dumps({"event": "media", "media": {"timestamp": FOLLOWS, "payload": sound, **changes}})


class StreamFixture:
    """A line with one call in progress, and a recogniser that follows a script."""

    def __init__(
        self, sessions: SessionFactory, script: Mapping[int, Happening] | None = None, **changes: object
    ) -> None:
        self.recogniser = ScriptedRecogniser(script or {})
        self.world = LineWorld(sessions, self.recogniser, listen_mode="stream", **changes)
        self.phone: Telephone = self.world.telephone(SID)
        self.first = self.phone.dial()

    def serve(self, *messages: Message, introduced: bool = True) -> FakeMediaSocket:
        begin = [CONNECTED, start(self.world)] if introduced else []
        return asyncio.run(self.serve_socket(FakeMediaSocket([*begin, *messages])))

    async def serve_socket(self, socket: FakeMediaSocket) -> FakeMediaSocket:
        await MediaSockets(
            self.world.settings, self.world.line.media_streams, self.world.line.sound_forks, AtOnce()
        ).serve(socket)
        return socket

    def pending_utterance(self, turn_number: int = 1) -> PendingUtterance | None:
        with transaction(self.world.sessions) as session:
            return session.get(PendingUtterance, (SID, turn_number))

    def redirected(self, count: int = 1) -> list[tuple[str, int | str]]:
        deadline = time.monotonic() + 2
        while len(self.world.carrier.redirected) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        return list(self.world.carrier.redirected)
