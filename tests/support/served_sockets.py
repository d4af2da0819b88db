"""An application and the media sockets of its line at one address, served in this process."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Protocol

import uvicorn
from flask import Flask
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route, WebSocketRoute
from werkzeug.test import Client

from ivr.services import services
from ivr.twilio.media_socket import MediaSockets


class Served(Protocol):
    """What holds the application."""

    app: Flask


@contextmanager
def serve_with_sockets(served: Served, port: int) -> Iterator[None]:
    """Serve requests and media sockets until the block ends."""
    found, pool = services(served.app), ThreadPoolExecutor(16)
    sockets = MediaSockets(found.settings, found.line.media_streams, found.line.sound_forks, pool)

    async def answer(request: Request) -> Response:
        body, loop = await request.body(), asyncio.get_running_loop()

        def dispatch() -> Response:
            answered = Client(served.app).open(
                request.url.path,
                query_string=request.url.query,
                method=request.method,
                headers=list(request.headers.items()),
                data=body,
                base_url=str(request.base_url),
            )
            return Response(answered.get_data(), answered.status_code, dict(answered.headers))

        return await loop.run_in_executor(pool, dispatch)

    routes = [
        WebSocketRoute("/voice/stream", sockets.accept),
        Route("/{path:path}", answer, methods=["GET", "POST"]),
    ]
    config = uvicorn.Config(Starlette(routes=routes), host="127.0.0.1", port=port, log_level="warning", lifespan="off")
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="served", daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.should_exit = True
        thread.join(10)
        pool.shutdown(wait=False, cancel_futures=True)
