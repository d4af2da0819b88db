"""The simulator as a service for the demo: a telephone on a WebSocket, for the web phone page.

The page sends what a person with a telephone does: messages `{"command": "call" | "keys" | "speak" | "hang_up", ...}`
as text, and binary ones with live mu-law sound. After `{"command": "register", "name": ...}`, which the event
`Registered` confirms, it can be called as well, like the browsers of Twilio's Voice SDK, and `{"command": "answer"}`
takes the call. The page receives the events, one JSON object each, and the sound of the other side of a bridge as
binary messages.
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import queue
import threading
import time
from dataclasses import asdict
from typing import Any, Protocol

from flask import Flask
from flask_sock import Sock
from simple_websocket import ConnectionClosed

from simulator.account import Account
from simulator.events import (
    CallerFinished,
    CallerSpoke,
    CallPlaced,
    Connected,
    DebuggerAlert,
    Dialled,
    Disconnected,
    Ended,
    Event,
    Incoming,
    KeyPressed,
    LeftQueue,
    Listener,
    PartnerSpoke,
    Queued,
    Registered,
    Said,
    SpeakingStopped,
    StreamChanged,
)
from simulator.inbound_calls import IncomingNumber, dial_in
from simulator.live_call import LiveCall

PATH = "/phone"
SENT_EVENTS = (
    CallerFinished,
    CallerSpoke,
    CallPlaced,
    Connected,
    DebuggerAlert,
    Dialled,
    Disconnected,
    Ended,
    Incoming,
    KeyPressed,
    LeftQueue,
    PartnerSpoke,
    Queued,
    Registered,
    Said,
    SpeakingStopped,
    StreamChanged,
)
# No telephone sends a longer message.
MESSAGE_MAX_BYTES = 16_000
KEYS_MAX = 64
PARENT_POLL_S = 1.0


class PhoneSocket(Protocol):
    """The part of a WebSocket used here."""

    def receive(self, timeout: float | None = None) -> str | bytes | None: ...
    def send(self, data: str | bytes) -> None: ...


def add_web_phone(rest: Flask, account: Account, number: IncomingNumber) -> None:
    """Serve the telephone beside the REST interface, to anyone with the account's token."""
    sockets = Sock()

    @sockets.route(PATH)  # type: ignore[untyped-decorator]
    def phone(socket: PhoneSocket) -> None:
        WebPhone(socket, account, number).serve()

    rest.config["SOCK_SERVER_OPTIONS"] = {"max_message_size": MESSAGE_MAX_BYTES}
    sockets.init_app(rest)


class WebPhone:
    """One telephone: one call at a time, for as long as its socket is open. With a name it can be called."""

    def __init__(self, socket: PhoneSocket, account: Account, number: IncomingNumber) -> None:
        self._socket = socket
        self._account = account
        self._number = number
        self._call: LiveCall | None = None
        self._name = ""
        # Events and sound come from the call's thread, which must not wait for a slow page.
        self._events: queue.SimpleQueue[Event | bytes | None] = queue.SimpleQueue()

    def serve(self) -> None:
        """Carry out the page's commands until it disconnects, then hang up."""
        threading.Thread(target=self._send_events, name="web phone", daemon=True).start()
        try:
            while True:
                message = self._socket.receive()
                if isinstance(message, str):
                    self._handle(_read(message))
                elif message is not None and self._call is not None:
                    self._call.send_live_audio(bytes(message))
        except ConnectionClosed:
            pass
        finally:
            if self._account.answerers.get(self._name) == self._incoming_call:
                del self._account.answerers[self._name]
            if self._call is not None:
                self._call.hang_up()
            self._events.put(None)

    def _handle(self, message: dict[str, Any]) -> None:
        call = self._call if self._call is not None and not self._call.ended else None
        match message.get("command"):
            case "call" if call is None:
                caller, called = str(message.get("from", ""))[:32], str(message.get("to", ""))[:32]
                dialled = dial_in(self._account, self._number, caller, called, listener=self._events.put)
                dialled.on_partner_audio = self._events.put
                self._call = dialled
                dialled.start()
            case "register":
                self._name = f"client:{str(message.get('name', ''))[:64]}"
                self._account.answerers[self._name] = self._incoming_call
                self._events.put(Registered(0))
            case "answer" if call is not None:
                call.pick_up()
            case "keys" if call is not None:
                call.press("".join(key for key in str(message.get("keys", "")) if key in "0123456789*#")[:KEYS_MAX])
            case "speak" if call is not None:
                call.speak(_sound(message), str(message.get("words", ""))[:200])
            case "hang_up" if call is not None:
                call.hang_up()

    def _incoming_call(self, call: LiveCall) -> Listener:
        """Take a call from the application; a telephone in use is busy."""
        if self._call is not None and not self._call.ended:
            call.hang_up()
            return lambda event: None
        self._call = call
        call.on_partner_audio = self._events.put
        self._events.put(Incoming(0, call.sid, call.caller))
        return self._events.put

    def _send_events(self) -> None:
        try:
            while (event := self._events.get()) is not None:
                if isinstance(event, bytes):
                    self._socket.send(event)
                elif isinstance(event, SENT_EVENTS):
                    fields = {"event": type(event).__name__, **asdict(event)}
                    self._socket.send(json.dumps(fields, ensure_ascii=False))
        except ConnectionClosed:
            pass


def _read(message: str) -> dict[str, Any]:
    try:
        command = json.loads(message)
    except ValueError:
        return {}
    return command if isinstance(command, dict) else {}


def _sound(message: dict[str, Any]) -> bytes:
    try:
        return base64.b64decode(str(message.get("mulaw", "")), validate=True)
    except binascii.Error:
        return b""


def wait_for_parent() -> None:
    """Return once the process that started this one has ended."""
    parent = os.getppid()
    while os.getppid() == parent:
        time.sleep(PARENT_POLL_S)
