"""An exchange that is pretended: Asterisk's channels, bridges, media sockets and events, as far as the line uses them.

What is said over a media socket is kept as text: sentences are their own bytes here.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

import aiohttp
import requests

from ivr.asterisk.ari import AlreadyThere, Ari, AriError, NotThere
from ivr.operators import waiting_music
from speech.sound.audio import FRAME_BYTES, LINE_RATE

MUSIC = "music"
Behaviour = Literal["answers", "rings", "busy"]
_SILENCE = b"\xff"


def spoken(sentence: str) -> bytes:
    """The sentence as its own sound."""
    return sentence.encode()


@dataclass
class Channel:
    """A channel; `bridge` is the id of the one it is in."""

    id: str
    name: str
    state: str = "Ring"
    number: str = ""
    application_data: str = ""
    bridge: str = ""
    in_application: bool = False
    spied_on: str = ""

    def json(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            "state": self.state,
            "caller": {"number": self.number, "name": ""},
            "dialplan": {
                "exten": "",
                "app_name": "Stasis" if self.in_application else "",
                "app_data": self.application_data,
            },
        }


class MediaSocket:
    """The line's end of a media channel: `said` is what it has been given to play, and was played."""

    def __init__(self, exchange: PretendedExchange, channel: str) -> None:
        self.said: list[str] = []
        self.closed = False
        self._exchange = exchange
        self._channel = channel
        self._pending = b""
        self._messages: asyncio.Queue[aiohttp.WSMessage | None] = asyncio.Queue()
        self._marks: list[asyncio.TimerHandle] = []

    async def send_bytes(self, sound: bytes) -> None:
        self._alive()
        self._pending += sound

    async def send_str(self, text: str) -> None:
        self._alive()
        command = json.loads(text)
        match command["command"]:
            case "MARK_MEDIA":
                sound, self._pending = self._pending, b""
                self.said.extend(_as_text(sound))
                reply = json.dumps({"event": "MEDIA_MARK_PROCESSED", "correlation_id": command["correlation_id"]})
                loop = asyncio.get_running_loop()
                self._marks.append(loop.call_later(len(sound) / LINE_RATE, self._tell, reply))
            case "FLUSH_MEDIA":
                self._pending = b""
                for mark in self._marks:
                    mark.cancel()

    def hear(self, mulaw: bytes) -> None:
        """Bring this sound of the channel's to the line."""
        self._messages.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.BINARY, mulaw, None))

    async def close(self) -> None:
        self.end()

    def end(self) -> None:
        """End the socket, and with it its channel."""
        if not self.closed:
            self.closed = True
            self._messages.put_nowait(None)
            self._exchange.destroy(self._channel)

    def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        return self._all()

    async def _all(self) -> AsyncIterator[aiohttp.WSMessage]:
        while (message := await self._messages.get()) is not None:
            yield message

    def _tell(self, text: str) -> None:
        self._messages.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None))

    def _alive(self) -> None:
        if self.closed:
            raise ConnectionError("the socket is closed")


