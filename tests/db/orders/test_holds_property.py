"""For any actions of callers, in any order: the books balance after every step, and the order read back is the one
saved."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine, update

import storage
from orders.book.desk import Desk, DeskRefusal, LineRequest
from orders.book.holds import release_expired
from orders.book.models import Channel, OrderRow
from orders.channels import web_orders
from orders.channels.web_orders import KeyReused, WebOrder
from orders.retailers.models import RetailerRow
from tests.support.desk_world import CARTON, CHINA, CLASSIC, ERA, MAIN, SHOP, STATION, MovingClock, World

Step = Callable[[World], None]

calls = st.sampled_from([("call-1", SHOP), ("call-2", SHOP), ("call-3", STATION), ("call-4", STATION)])
specs = st.sampled_from([CLASSIC, ERA, CHINA])
packs = st.integers(1, 12 * CARTON)


def at_the_desk(what: Callable[[Desk], Any]) -> Step:
    def step(world: World) -> None:
        # Inside the transaction: changes made before a refusal stay, as in a turn.
        with world.desk() as desk, suppress(DeskRefusal):
            what(desk)

    return step


def opens(call: tuple[str, str], fresh: bool, channel: Channel) -> Step:
    """A step that opens a draft: a caller is identified, or an operator opens the caller's sheet; with `fresh` one that
    resumes no abandoned draft, but discards it."""

    def ring(desk: Desk) -> None:
        retailer = desk.retailer(call[1])
        assert retailer is not None
        if fresh:
            desk.open_channel_draft(call[0], retailer, channel)
        else:
            desk.open_draft(call[0], retailer, desk.hotline(MAIN), channel=channel)

    return at_the_desk(ring)


def sends(retailer: str, channel: Channel, key: str, wanted: dict[str, int]) -> Step:
    """A step that takes in a whole order: from the web, an app or the signed list; the same key may come again."""

    def take_in(desk: Desk) -> None:
        with suppress(KeyReused):
            taken = web_orders.enter_order(
                desk, channel, channel, f"{key} {desk.now:%j}", WebOrder(retailer, wanted, desk.now), desk.now
            )
            assert (taken.row.state == "failed") == (taken.row.order_id is None)

    return at_the_desk(take_in)


def confirms(call: tuple[str, str]) -> Step:
    def yes(desk: Desk) -> None:
        read_back = desk.draft(call[0]).view()
        saved = desk.draft(call[0]).confirm()
        assert saved.already or (read_back is not None and saved.order.lines == read_back.lines)

    return at_the_desk(yes)


def asks(call: tuple[str, str], requests: list[LineRequest]) -> Step:
    def ask(desk: Desk) -> None:
        for request, outcome in zip(requests, desk.draft(call[0]).set_lines(requests), strict=True):
            assert 0 <= outcome.granted_packs <= outcome.requested_packs == request.packs
            assert (outcome.reason is None) == (outcome.granted_packs == request.packs)

    return at_the_desk(ask)


def waits(minutes: int) -> Step:
    def wait(world: World) -> None:
        world.clock.move(minutes=minutes)

    return wait


def sweeps(world: World) -> None:
    with world.session() as session:
        release_expired(session, world.clock())


steps = st.one_of(
    st.builds(opens, calls, st.booleans(), st.sampled_from(["phone", "operator"])),
    st.builds(
        sends,
        st.sampled_from([SHOP, STATION]),
        st.sampled_from(["web", "mobile", "proxy"]),
        st.sampled_from(["one", "two"]),
        st.dictionaries(specs, packs, min_size=1),
    ),
    st.builds(
        asks,
        calls,
        st.lists(
            st.builds(LineRequest, specs, packs, st.sampled_from(["add", "set"])),
            min_size=1,
            max_size=3,
            unique_by=lambda request: request.barcode,
        ),
    ),
    st.builds(lambda call, spec: at_the_desk(lambda desk: desk.draft(call[0]).remove(spec)), calls, specs),
    st.builds(confirms, calls),
    st.builds(lambda call: at_the_desk(lambda desk: desk.draft(call[0]).abandon()), calls),
    # A clock that is corrected jumps, forward and back.
    st.builds(waits, st.sampled_from([1, 16, -7])),
    st.just(sweeps),
)


def begin_next_week(world: World) -> None:
    """Move to a week later, on the same weekday at nine: every retailer is due again, with new supply and limits."""
    world.clock.move_to(world.clock().replace(hour=9, minute=0) + timedelta(weeks=1))
    with world.session() as session:
        session.execute(update(OrderRow).values(call_key=None))
    world.supply(stock=15, limit=10)


def play(world: World, day: list[Step]) -> None:
    begin_next_week(world)
    for call in ("call-1", SHOP), ("call-3", STATION):
        opens(call, False, "phone")(world)
    for step in day:
        step(world)
        world.check_books()


@pytest.fixture
def scarce(engine: Engine, clock: MovingClock) -> World:
    """A desk short of both limits and stock, with two retailers due."""
    world = World.build(storage.open_sessions(engine), clock)
    with world.session() as session:
        session.execute(update(RetailerRow).values(order_weekday=clock().weekday()))
    return world


@given(day=st.lists(steps, min_size=5, max_size=30))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_interleaving_oversells_or_loses_anything(scarce: World, day: list[Step]) -> None:
    play(scarce, day)
