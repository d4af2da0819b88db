"""A reply: the sentences said next and what follows, in types of our own; the carrier's markup is one rendering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from speech.listening import Listen

DEFAULT_SILENCE_MS = 6_000
"""How long the caller may be silent, unless a step allows for more."""

TransferReason = Literal["asked", "stuck", "locked", "not_identified", "recogniser_down", "taken_over"]


@dataclass(frozen=True, slots=True)
class ListenFor:
    """Say, then wait for the caller: `silence_ms` is how long silence may last before the step hears it. With
    `hear_out` the last sentence is a question about all that comes before it, and a key pressed before it is reported
    as early."""

    listen: Listen
    silence_ms: int = DEFAULT_SILENCE_MS
    hear_out: bool = False


@dataclass(frozen=True, slots=True)
class Transfer:
    """Say, then give the call to an operator."""

    reason: TransferReason


@dataclass(frozen=True, slots=True)
class HangUp:
    """Say, then end the call."""


Then = ListenFor | Transfer | HangUp


@dataclass(frozen=True, slots=True)
class Reply:
    """One reply: the sentences to say, in order, and what happens then."""

    say: tuple[str, ...]
    then: Then