@dataclass
class PretendedExchange:
    """The exchange. `telephones` are the endpoints that can be dialled, and what they do; any other cannot be."""

    telephones: dict[str, Behaviour] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    bridges: dict[str, list[str]] = field(default_factory=dict)
    sockets: dict[str, MediaSocket] = field(default_factory=dict)
    dialled: list[str] = field(default_factory=list)
    snooped: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _events: asyncio.Queue[aiohttp.WSMessage | None] | None = None
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # --- telephones

    def call_in(self, caller: str, called: str) -> str:
        """A call that comes in; its channel."""
        channel = Channel(f"17645.{next(self._numbers)}", "PJSIP/trunk-1", number=caller)
        self.channels[channel.id] = channel
        self._enter_application(channel, [called])
        return channel.id

    def press(self, channel: str, key: str) -> None:
        self._tell("ChannelDtmfReceived", channel=self.channels[channel].json(), digit=key)

    def answer(self, channel: str) -> None:
        """The telephone of a channel is picked up, if it still rings."""
        found = self.channels.get(channel)
        if found is None:
            return
        found.state = "Up"
        self._enter_application(found, [])

    def destroy(self, channel: str, cause: int = 16) -> None:
        """The channel ends: hung up by whoever, or never answered."""
        found = self.channels.pop(channel, None)
        if found is None:
            return
        self._leave(found)
        self._tell("ChannelDestroyed", channel=found.json(), cause=cause)
        for spy in [one.id for one in self.channels.values() if one.spied_on == channel]:
            self.destroy(spy)
        if (socket := self.sockets.get(channel)) is not None:
            socket.end()

    # --- for tests

    def of(self, kind: str) -> list[str]:
        """The channels of this kind that there are."""
        return [one for one in self.channels if one.startswith(f"hotline-{kind}-")]

    def said_to(self, channel: str) -> list[str]:
        """All that the line has said to this channel, music included."""
        sockets = [one for name, one in self.sockets.items() if name.startswith(f"hotline-media-{channel}-")]
        return [said for socket in sockets for said in socket.said]

    def hear_each_other(self, one: str, other: str) -> bool:
        """True if the two channels are in the same bridge, with nobody else."""
        return any(sorted(inside) == sorted((one, other)) for inside in self.bridges.values())

    @property
    def is_led(self) -> bool:
        """True while a line process has the socket of events."""
        return self._events is not None

    def spies(self, channel: str) -> list[MediaSocket]:
        """The sockets to which the sound of this channel is forked: what comes from it, and what goes to it."""
        forks = {one["snoopId"]: one["spy"] for spied_on, one in self.snooped if spied_on == channel}
        found = {forks[snoop]: socket for snoop in forks for name, socket in self.sockets.items() if snoop in name}
        return [found[direction] for direction in ("in", "out") if direction in found]

    def lose_socket(self) -> None:
        """The line process is killed: its sockets end."""
        events, self._events = self._events, None
        if events is not None:
            events.put_nowait(None)
        for socket in self.sockets.values():
            socket.end()

    # --- the REST interface

    def request(self, method: str, path: str, arguments: Mapping[str, Any], body: Any = None) -> tuple[int, Any]:
        """The status and the answer to a request."""
        match method, *path.strip("/").split("/"):
            case "GET", "applications", _:
                return (404, {}) if self._events is None else (200, {})
            case "GET", "channels":
                return 200, [one.json() for one in self.channels.values()]
            case "GET", "bridges":
                return 200, [{"id": one, "channels": list(inside)} for one, inside in self.bridges.items()]
            case "POST", "channels":
                return self._dial(arguments)
            case "POST", "channels", "externalMedia":
                channel = Channel(arguments["channelId"], "WebSocket/1", "Up")
                self.channels[channel.id] = channel
                return 200, {"id": channel.id, "channelvars": {"MEDIA_WEBSOCKET_CONNECTION_ID": channel.id}}
            case "POST", "events", "user", name:
                channel_id = arguments["source"].removeprefix("channel:")
                if channel_id not in self.channels:
                    return 404, {}
                given = (body or {}).get("variables", {})
                self._tell("ChannelUserevent", channel={"id": channel_id}, eventname=name, userevent=given)
                return 204, None
            case "POST", "bridges", bridge:
                if bridge in self.bridges:
                    return 409, {"message": "there"}
                self.bridges[bridge] = []
                return 200, self._bridge(bridge)
            case "GET", "bridges", bridge if bridge in self.bridges:
                return 200, self._bridge(bridge)
            case "DELETE", "bridges", bridge if bridge in self.bridges:
                for inside in list(self.bridges[bridge]):
                    self._leave(self.channels[inside])
                del self.bridges[bridge]
                return 204, None
            case "POST", "bridges", bridge, "addChannel" if bridge in self.bridges:
                for one in arguments["channel"].split(","):
                    if one not in self.channels:
                        return 400, {"message": "Channel not found"}
                    self._leave(self.channels[one])
                    self.channels[one].bridge = bridge
                    self.bridges[bridge].append(one)
                    event = {"bridge": self._bridge(bridge), "channel": self.channels[one].json()}
                    self._tell("ChannelEnteredBridge", **event)
                return 204, None
            case _, "channels", channel_id, *_ if channel_id not in self.channels:
                return 404, {"message": "Channel not found"}
            case "GET", "channels", channel_id:
                return 200, self.channels[channel_id].json()
            case "DELETE", "channels", channel_id:
                self.destroy(channel_id)
                return 204, None
            case "POST", "channels", channel_id, "answer":
                self.channels[channel_id].state = "Up"
                return 204, None
            case "POST", "channels", channel_id, "snoop":
                self.snooped.append((channel_id, dict(arguments)))
                spy = Channel(arguments["snoopId"], f"Snoop/{channel_id}-00000001", "Up", spied_on=channel_id)
                self.channels[spy.id] = spy
                self._enter_application(spy, [])
                return 200, spy.json()
            case _:
                return 404, {"message": f"{method} {path} is not pretended"}

    def as_response(self, method: str, url: str, **arguments: Any) -> requests.Response:
        """The answer to a request of `requests`."""
        path = unquote(urlsplit(url).path).removeprefix("/ari")
        answer = requests.Response()
        answer.status_code, body = self.request(method, path, arguments.get("params") or {}, arguments.get("json"))
        answer._content = json.dumps(body).encode()
        return answer

    # --- sockets

    def open_events(self) -> AsyncIterator[aiohttp.WSMessage]:
        self._events = asyncio.Queue()
        return self._all_events(self._events)

    async def _all_events(self, events: asyncio.Queue[aiohttp.WSMessage | None]) -> AsyncIterator[aiohttp.WSMessage]:
        while (message := await events.get()) is not None:
            yield message

    def open_media(self, channel: str) -> MediaSocket:
        socket = self.sockets[channel] = MediaSocket(self, channel)
        self._enter_application(self.channels[channel], [])
        return socket

    # --- single steps

    def _dial(self, arguments: Mapping[str, str]) -> tuple[int, Any]:
        endpoint = arguments["endpoint"]
        self.dialled.append(endpoint)
        behaviour = self.telephones.get(endpoint)
        if behaviour is None:
            return 500, {"error": "Allocation failed"}
        channel = Channel(arguments["channelId"], f"{endpoint}-1", "Ringing")
        self.channels[channel.id] = channel
        loop = asyncio.get_running_loop()
        if behaviour == "answers":
            loop.call_later(1, self.answer, channel.id)
        elif behaviour == "busy":
            loop.call_later(1, self.destroy, channel.id, 17)
        else:
            loop.call_later(float(arguments["timeout"]), self._give_up, channel.id)
        return 200, channel.json()

    def _give_up(self, channel: str) -> None:
        if channel in self.channels and self.channels[channel].state == "Ringing":
            self.destroy(channel, 19)

    def _enter_application(self, channel: Channel, arguments: list[str]) -> None:
        channel.in_application, channel.application_data = True, ",".join(("hotline", *arguments))
        self._tell("StasisStart", channel=channel.json(), args=arguments)

    def _leave(self, channel: Channel) -> None:
        bridge, channel.bridge = channel.bridge, ""
        if bridge:
            self.bridges[bridge].remove(channel.id)
            self._tell("ChannelLeftBridge", bridge=self._bridge(bridge), channel=channel.json())

    def _bridge(self, bridge: str) -> dict[str, Any]:
        return {"id": bridge, "channels": list(self.bridges[bridge])}

    def _tell(self, kind: str, **event: Any) -> None:
        if self._events is not None:
            text = json.dumps({"type": kind, **event})
            self._events.put_nowait(aiohttp.WSMessage(aiohttp.WSMsgType.TEXT, text, None))


class _EventSocket:
    def __init__(self, events: AsyncIterator[aiohttp.WSMessage]) -> None:
        self._events = events

    def __aiter__(self) -> AsyncIterator[aiohttp.WSMessage]:
        return self._events

    async def close(self) -> None:
        return None


class PretendedAri(Ari):
    """The line's account at the pretended exchange."""

    def __init__(self, exchange: PretendedExchange) -> None:
        self._exchange = exchange

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        yield

    async def events(self) -> aiohttp.ClientWebSocketResponse:
        return cast(aiohttp.ClientWebSocketResponse, _EventSocket(self._exchange.open_events()))

    async def media(self, connection_id: str) -> aiohttp.ClientWebSocketResponse:
        return cast(aiohttp.ClientWebSocketResponse, self._exchange.open_media(connection_id))

    async def _request(
        self, method: str, path: str, parameters: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Any:
        await asyncio.sleep(0)
        status, answer = self._exchange.request(method, path, parameters, body)
        if status >= 400:
            raise {404: NotThere, 409: AlreadyThere}.get(status, AriError)(f"{method} {path}: {status}")
        return answer


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
