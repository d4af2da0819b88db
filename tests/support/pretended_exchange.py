"""An exchange that is pretended: Asterisk's channels, bridges, media sockets, events and REST interface, as far as the
line uses them.

What is said over a media socket is kept as text: sentences are their own bytes here.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import partial
from typing import Any, Literal, cast
from urllib.parse import unquote, urlsplit

import aiohttp
import pytest
import requests

from ivr.asterisk.ari import AlreadyThere, Ari, AriError, NotThere
from tests.support.pretended_media import MediaSocket

Behaviour = Literal["answers", "rings", "busy"]
NOON = datetime(2026, 11, 23, 4, 0, tzinfo=UTC)


@dataclass
class Channel:
    """A channel; `bridge` is the id of the one it is in."""

    id: str
    name: str
    state: str = "Ring"
    number: str = ""
    created: datetime = NOON
    variables: dict[str, str] = field(default_factory=dict)
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
            "creationtime": self.created.strftime("%Y-%m-%dT%H:%M:%S.000+0000"),
            "channelvars": self.variables,
            "dialplan": {
                "exten": "",
                "app_name": "Stasis" if self.in_application else "",
                "app_data": self.application_data,
            },
        }


@dataclass
class PretendedExchange:
    """The exchange. `telephones` are the endpoints that can be dialled, and what they do; any other cannot be. `trunk`
    is the trunk's state; empty, there is none. `variables` are Asterisk's own, and `date` is its clock's. An
    `error` is raised instead of any answer, or is the status of every answer."""

    telephones: dict[str, Behaviour] = field(default_factory=dict)
    trunk: str = "online"
    variables: dict[str, str] = field(default_factory=dict)
    date: datetime = NOON
    error: Exception | int | None = None
    channels: dict[str, Channel] = field(default_factory=dict)
    bridges: dict[str, list[str]] = field(default_factory=dict)
    sockets: dict[str, MediaSocket] = field(default_factory=dict)
    asked_for: list[tuple[str, str, dict[str, str], Any]] = field(default_factory=list)
    snooped: list[tuple[str, dict[str, str]]] = field(default_factory=list)
    _events: asyncio.Queue[aiohttp.WSMessage | None] | None = None
    _numbers: itertools.count[int] = field(default_factory=lambda: itertools.count(1))

    # --- telephones

    def call_in(self, caller: str, called: str, key: str = "") -> str:
        """A call that comes in; its channel, which has this id if one is given."""
        channel = Channel(key or f"17645.{next(self._numbers)}", "PJSIP/trunk-1", number=caller)
        self.channels[channel.id] = channel
        self.enter_application(channel, called)
        return channel.id

    def press(self, channel: str, key: str) -> None:
        self.report("ChannelDtmfReceived", channel, digit=key)

    def answer(self, channel: str) -> None:
        """The telephone of a channel is picked up, if it still rings."""
        if channel in self.channels:
            self.change_state(channel, "Up")
            self.enter_application(self.channels[channel])

    def destroy(self, channel: str, cause: int = 16, sip_status: int | None = None) -> None:
        """The channel ends: hung up by whoever, or never answered."""
        found = self.channels.pop(channel, None)
        if found is None:
            return
        self._leave(found)
        self._tell("ChannelDestroyed", channel=found.json(), cause=cause, tech_cause=sip_status)
        for spy in [one.id for one in self.channels.values() if one.spied_on == channel]:
            self.destroy(spy)
        if (socket := self.sockets.get(channel)) is not None:
            socket.end()

    def change_state(self, channel: str, state: str) -> None:
        self.channels[channel].state = state
        self.report("ChannelStateChange", channel)

    def enter_application(self, channel: Channel, *arguments: str) -> None:
        """The channel comes to the line."""
        channel.in_application, channel.application_data = True, ",".join(("hotline", *arguments))
        self._tell("StasisStart", channel=channel.json(), args=arguments)

    def report(self, event: str, channel: str, **more: Any) -> None:
        """Report this event of the channel to the line."""
        self._tell(event, channel=self.channels[channel].json(), **more)

    # --- for tests

    def of(self, kind: str) -> list[str]:
        """The channels of this kind that there are."""
        return [one for one in self.channels if one.startswith(f"hotline-{kind}-")]

    def media_of(self, channel: str) -> list[MediaSocket]:
        """The media sockets that the line has opened for this channel, the newest last."""
        return [one for name, one in self.sockets.items() if name.startswith(f"hotline-media-{channel}-")]

    def said_to(self, channel: str) -> list[str]:
        """All that the line has said to this channel, music included."""
        return [said for socket in self.media_of(channel) for said in socket.said]

    def hear_each_other(self, one: str, other: str) -> bool:
        """True if the two channels are in the same bridge, with nobody else."""
        return any(sorted(inside) == sorted((one, other)) for inside in self.bridges.values())

    @property
    def is_led(self) -> bool:
        """True while a line process has the socket of events."""
        return self._events is not None

    @property
    def dialled(self) -> list[str]:
        """The endpoints that were dialled, or could not be, in order."""
        return [parameters["endpoint"] for parameters in self.asked("POST", "/channels")]

    def asked(self, method: str, path: str) -> list[dict[str, str]]:
        """The parameters of each such request."""
        return [parameters for how, where, parameters, _ in self.asked_for if (how, where) == (method, path)]

    def spies(self, channel: str) -> list[MediaSocket]:
        """The sockets to which the sound of this channel is forked: what comes from it, and what goes to it."""
        forks = {one["snoopId"]: one["spy"] for spied_on, one in self.snooped if spied_on == channel}
        found = {forks[snoop]: socket for snoop in forks for name, socket in self.sockets.items() if snoop in name}
        return [found[direction] for direction in ("in", "out") if direction in found]

    def lose_events(self) -> None:
        """The socket of events breaks off."""
        events, self._events = self._events, None
        if events is not None:
            events.put_nowait(None)

    def lose_sockets(self) -> None:
        """The line process is killed: its sockets end."""
        self.lose_events()
        for socket in self.sockets.values():
            socket.end()

    def answer_requests(self, patch: pytest.MonkeyPatch) -> None:
        """Answer every request that this process makes by `requests`."""
        patch.setattr(requests.Session, "request", lambda _session, *args, **named: self._respond(*args, **named))

    # --- the REST interface

    def request(self, method: str, path: str, arguments: Mapping[str, Any], body: Any = None) -> tuple[int, Any]:
        """The status and the answer to a request."""
        self.asked_for.append((method, path, dict(arguments), body))
        if isinstance(self.error, int):
            return self.error, {}
        if self.error is not None:
            raise self.error
        match method, *path.strip("/").split("/"):
            case "GET", "applications", _:
                return (404, {}) if self._events is None else (200, {})
            case "GET", "asterisk", "ping":
                return 200, {}
            case "GET", "asterisk", "variable":
                return 200, {"value": self.variables.get(arguments["variable"], "")}
            case "GET", "endpoints", *_:
                return (200, {"state": self.trunk}) if self.trunk else (404, {"message": "Endpoint not found"})
            case "GET", "channels":
                return 200, [one.json() for one in self.channels.values()]
            case "GET", "bridges":
                return 200, [self._bridge(one) for one in self.bridges]
            case "POST", "channels":
                return self._dial(arguments)
            case "POST", "channels", "externalMedia":
                channel = Channel(arguments["channelId"], "WebSocket/1", "Up")
                self.channels[channel.id] = channel
                return 200, {"id": channel.id, "channelvars": {"MEDIA_WEBSOCKET_CONNECTION_ID": channel.id}}
            case "POST", "events", "user", _ if self._events is None:
                return 404, {"message": "Application not found"}
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
                self.change_state(channel_id, "Up")
                return 204, None
            case "POST", "channels", channel_id, "snoop":
                self.snooped.append((channel_id, dict(arguments)))
                spy = Channel(arguments["snoopId"], f"Snoop/{channel_id}-00000001", "Up", spied_on=channel_id)
                self.channels[spy.id] = spy
                self.enter_application(spy)
                return 200, spy.json()
            case _:
                return 404, {"message": f"{method} {path} is not pretended"}

    def _respond(self, method: str, url: str, **arguments: Any) -> requests.Response:
        path = unquote(urlsplit(url).path).removeprefix("/ari")
        answer = requests.Response()
        answer.status_code, body = self.request(method, path, arguments.get("params") or {}, arguments.get("json"))
        answer._content = json.dumps(body).encode()
        answer.headers["Date"] = format_datetime(self.date.replace(microsecond=0), usegmt=True)
        return answer

    # --- sockets

    def open_events(self) -> AsyncIterator[aiohttp.WSMessage]:
        """The socket of events, which whoever had it loses."""
        self._tell("ApplicationReplaced")
        self._events = asyncio.Queue()
        return self._all_events(self._events)

    async def _all_events(self, events: asyncio.Queue[aiohttp.WSMessage | None]) -> AsyncIterator[aiohttp.WSMessage]:
        while (message := await events.get()) is not None:
            yield message

    def open_media(self, channel: str) -> MediaSocket:
        socket = self.sockets[channel] = MediaSocket(partial(self.destroy, channel))
        self.enter_application(self.channels[channel])
        return socket

    # --- single steps

    def _dial(self, arguments: Mapping[str, str]) -> tuple[int, Any]:
        endpoint = arguments["endpoint"]
        behaviour = self.telephones.get(endpoint)
        if behaviour is None:
            return 500, {"error": "Allocation failed"}
        channel = Channel(arguments["channelId"], f"{endpoint}-1", "Ringing")
        self.channels[channel.id] = channel
        if behaviour == "answers":
            _later(1, partial(self.answer, channel.id))
        elif behaviour == "busy":
            _later(1, partial(self.destroy, channel.id, 17))
        else:
            _later(float(arguments["timeout"]), partial(self._give_up, channel.id))
        return 200, channel.json()

    def _give_up(self, channel: str) -> None:
        if channel in self.channels and self.channels[channel].state == "Ringing":
            self.destroy(channel, 19)

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


def _later(seconds: float, happen: Callable[[], None]) -> None:
    # No time passes where no loop runs.
    with suppress(RuntimeError):
        asyncio.get_running_loop().call_later(seconds, happen)


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
