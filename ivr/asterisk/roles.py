"""The roles of the exchange's channels, and the interpreters of instructions: every module beside this one that leads
a part of a call adds its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ivr.asterisk import caller
from ivr.asterisk.channels import Kind
from ivr.asterisk.leg import Interpreter, Role
from ivr.line import LineServices

INTERPRETERS: Final[Mapping[type, Interpreter]] = {**caller.INTERPRETERS}


def roles(line: LineServices) -> Mapping[Kind, Role]:
    """The roles of the channels that are led, by their kind."""
    return {"caller": caller.Caller(line)}
