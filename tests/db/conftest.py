"""A morning of outbound calls, for the tests of this tier."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from flask import Flask

    from tests.support.desk_world import World
    from tests.support.outbound_world import OutboundWorld


@pytest.fixture
def day(application: Flask, world: World) -> OutboundWorld:
    """A morning on which retailers are due for a call."""
    from tests.support.outbound_world import OutboundWorld

    return OutboundWorld(application, world)


@pytest.fixture
def one_retailer(day: OutboundWorld, world: World) -> OutboundWorld:
    """The same morning with only one retailer due."""
    from tests.support.desk_world import STATION

    world.change_retailer(STATION, status="suspended")
    return day
