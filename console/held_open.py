"""Connections of the console's pages that stay open: event streams and sockets, on the event loop of a line process.

Each begins as a request that the Flask application answers, so that its own checks hold: session, role, language. An
`EventStream` or `HeldSocket` in answer is then served here; any other answer is passed on as it is.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Mapping
from concurrent.futures import Executor
from contextlib import aclosing, suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
from flask import Flask
from flask import Response as FlaskResponse
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Scope
from starlette.websockets import WebSocket
from werkzeug.test import EnvironBuilder

from console.event_stream import EventStream, LiveParts, Viewer, event

# A stream ends after this long, so that a session can time out; the browser opens it again.
STREAM_MAX_S = 300
# A stream sends something at least this often, so that both sides notice a dead connection.
KEEPALIVE_S = 15
# The event streams of one staff member: more pages than anybody has open. A stream beyond the limit is refused, and the
# browser asks again later.
STREAMS_MAX_EACH = 30
# Requests that wait for an answer at once: all pages open at a desk ask again together when a process has ended.
ASKING_MAX = 500
RETRY_AFTER_S = 5

Environ = dict[str, Any]

log = structlog.get_logger(__name__)


class HeldSocket(FlaskResponse):
    """The answer to a request for a socket that is permitted: `serve` serves it once it is accepted. A web process,
    which holds no sockets, answers 426."""

    def __init__(self, serve: Callable[[WebSocket], Awaitable[None]]) -> None:
        super().__init__("This address answers WebSockets only.", 426, mimetype="text/plain")
        self.serve = serve


class HeldOpen:
    """The console's connections that stay open, of one line process. `pool` runs what blocks."""

    def __init__(self, app: Flask, pool: Executor) -> None:
        self._app = app
        self._pool = pool
        self._broadcasts: dict[LiveParts[Any], _Broadcast] = {}
        self._asking = 0
        self._streams: Counter[int] = Counter()

    async def answer(self, request: Request) -> Response:
        """Answer a request, with an event stream if that is what it asks for."""
        if self._asking >= ASKING_MAX:
            return _busy()
        answer, environ = await self._ask(request.scope)
        headers = answer.headers
        if not isinstance(answer, EventStream):
            return Response(answer.get_data(), answer.status_code, dict(headers))
        if self._streams[answer.viewer.staff_id] >= STREAMS_MAX_EACH:
            log.warning("an event stream was refused: its viewer has too many", staff=answer.viewer.staff_id)
            return _busy()
        if (broadcast := self._broadcasts.get(answer.live)) is None:
            broadcast = self._broadcasts[answer.live] = _Broadcast(self._app, self._pool, answer.live)

        async def may_go_on() -> bool:
            """True while the same request would still be answered so: its session may have ended."""
            again, _environ = await self._ask(request.scope)
            return isinstance(again, EventStream)

        events = broadcast.events(answer.viewer, environ, request, may_go_on)
        return StreamingResponse(self._counted(answer.viewer.staff_id, events), headers=dict(headers))

    async def _counted(self, staff_id: int, events: AsyncGenerator[str]) -> AsyncIterator[str]:
        """The events of a stream, which is counted among its viewer's while it is open."""
        self._streams[staff_id] += 1
        try:
            async with aclosing(events):
                async for one in events:
                    yield one
        finally:
            self._streams[staff_id] -= 1

    async def accept(self, socket: WebSocket) -> None:
        """Serve a socket, or refuse its handshake with 403."""
        if self._asking >= ASKING_MAX:
            await socket.close()
            return
        answer, _environ = await self._ask(socket.scope)
        if isinstance(answer, HeldSocket):
            await socket.accept()
            await answer.serve(socket)
        else:
            await socket.close()

    async def _ask(self, scope: Scope) -> tuple[FlaskResponse, Environ]:
        """Flask's answer, and the environment to render more of it in."""
        environ = _environ(scope)

        def dispatch() -> FlaskResponse:
            with self._app.request_context(environ):
                return self._app.full_dispatch_request()

        self._asking += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, dispatch), environ
        finally:
            self._asking -= 1


def _busy() -> Response:
    return Response("Too many connections: try again in a moment.", 429, {"Retry-After": str(RETRY_AFTER_S)})


