"""Habits of a carrier that its documents allow and an application seldom meets, each a switch of a caller script."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

CallbackHabit = Literal["late", "doubled", "out_of_order"]

RECORDING_READY_MS = 1_000
"""Milliseconds between the notice of a recording and the moment it can be fetched."""
RETRY_AFTER_S = 1
"""The `Retry-After` of a request that is refused with 429."""


@dataclass(frozen=True, slots=True)
class CarrierHabits:
    """What the carrier does in a call, or in all calls of an account.

    `names_finish_key`: the key that ended a <Gather> is posted as FinishedOnKey, which is not documented.
    `recordings_ready_after_ms`: when a recording can be fetched. `recordings_silent`: every recording is found silent,
    and is "absent". `status_callbacks`: reports of a call's progress come after its end ("late"), twice ("doubled"), or
    each after the next one ("out_of_order"). `requests_refused`: so many REST requests are refused with 429 first.
    """

    names_finish_key: bool = True
    recordings_ready_after_ms: int = RECORDING_READY_MS
    recordings_silent: bool = False
    status_callbacks: frozenset[CallbackHabit] = frozenset()
    requests_refused: int = 0
