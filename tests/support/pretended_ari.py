"""An Asterisk that is only pretended: channels, bridges, events and media sockets in memory, for tests of legs."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import Executor, Future
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any, TypeVar

import aiohttp

from ivr.asterisk.ari import NotThere

# More than any chain of tasks takes that wait for nothing but each other.
LOOP_TURNS_MAX = 500

T = TypeVar("T")


class Socket:
    """A WebSocket of Asterisk's: what is put into it is received."""

    def __init__(self) -> None:
        self.closed = False
        self.sent: list[bytes] = []
        self.commands: list[str] = []
        self.holds_marks = False
        self._held: list[str] = []
        self._messages: asyncio.Queue[Any] = asyncio.Queue()

    def put(self, event: Mapping[str, Any]) -> None:
        self._messages.put_nowait(SimpleNamespace(type=aiohttp.WSMsgType.TEXT, data=json.dumps(event)))

    def put_sound(self, mulaw: bytes) -> None:
        self._messages.put_nowait(SimpleNamespace(type=aiohttp.WSMsgType.BINARY, data=mulaw))

    def end(self) -> None:
        """Break off, as a connection does."""
        self.closed = True
        self._messages.put_nowait(None)

    async def close(self) -> None:
        self.end()

    async def send_bytes(self, data: bytes) -> None:
        self.sent.append(data)

    async def send_str(self, text: str) -> None:
        command = json.loads(text)
        self.commands.append(command["command"])
        if command["command"] == "MARK_MEDIA":
            self._held.append(command["correlation_id"])
            if not self.holds_marks:
                self.play_out()
        elif command["command"] == "FLUSH_MEDIA":
            self._held.clear()

    def play_out(self) -> None:
        """The caller has heard everything."""
        for mark in self._held:
            self.put({"event": "MEDIA_MARK_PROCESSED", "correlation_id": mark})
        self._held.clear()

    def __aiter__(self) -> Socket:
        return self

    async def __anext__(self) -> Any:
        if (message := await self._messages.get()) is None:
            raise StopAsyncIteration
        return message


class PretendedAri:
    """Asterisk's REST interface, as `ivr.asterisk.ari.Ari` has it."""

    def __init__(self) -> None:
        self.channels: dict[str, dict[str, Any]] = {}
        self.bridges: dict[str, list[str]] = {}
        self.sockets: dict[str, Socket] = {}
        self.answered: list[str] = []
        self.held_marks = False
        self._events: Socket | None = None

    # --- the telephones' side

    def call_in(self, channel: str, caller: str = "13800000012", called: str = "+8637255550000") -> None:
        """A call comes in."""
        self.channels[channel] = {
            "id": channel,
            "state": "Ring",
            "caller": {"number": caller},
            "dialplan": {"exten": called, "app_name": "Stasis", "app_data": f"hotline,{called}"},
        }
        self.emit("StasisStart", channel, args=[called])

    def press(self, channel: str, key: str) -> None:
        self.emit("ChannelDtmfReceived", channel, digit=key)

    def hang_up(self, channel: str, cause: int = 16) -> None:
        """A telephone hangs up."""
        self.emit("ChannelDestroyed", channel, cause=cause)
        self._remove(channel)

    def emit(self, event: str, channel: str, **more: Any) -> None:
        if self._events is not None:
            self._events.put({"type": event, "channel": self.channels[channel], **more})

    def media_of(self, channel: str) -> Socket:
        """The media socket of a call, the newest."""
        return [socket for name, socket in self.sockets.items() if f"-media-{channel}-" in name][-1]

    def lose_events(self) -> None:
        """The event socket breaks off, as its process was killed."""
        if self._events is not None:
            self._events.end()
            self._events = None

    def _remove(self, channel: str) -> None:
        self.channels.pop(channel, None)
        if (socket := self.sockets.get(channel)) is not None:
            socket.end()
        for members in self.bridges.values():
            if channel in members:
                members.remove(channel)

    # --- the line's side

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        yield

    async def events(self) -> Any:
        if self._events is not None:
            self._events.put({"type": "ApplicationReplaced"})
        self._events = Socket()
        return self._events

    async def media(self, connection_id: str) -> Any:
        socket = self.sockets[connection_id] = Socket()
        socket.holds_marks = self.held_marks
        self.emit("StasisStart", connection_id, args=[])
        return socket

    async def get(self, path: str, **parameters: str) -> Any:
        match path:
            case "/channels":
                return list(self.channels.values())
            case "/bridges":
                return [{"id": bridge, "channels": list(members)} for bridge, members in self.bridges.items()]
            case "/applications/hotline" if self._events is not None and not self._events.closed:
                return {"name": "hotline"}
        raise NotThere(path)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **parameters: str) -> Any:
        _, kind, *rest = path.split("/")
        match kind, rest:
            case "channels", ["externalMedia"]:
                channel = parameters["channelId"]
                self.channels[channel] = {
                    "id": channel,
                    "state": "Up",
                    "caller": {"number": ""},
                    "dialplan": {"exten": "s", "app_name": "Stasis", "app_data": "hotline"},
                }
                return {"channelvars": {"MEDIA_WEBSOCKET_CONNECTION_ID": channel}}
            case "channels", [channel, "answer"]:
                self.answered.append(channel)
                self._known(channel)["state"] = "Up"
            case "bridges", [bridge, "addChannel"]:
                for channel in parameters["channel"].split(","):
                    self._known(channel)
                    for members in self.bridges.values():
                        if channel in members:
                            members.remove(channel)
                    self.bridges[bridge].append(channel)
            case _:
                raise NotThere(path)
        return None

    async def make_bridge(self, bridge: str) -> None:
        self.bridges.setdefault(bridge, [])

    async def delete(self, path: str, **parameters: str) -> None:
        _, kind, name = path.split("/")
        if kind == "bridges":
            self.bridges.pop(name, None)
        elif name in self.channels:
            self.hang_up(name)

    def _known(self, channel: str) -> dict[str, Any]:
        if channel not in self.channels:
            raise NotThere(channel)
        return self.channels[channel]


class AtOnce(Executor):
    """Runs work where it is submitted: no thread takes its time."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        future: Future[T] = Future()
        try:
            future.set_result(fn(*args, **kwargs))
        except BaseException as error:
            future.set_exception(error)
        return future


async def until(holds: Callable[[], bool]) -> None:
    """Let everything go on until this holds. AssertionError if it never does."""
    for _ in range(LOOP_TURNS_MAX):
        if holds():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come to that")
