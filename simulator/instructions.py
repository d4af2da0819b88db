"""The instructions of a call, and the ways to interrupt them."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.twiml_parser import Verb


@dataclass(frozen=True, slots=True)
class Page:
    """A document and the address it came from, which resolves its relative addresses."""

    url: str
    verbs: tuple[Verb, ...]


@dataclass(frozen=True, slots=True)
class CallUpdate:
    """A change of a live call by the REST interface: new instructions, or its end; with `only_unanswered` it ends only
    if it has not been answered yet."""

    url: str = ""
    method: str = "POST"
    twiml: str = ""
    completed: bool = False
    only_unanswered: bool = False


class Redirected(Exception):
    """The call has received new instructions."""

    def __init__(self, update: CallUpdate) -> None:
        self.update = update


class HungUp(Exception):
    """The call is to end at once: one side has hung up."""


class ApplicationFailed(Exception):
    """The application's answer cannot be carried out; the call ends with an apology."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
