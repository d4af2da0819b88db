"""For any input at any step: nothing breaks, no line is lost, nothing is saved without a yes."""

from __future__ import annotations

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import storage
from callflows.conversation import Silence
from callflows.replies import ListenFor
from speech.utterance import Action, Command, Item, Quantity, Unit, Utterance
from tests.db.callflows.test_any_step import ARRIVALS
from tests.support.databases import Databases, passing_copy
from tests.support.desk_world import (
    CHINA,
    CLASSIC,
    CRANE,
    ERA,
    LIQUN,
    PIN,
    SHOP,
    TAISHAN,
    MovingClock,
    World,
    catalog,
)
from tests.support.dialogue import Dialogue, item, lines

BARCODES = (CLASSIC, ERA, LIQUN, CRANE, TAISHAN, CHINA)
UNKNOWN = "6900000000000"

quantities = st.builds(
    Quantity,
    halves=st.integers(0, 60),
    unit=st.sampled_from(("carton", *get_args(Unit))),
    vague=st.sampled_from((False, False, False, True)),
)
items = st.builds(
    Item,
    action=st.sampled_from(("add", "add", *get_args(Action))),
    barcodes=st.lists(st.sampled_from((*BARCODES, UNKNOWN)), max_size=6, unique=True).map(tuple),
    quantity=st.one_of(quantities, quantities, st.none()),
    said=st.sampled_from(("", "红塔山")),
    more=st.sampled_from((False, False, True)),
    in_all=st.sampled_from((False, False, True)),
)
commands = st.sampled_from((None, None, "yes", "yes", "done", "no", *get_args(Command)))
utterances = st.builds(
    Utterance,
    items=st.lists(items, max_size=3).map(tuple),
    command=commands,
    digits=st.sampled_from(((), (), (SHOP,), ("4105",), (PIN,), ("",))),
    choice=st.sampled_from((None, None, None, -1, 0, 1, 2, 5, 9)),
    confirm=st.sampled_from((False, False, False, True)),
    keyed=st.booleans(),
)
# An operator ends the automatic call: most examples should be longer than that.
wild = utterances.map(lambda heard: replace(heard, command=None) if heard.command == "operator" else heard)
# The most common utterances: they lead further into a call than chance would.
tame = st.one_of(
    st.builds(
        lambda action, barcode, count: lines(item(barcode, count=count, action=action)),
        st.sampled_from(("add", "add", "change", "reduce", "remove")),
        st.sampled_from(BARCODES),
        st.integers(1, 15),
    ),
    st.sampled_from([Utterance(command=command) for command in ("yes", "yes", "no", "done")]),
    st.sampled_from([Utterance(choice=0), Utterance(choice=1)]),
)
turns = st.lists(st.one_of(tame, wild, st.just(Silence())), min_size=3, max_size=14)


@pytest.fixture(scope="module")
def ready(databases: Databases) -> str:
    """The address of a desk with little of everything, to be copied."""

    def fill(sessions: storage.SessionFactory) -> None:
        world = World.build(sessions, MovingClock(), stock=40, limit=12)
        world.stock(LIQUN, 0)
        world.stock(CRANE, 3)

    return databases.prepared("little", fill)


@settings(max_examples=40, deadline=None)
@given(start=st.sampled_from(sorted(ARRIVALS)), heard=turns)
def test_any_turns_in_any_order_from_any_step_on(
    databases: Databases, ready: str, start: str, heard: list[Utterance | Silence]
) -> None:
    with passing_copy(databases, ready) as url:
        engine = storage.open_engine(url)
        try:
            sessions = storage.open_sessions(engine)
            world = World(sessions, MovingClock(), catalog())
            go_through(world, ARRIVALS[start](world), heard)
        finally:
            engine.dispose()


def go_through(world: World, call: Dialogue, heard: list[Utterance | Silence]) -> None:
    for turn in heard:
        before, order, read_back = call.state, call.draft_cartons, "".join(call.reply.say)
        call.take_turn(turn)
        assert call.reply.say, "the line is never mute"
        assert all(call.reply.say)
        if call.state.saved and not before.saved:
            assert isinstance(turn, Utterance)
            assert (before.step, turn.command) == ("read_back", "yes")
            assert (
                call.saved_cartons == order == {barcode: packs // 10 for barcode, packs in before.read_back_lines or ()}
            )
            assert read_back
        elif not call.state.saved:
            check_no_line_is_lost(order, call.draft_cartons, before.step, turn)
        if not isinstance(call.reply.then, ListenFor):
            assert call.state.over
    if not call.state.saved:
        call.caller_hangs_up()
    world.check_books()


DROPPING = (("leave", "yes"), ("leave", "cancel"))


def check_no_line_is_lost(before: dict[str, int], after: dict[str, int], step: str, turn: Utterance | Silence) -> None:
    """Check that a line shrinks only if the caller mentioned it: changed or removed it, or declined the offer."""
    fewer = {barcode for barcode, count in before.items() if after.get(barcode, 0) < count}
    if not fewer:
        return
    assert isinstance(turn, Utterance)
    refused = step in ("resume_draft", "offer_rest", "confirm_lines") or (step, turn.command) in DROPPING
    spoken_of = {barcode for item in turn.items for barcode in item.barcodes}
    bare = any(not item.barcodes for item in turn.items)
    assert refused or bare or fewer <= spoken_of or (step, turn.choice is not None) == ("choose_spec", True)
