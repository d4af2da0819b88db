"""The relay between a page's telephone and the simulator, in the demo only: the page talks to one server only."""

from __future__ import annotations

import asyncio
import base64
import json
from typing import Any, Protocol

import structlog
from starlette.websockets import WebSocketDisconnect
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from console.web_phone.gloss import gloss
from console.web_phone.page_voice import PageVoice
from console.web_phone.pin_hiding import PinHiding
from settings import Settings

SIMULATOR_PATH = "/phone"
CONNECT_S = 3.0

log = structlog.get_logger(__name__)


class PageSocket(Protocol):
    """The part of the page's WebSocket that is used; `receive` returns ASGI's events."""

    async def receive(self) -> Any: ...
    async def send_text(self, data: str) -> None: ...
    async def send_bytes(self, data: bytes) -> None: ...
    async def close(self, code: int = 1000, reason: str | None = None) -> None: ...


async def relay(
    page: PageSocket,
    settings: Settings,
    allowed_commands: frozenset[str],
    name: str = "",
    pins: PinHiding | None = None,
    voice: PageVoice | None = None,
) -> None:
    """Relay events to the page, with the English of what the hotline says, and the page's permitted commands and audio
    to the simulator, until one of them disconnects. With a `name` the page's telephone can be called; with `pins` the
    page is shown PINs as dots; with a `voice` it can play what is said."""
    base = "ws" + settings.twilio_api_base.rstrip("/").removeprefix("http")
    token = base64.b64encode(f"{settings.twilio_account_sid}:{settings.twilio_auth_token}".encode()).decode()
    headers = {"Authorization": f"Basic {token}"}
    try:
        simulator = await connect(base + SIMULATOR_PATH, additional_headers=headers, open_timeout=CONNECT_S, proxy=None)
    except (OSError, InvalidHandshake) as error:
        log.warning("the simulator cannot be reached", address=base, reason=str(error))
        await page.send_text(json.dumps({"event": "SimulatorUnreachable"}))
        await page.close()
        return
    async with simulator:
        if name:
            await simulator.send(json.dumps({"command": "register", "name": name}))
        ways = (
            asyncio.create_task(_relay_commands(page, simulator, allowed_commands)),
            asyncio.create_task(_relay_events(simulator, page, pins, voice)),
        )
        await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)


async def _relay_commands(page: PageSocket, simulator: ClientConnection, allowed_commands: frozenset[str]) -> None:
    while (message := await page.receive())["type"] == "websocket.receive":
        if (sound := message.get("bytes")) is not None:
            await simulator.send(sound)
        elif _command(message["text"]) in allowed_commands:
            await simulator.send(message["text"])


def _command(message: str) -> str:
    try:
        return str(json.loads(message)["command"])
    except (ValueError, TypeError, KeyError):
        return ""


async def _relay_events(
    simulator: ClientConnection, page: PageSocket, pins: PinHiding | None, voice: PageVoice | None
) -> None:
    try:
        async for message in simulator:
            if isinstance(message, bytes):
                await page.send_bytes(message)
                continue
            event = json.loads(message)
            if event["event"] == "Said":
                if voice is not None:
                    # The pack's index is read from files.
                    event = await asyncio.to_thread(voice.with_sound, event)
                event["gloss"] = gloss(event["text"]) or ""
            if pins is not None:
                event = await pins.hidden(event)
            await page.send_text(json.dumps(event, ensure_ascii=False))
        await page.close()
    except (ConnectionClosed, WebSocketDisconnect):
        pass
