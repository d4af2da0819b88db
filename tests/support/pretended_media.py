"""The line's end of a media socket of an exchange that is pretended: what it is given to play is read as text."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp

from ivr.operators import waiting_music
from speech.sound.audio import FRAME_BYTES, LINE_RATE

MUSIC = "music"
_SILENCE = b"\xff"
_MUSIC = waiting_music.mulaw()
_MUSIC += _SILENCE * (-len(_MUSIC) % FRAME_BYTES)


def spoken(sentence: str, seconds: float = 0.0) -> bytes:
    """The sentence as its own sound, which takes this long at least."""
    return sentence.encode().ljust(round(seconds * LINE_RATE), _SILENCE)


class MediaSocket:
    """The socket of a media channel. `said` is what the line has given to play, by sentences; `commands` are those
    that came, in order; `most_queued_s` are the most seconds that were to be played at once. `ended` is called when
    the line closes it."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self.said: list[str] = []
        self.commands: list[str] = []
        self.most_queued_s = 0.0
        self.closed = False
        self._ended = ended
        # What was sent since the last mark, and what is still to come of music that has begun.
        self._sent = self._music_left = b""
        self._ends_at = 0.0
        self._messages: asyncio.Queue[aiohttp.WSMessage | None] = asyncio.Queue()
        self._marks: list[asyncio.TimerHandle] = []

    # --- the exchange's side

    def hear(self, mulaw: bytes) -> None:
        """Bring this sound of the channel's to the line."""
        self._messages.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, mulaw, None))

    def tell(self, event: str, **more: Any) -> None:
        """Report this event to the line."""
        text = json.dumps({"event": event, **more})
        self._messages.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None))

    def end(self) -> None:
        """End the socket, and with it its channel."""
        if not self.closed:
            self.closed = True
            self._messages.put_nowait(None)
            self._ended()

    # --- the line's side, as `aiohttp.ClientWebSocketResponse` has it

    async def send_bytes(self, sound: bytes) -> None:
        self._refuse_if_closed()
        self._sent += sound

    async def send_str(self, text: str) -> None:
        self._refuse_if_closed()
        command = json.loads(text)
        self.commands.append(command["command"])
        match command["command"]:
            case "MARK_MEDIA":
                loop = asyncio.get_running_loop()
                self._ends_at = max(self._ends_at, loop.time()) + len(self._sent) / LINE_RATE
                self.most_queued_s = max(self.most_queued_s, self._ends_at - loop.time())
                sound, self._sent = self._sent, b""
                self._read(sound)
                mark = {"event": "MEDIA_MARK_PROCESSED", "correlation_id": command["correlation_id"]}
                self._marks.append(loop.call_at(self._ends_at, lambda: self.tell(**mark)))
            case "FLUSH_MEDIA":
                self._sent = self._music_left = b""
                self._ends_at = 0.0
                for handle in self._marks:
                    handle.cancel()

    async def close(self) -> None:
        self.end()

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        while (message := await self._messages.get()) is not None:
            yield message

    def _read(self, sound: bytes) -> None:
        """Take down what this sound says; of music its beginning."""
        common = min(len(sound), len(self._music_left))
        if sound[:common] == self._music_left[:common]:
            sound, self._music_left = sound[common:], self._music_left[common:]
        while sound.strip(_SILENCE):
            common = min(len(sound), len(_MUSIC))
            if sound[:common] == _MUSIC[:common]:
                self.said.append(MUSIC)
                sound, self._music_left = sound[common:], _MUSIC[common:]
            else:
                text, _, sound = sound.lstrip(_SILENCE).partition(_SILENCE)
                self.said.append(text.decode())

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise ConnectionError("the socket is closed")
