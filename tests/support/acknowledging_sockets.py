"""The WebSockets of a line process, as uvicorn makes them, except that a ping is answered in its turn: once the
application has taken the messages before it."""

from __future__ import annotations

from typing import Any

from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

PING = "test.ping"


def acknowledge_in_turn() -> None:
    """Make every WebSocket of this process answer pings in their turn."""
    receive_event = WebSocketsSansIOProtocol.receive

    def handle_ping(protocol: WebSocketsSansIOProtocol) -> None:
        event: Any = {"type": PING, "pong": b"".join(protocol.conn.data_to_send())}
        protocol.queue.put_nowait(event)

    async def receive(protocol: WebSocketsSansIOProtocol) -> Any:
        event: Any = await receive_event(protocol)
        while event["type"] == PING:
            if not protocol.transport.is_closing():
                protocol.transport.write(event["pong"])
            event = await receive_event(protocol)
        return event

    WebSocketsSansIOProtocol.handle_ping = handle_ping  # type: ignore[method-assign]
    WebSocketsSansIOProtocol.receive = receive  # type: ignore[method-assign]
