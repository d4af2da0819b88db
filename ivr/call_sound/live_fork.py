"""A fork's sound as it comes from a carrier, stored part by part."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from functools import partial
from typing import Any

from ivr.call_sound.forks import SoundForks
from ivr.call_sound.two_sides import PartsOfSound, Side, TwoSides

NextSound = Callable[[], Awaitable[tuple[Side, int, bytes] | None]]
"""Returns the next sound: whose it is, when it began in milliseconds, and 8 kHz mu-law; None after the last one."""


async def store_fork(
    forks: SoundForks,
    fork_id: int,
    call_key: str,
    next_sound: NextSound,
    run: Callable[[Callable[[], Any]], Awaitable[Any]],
) -> None:
    """Store the sound of this call's fork until nobody needs it, or no more comes. `run` runs what waits for the
    database. Raises UnknownFork."""
    began_at = await run(lambda: forks.attach(fork_id, call_key))
    parts = PartsOfSound()

    def store(part: TwoSides) -> int | None:
        return forks.store(fork_id, part, began_at + timedelta(milliseconds=part.begins_ms))

    try:
        while (taken := await next_sound()) is not None:
            part = parts.add(*taken)
            if part is None:
                continue
            if (part_ms := await run(partial(store, part))) is None:
                return
            parts.part_ms = part_ms
    finally:
        if (rest := parts.rest()) is not None:
            await asyncio.shield(run(partial(store, rest)))
        await asyncio.shield(run(lambda: forks.detach(fork_id)))
