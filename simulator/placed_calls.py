"""Outgoing calls the application places through the REST interface."""

from __future__ import annotations

from collections.abc import Callable

from simulator.account import Account, CalledParty
from simulator.call import SimulatedCall
from simulator.events import Listener
from simulator.legs import CallRequest, MachineDetection, place
from simulator.pace import Pace
from simulator.verbs import follow

__all__ = ["CallRequest", "MachineDetection", "PlaceCall", "call_placer"]

PlaceCall = Callable[[CallRequest], SimulatedCall]
"""Place the call and return it once it is under way."""


def call_placer(
    account: Account,
    *,
    unknown: CalledParty | None = None,
    pace: Pace | None = None,
    listener: Listener = lambda event: None,
) -> PlaceCall:
    """A function that places calls to the account's numbers; the application controls them once they are answered."""

    def place_call(wish: CallRequest) -> SimulatedCall:
        return place(account, wish, follow, unknown=unknown, pace=pace, listener=listener)

    return place_call
