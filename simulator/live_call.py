"""The two sides of a call in progress: what a call offers to those who use it, and the person at the telephone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, Protocol

from simulator.bridge import BridgedCall
from simulator.events import Event
from simulator.instructions import CallUpdate
from simulator.pace import Steps


class LiveCall(BridgedCall, Protocol):
    """A call as the caller's side and the REST interface use it. Its methods may be called from any thread, except
    `wait_ms`."""

    caller: str
    called: str
    direction: Literal["inbound", "outbound-api"]
    status: str
    answered_by: str
    started_at: float
    collecting_keys: bool
    ended: bool

    @property
    def saying(self) -> bool: ...
    @property
    def speaking(self) -> bool: ...
    @property
    def awaits_caller(self) -> bool: ...
    @property
    def duration_seconds(self) -> int: ...

    def press(self, keys: str) -> None: ...
    def speak(self, mulaw: bytes, words: str = "") -> None: ...
    def send_live_audio(self, mulaw: bytes) -> None: ...
    def pick_up(self) -> None: ...
    def hang_up(self) -> None: ...
    def update(self, change: CallUpdate) -> None: ...
    def join(self, timeout: float | None = None) -> None: ...
    def run_soon(self, action: Callable[[], None]) -> None: ...
    def wait_ms(self, duration: float) -> Steps[None]: ...


class Callee(Protocol):
    """The person at the telephone in one call: hears the call's events, and acts once every 20 ms of call time."""

    def hear(self, event: Event) -> None: ...
    def steps(self, call: LiveCall) -> Steps[None]: ...