def _environ(scope: Scope) -> Environ:
    """The WSGI environment of a request. To Flask, which serves no sockets, a handshake is one like any other."""
    headers = [
        (name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"] if name != b"upgrade"
    ]
    host = next((value for name, value in headers if name == "host"), "localhost")
    return EnvironBuilder(
        scope["path"],
        f"http://{host}",
        scope["query_string"].decode("latin-1"),
        method=scope.get("method", "GET"),
        headers=headers,
        environ_base={"REMOTE_ADDR": scope["client"][0]} if scope.get("client") else None,
    ).get_environ()


@dataclass
class _Shown:
    """The parts shown to one viewer, on `pages` pages. `changed` is set, and replaced, when they change."""

    environ: Environ
    parts: Mapping[str, str] = field(default_factory=dict)
    pages: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class _Broadcast:
    """Keeps the parts of one page up to date for all its viewers, as long as there are any."""

    def __init__(self, app: Flask, pool: Executor, live: LiveParts[Any]) -> None:
        self._app = app
        self._pool = pool
        self._live = live
        self._shown: dict[Viewer, _Shown] = {}
        self._joined = asyncio.Event()
        self._updating: asyncio.Task[None] | None = None

    async def events(
        self, viewer: Viewer, environ: Environ, request: Request, may_go_on: Callable[[], Awaitable[bool]]
    ) -> AsyncGenerator[str]:
        """The parts for one page of this viewer, each when it has changed, until the page is closed or its session is
        over, which is noticed within KEEPALIVE_S."""
        shown = self._join(viewer, environ)
        try:
            sent: dict[str, str] = {}
            loop = asyncio.get_running_loop()
            ends_at, asked_at = loop.time() + STREAM_MAX_S, loop.time()
            while loop.time() < ends_at and not await request.is_disconnected():
                if loop.time() - asked_at >= KEEPALIVE_S:
                    if not await may_go_on():
                        break
                    asked_at = loop.time()
                changed, parts = shown.changed, shown.parts
                news = {name: part for name, part in parts.items() if part != sent.get(name)}
                sent |= news
                # A page takes a stream that is silent for longer to be broken.
                yield "".join(event(name, part) for name, part in news.items()) or event("alive", "")
                with suppress(TimeoutError):
                    async with asyncio.timeout(KEEPALIVE_S):
                        await changed.wait()
        finally:
            self._leave(viewer, shown)

    def _join(self, viewer: Viewer, environ: Environ) -> _Shown:
        if (shown := self._shown.get(viewer)) is None:
            shown = self._shown[viewer] = _Shown(environ)
            self._joined.set()
        shown.pages += 1
        if self._updating is None:
            self._updating = asyncio.create_task(self._keep_up_to_date())
        return shown

    def _leave(self, viewer: Viewer, shown: _Shown) -> None:
        shown.pages -= 1
        if not shown.pages:
            del self._shown[viewer]

    async def _keep_up_to_date(self) -> None:
        try:
            while self._shown:
                self._joined.clear()
                environs = {viewer: shown.environ for viewer, shown in self._shown.items()}
                try:
                    rendered = await asyncio.get_running_loop().run_in_executor(self._pool, self._render, environs)
                except Exception as error:
                    log.error("the parts of a page could not be brought up to date", exc_info=error)
                    rendered = {}
                for viewer, parts in rendered.items():
                    if (shown := self._shown.get(viewer)) is not None and parts != shown.parts:
                        shown.parts = parts
                        shown.changed.set()
                        shown.changed = asyncio.Event()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._live.interval_s):
                        await self._joined.wait()
        finally:
            self._updating = None

    def _render(self, environs: Mapping[Viewer, Environ]) -> dict[Viewer, Mapping[str, str]]:
        """The parts for each viewer, rendered in a request of one that reads the same language."""
        rendered: dict[Viewer, Mapping[str, str]] = {}
        with self._app.app_context():
            content = self._live.read({viewer.staff_id for viewer in environs})
        for language in {viewer.language for viewer in environs}:
            same = [viewer for viewer in environs if viewer.language == language]
            with self._app.request_context(environs[same[0]]):
                for viewer in same:
                    rendered[viewer] = self._live.render(content, viewer.staff_id)
        return rendered
