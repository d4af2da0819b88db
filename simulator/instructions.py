"""What a call is told to do, and how it is told to do something else."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.twiml import Verb


@dataclass(frozen=True, slots=True)
class Page:
    """A document and the address it came from, against which its relative addresses are read."""

    url: str
    verbs: tuple[Verb, ...]


@dataclass(frozen=True, slots=True)
class Change:
    """What the REST interface asks of a live call: new instructions, or its end; `only_unanswered` where it is to end
    only if nobody has answered yet."""

    url: str = ""
    method: str = "POST"
    twiml: str = ""
    completed: bool = False
    only_unanswered: bool = False


class Redirected(Exception):
    """The call has been given something else to do."""

    def __init__(self, change: Change) -> None:
        self.change = change


class HungUp(Exception):
    """The caller has gone."""


class ApplicationFailed(Exception):
    """The application's answer cannot be carried out; the call ends with an apology."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
