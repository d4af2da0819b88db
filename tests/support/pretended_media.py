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


def spoken(sentence: str, seconds: float = 0.0) -> bytes:
    """The sentence as its own sound, which takes this long at least."""
    return sentence.encode().ljust(round(seconds * LINE_RATE), _SILENCE)


class MediaSocket:
    """The socket of a media channel. `said` is what the line has given to play, in full sentences; `commands` are those
    that came, in order. `ended` is called when the line closes it."""

    def __init__(self, ended: Callable[[], None]) -> None:
        self.said: list[str] = []
        self.commands: list[str] = []
        self.closed = False
        self._ended = ended
        self._pending = b""
        self._messages: asyncio.Queue[aiohttp.WSMessage | None] = asyncio.Queue()
        self._marks: list[asyncio.TimerHandle] = []

    # --- the exchange's side

    @property
    def queued(self) -> list[str]:
        """What the line has given to play of a prompt that it has not given whole yet."""
        return _as_text(self._pending)

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
        self._pending += sound

    async def send_str(self, text: str) -> None:
        self._refuse_if_closed()
        command = json.loads(text)
        self.commands.append(command["command"])
        match command["command"]:
            case "MARK_MEDIA":
                sound, self._pending = self._pending, b""
                self.said.extend(_as_text(sound))
                mark = {"event": "MEDIA_MARK_PROCESSED", "correlation_id": command["correlation_id"]}
                loop = asyncio.get_running_loop()
                self._marks.append(loop.call_later(len(sound) / LINE_RATE, lambda: self.tell(**mark)))
            case "FLUSH_MEDIA":
                self._pending = b""
                for handle in self._marks:
                    handle.cancel()

    async def close(self) -> None:
        self.end()

    async def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        while (message := await self._messages.get()) is not None:
            yield message

    def _refuse_if_closed(self) -> None:
        if self.closed:
            raise ConnectionError("the socket is closed")


def _as_text(sound: bytes) -> list[str]:
    music = waiting_music.mulaw()
    music += _SILENCE * (-len(music) % FRAME_BYTES)
    texts: list[str] = []
    while sound:
        if sound.startswith(music):
            texts.append(MUSIC)
            sound = sound[len(music) :]
            continue
        text, _, rest = sound.partition(_SILENCE)
        texts.append(text.decode())
        sound = rest.lstrip(_SILENCE)
    return texts
