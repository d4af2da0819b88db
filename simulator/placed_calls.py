"""Outgoing calls the application places through the REST interface."""

from __future__ import annotations

from collections.abc import Callable

from simulator.account import Account, Party
from simulator.call import SimulatedCall
from simulator.events import Listener
from simulator.legs import MachineDetection, Wish, place
from simulator.pace import Pace
from simulator.verbs import follow

__all__ = ["MachineDetection", "PlaceCall", "Wish", "rings_out"]

PlaceCall = Callable[[Wish], SimulatedCall]
"""Place the call and return it once it is under way."""


def rings_out(
    account: Account,
    *,
    unknown: Party | None = None,
    pace: Pace | None = None,
    listener: Listener = lambda event: None,
) -> PlaceCall:
    """A function that places calls to the account's numbers; the application controls them once they are answered."""

    def place_call(wish: Wish) -> SimulatedCall:
        return place(account, wish, follow, unknown=unknown, pace=pace, listener=listener)

    return place_call
