"""Asterisk's REST interface (ARI) and its WebSockets, on the event loop of a line process.

https://docs.asterisk.org/Configuration/Interfaces/Asterisk-REST-Interface-ARI/
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import aiohttp

from settings import Settings

# The Stasis application whose calls are the line's.
APPLICATION: Final = "hotline"
TIMEOUT_S: Final = 5.0
# Asterisk drops a connection whose far end is gone only when it is written to.
HEARTBEAT_S: Final = 10.0


class AriError(RuntimeError):
    """Asterisk could not be asked, or refused; the message names the operation."""


class NotThere(AriError):
    """Asterisk knows no such channel, bridge or application."""


class AlreadyThere(AriError):
    """Asterisk has something of this name already, or the channel is in no state for it."""


_REFUSALS: Final[Mapping[int, type[AriError]]] = {404: NotThere, 409: AlreadyThere}


class Ari:
    """The account of a line process at Asterisk's REST interface; `open` before use."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.asterisk_url.rstrip("/")
        self._auth = aiohttp.encode_basic_auth(settings.asterisk_user, settings.asterisk_password)
        self._http: aiohttp.ClientSession | None = None

    @asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        """Hold the connections while the block runs."""
        # No limit on connections: one that waits would let a caller wait.
        connector = aiohttp.TCPConnector(limit=0)
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        headers = {"Authorization": self._auth}
        async with aiohttp.ClientSession(connector=connector, timeout=timeout, headers=headers) as self._http:
            yield
        self._http = None

    async def get(self, path: str, **parameters: str) -> Any:
        """The answer to a GET of this path below /ari."""
        return await self._request("GET", path, parameters)

    async def post(self, path: str, body: Mapping[str, Any] | None = None, **parameters: str) -> Any:
        """The answer to a POST to this path below /ari."""
        return await self._request("POST", path, parameters, body)

    async def put(self, path: str, body: Mapping[str, Any] | None = None, **parameters: str) -> Any:
        """The answer to a PUT to this path below /ari."""
        return await self._request("PUT", path, parameters, body)

    async def delete(self, path: str, **parameters: str) -> None:
        """Delete this, if it is still there."""
        try:
            await self._request("DELETE", path, parameters)
        except NotThere:
            return

    async def make_bridge(self, bridge: str) -> None:
        """Make a bridge of this id, in which all hear each other, unless it is there."""
        with suppress(AlreadyThere):
            await self._request("POST", f"/bridges/{bridge}", {"type": "mixing"})

    async def events(self) -> aiohttp.ClientWebSocketResponse:
        """The socket on which Asterisk reports all its events to the application, in order; whoever had it loses it.
        Raises AriError."""
        return await self._socket(f"/ari/events?app={APPLICATION}&subscribeAll=true")

    async def media(self, connection_id: str) -> aiohttp.ClientWebSocketResponse:
        """The socket of a media channel's sound. Raises AriError."""
        return await self._socket(f"/media/{connection_id}")

    async def _socket(self, path: str) -> aiohttp.ClientWebSocketResponse:
        assert self._http is not None
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._http.ws_connect(self._url + path, heartbeat=HEARTBEAT_S)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise AriError(f"no socket of the exchange could be opened: {error}") from error

    async def _request(
        self, method: str, path: str, parameters: Mapping[str, str], body: Mapping[str, Any] | None = None
    ) -> Any:
        assert self._http is not None
        try:
            async with self._http.request(method, f"{self._url}/ari{path}", params=parameters, json=body) as answer:
                if answer.status == 204:
                    return None
                if answer.ok:
                    return await answer.json()
                reason = f"{method} {path} was answered with {answer.status}: {(await answer.text())[:200]}"
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            raise AriError(
                f"the exchange could not be asked ({method} {path}): {error or type(error).__name__}"
            ) from error
        raise _REFUSALS.get(answer.status, AriError)(reason)
