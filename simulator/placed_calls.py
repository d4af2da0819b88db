"""Outgoing calls the application places through the REST interface."""

from __future__ import annotations

from collections.abc import Callable

from simulator.account import Account
from simulator.call import SimulatedCall
from simulator.legs import CallRequest, place
from simulator.pace import Pace
from simulator.verbs import follow

PlaceCall = Callable[[CallRequest], SimulatedCall]
"""Places the call and returns it once it is under way."""


def call_placer(account: Account, *, pace: Pace | None = None) -> PlaceCall:
    """A function that places calls to the account's numbers; the application controls them once they are answered."""

    def place_call(request: CallRequest) -> SimulatedCall:
        return place(account, request, follow, pace=pace)

    return place_call
