"""The sound of one call, both ways, over a media channel of Asterisk's.

What is played is queued by Asterisk, which sends it at the pace of speech; a mark behind it comes back once the caller
has been sent it all. https://docs.asterisk.org/Configuration/Channel-Drivers/WebSocket
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import suppress
from typing import Any, Final

import aiohttp
import structlog

from ivr.asterisk.ari import APPLICATION, Ari, AriError
from ivr.asterisk.channels import new_channel_id, own_bridge
from speech.sound.audio import FRAME_BYTES

# Silence in mu-law; sound is sent in whole frames, so that none has to wait in Asterisk for the rest of it.
SILENCE: Final = b"\xff"
# One second: more in one message would keep a flush waiting behind it.
CHUNK_BYTES: Final = 50 * FRAME_BYTES
# Asterisk queues 20 s of sound and drops what comes beyond; so much is queued at most.
CHUNKS_AHEAD: Final = 8
STARTS_WITHIN_S: Final = 5.0

log = structlog.get_logger(__name__)


class MediaClosed(ConnectionError):
    """The media channel is gone: with its call, or with Asterisk."""


class Media:
    """The open sound of one call. `hear` is called with each piece of the caller's, on the event loop."""

    def __init__(self, ari: Ari, channel: str, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.channel = channel
        self.hear: Callable[[bytes], None] = lambda _mulaw: None
        self._ari = ari
        self._socket = socket
        # The numbers of the last mark that was sent behind sound, and of the last one that came back.
        self._marked = self._passed = 0
        self._ended = False
        # Set whenever a mark comes back, and at the end.
        self._moved = asyncio.Event()
        self._reading = asyncio.create_task(self._read())

    @classmethod
    async def open(cls, ari: Ari, call: str, started: Callable[[str], Awaitable[None]]) -> Media:
        """Open the sound of this call, which is then alone with the line in its own bridge. `started` waits until a
        channel has come to the application. Raises AriError."""
        channel = new_channel_id("media", call)
        # It may come before anything else is answered.
        coming = asyncio.ensure_future(started(channel))
        try:
            made, _bridge = await asyncio.gather(
                ari.post(
                    "/channels/externalMedia",
                    app=APPLICATION,
                    channelId=channel,
                    external_host="INCOMING",
                    transport="websocket",
                    encapsulation="none",
                    connection_type="server",
                    format="ulaw",
                    direction="both",
                    transport_data="f(json)",
                ),
                ari.make_bridge(own_bridge(call)),
            )
            socket = await ari.media(made["channelvars"]["MEDIA_WEBSOCKET_CONNECTION_ID"])
            media = cls(ari, channel, socket)
            try:
                async with asyncio.timeout(STARTS_WITHIN_S):
                    await coming
                await ari.post(f"/bridges/{own_bridge(call)}/addChannel", channel=f"{call},{channel}")
            except BaseException:
                await media.close()
                raise
        except (TimeoutError, KeyError) as error:
            await ari.delete(f"/channels/{channel}")
            raise AriError("a media channel did not come to the application") from error
        except BaseException:
            await ari.delete(f"/channels/{channel}")
            raise
        finally:
            coming.cancel()
        return media

    async def wait_closed(self) -> None:
        """Wait until the sound has ended: with its call, or with Asterisk."""
        await asyncio.wait([self._reading])

    @property
    def is_open(self) -> bool:
        """True until the socket is closed."""
        return not self._socket.closed

    async def play(self, sounds: AsyncIterator[bytes]) -> None:
        """Play these sounds without a gap, 8 kHz mu-law, and return once they have been sent to the caller. Cancelled,
        it leaves what is queued to be played: `flush`. Raises MediaClosed."""
        # Marks of what was flushed do not come back.
        flushed = self._marked
        async for sound in sounds:
            for chunk in _chunks(sound):
                if (due := self._marked - CHUNKS_AHEAD + 1) > flushed:
                    await self._passed_by(due)
                await self._send(self._socket.send_bytes(chunk))
                self._marked += 1
                await self._command("MARK_MEDIA", correlation_id=str(self._marked))
        if self._marked > flushed:
            await self._passed_by(self._marked)

    async def _passed_by(self, mark: int) -> None:
        """Wait until Asterisk has sent on to the caller what came before this mark."""
        while self._passed < mark:
            if self._ended:
                raise MediaClosed("the media channel was closed")
            self._moved.clear()
            await self._moved.wait()

    async def flush(self) -> None:
        """Drop what is queued to be played."""
        with suppress(MediaClosed):
            await self._command("FLUSH_MEDIA")

    async def pause(self) -> None:
        """Hold what is queued to be played."""
        with suppress(MediaClosed):
            await self._command("PAUSE_MEDIA")

    async def resume(self) -> None:
        """Play on what is queued."""
        with suppress(MediaClosed):
            await self._command("CONTINUE_MEDIA")

    async def close(self) -> None:
        """Close the socket, which ends the media channel and nothing else."""
        self._reading.cancel()
        with suppress(aiohttp.ClientError, OSError):
            await self._socket.close()
        self._give_up()

    async def _command(self, command: str, **arguments: Any) -> None:
        await self._send(self._socket.send_str(json.dumps({"command": command, **arguments})))

    async def _send(self, sending: Awaitable[None]) -> None:
        try:
            await sending
        except (aiohttp.ClientError, ConnectionError) as error:
            raise MediaClosed(str(error)) from error

    async def _read(self) -> None:
        try:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    self.hear(message.data)
                elif message.type is aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(message.data))
        finally:
            self._give_up()

    def _take(self, event: dict[str, Any]) -> None:
        match event.get("event"):
            case "MEDIA_MARK_PROCESSED":
                self._passed = int(event["correlation_id"])
                self._moved.set()
            case "ERROR":
                log.error("Asterisk refused a command of a media socket", reason=str(event)[:300])

    def _give_up(self) -> None:
        self._ended = True
        self._moved.set()


def _chunks(sound: bytes) -> Iterator[bytes]:
    """The sound in messages, the last one filled up to a whole frame."""
    for start in range(0, len(sound), CHUNK_BYTES):
        chunk = sound[start : start + CHUNK_BYTES]
        yield chunk + SILENCE * (-len(chunk) % FRAME_BYTES)
