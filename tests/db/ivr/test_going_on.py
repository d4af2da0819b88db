"""A caller who goes on after an early answer is heard as if there had been none: both parts count together, once."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from callflows import conversation
from callflows.replies import ListenFor
from ivr.models import TurnRow
from ivr.streams.stream_registry import StreamRegistry
from ivr.turns.calls import Calls, CallSnapshot, TurnRequest
from orders.book.desk import Desk
from speech.utterance import NOTHING, Item, Quantity, Utterance
from tests.support.desk_world import CARTON, CLASSIC, LIQUN, MAIN, World
from tests.support.line_world import LiteralKeys

CALLER = "+8613800000012"
YES = Utterance(command="yes", text="是的")
DONE = Utterance(command="done", text="就这些")


def item(barcode: str, cartons: int | None, action: str = "add") -> Item:
    return Item(action, (barcode,), None if cartons is None else Quantity(2 * cartons))  # type: ignore[arg-type]


def lines(*items: Item, text: str = "") -> Utterance:
    return Utterance(items=items, text=text)


def going_on(both: Utterance, later: Utterance | None = None) -> Utterance:
    return Utterance(both.items, both.command, text=both.text, continues=True, continuation=later)


class Line:
    """A call of a shop that has said who it is."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.calls = Calls(
            world.sessions,
            world.clock,
            conversation,
            open_desk=lambda session: Desk(session, world.catalog, world.clock()),
            understanding=lambda _session: LiteralKeys(),
            recognition_available=lambda: True,
        )
        self.now = self.calls.begin("CA1", CALLER, MAIN)
        self.says(YES)

    def says(self, utterance: Utterance) -> CallSnapshot:
        return self._take(TurnRequest(self.now.turn_number, utterance=utterance))

    def keys(self, keys: str) -> CallSnapshot:
        return self._take(TurnRequest(self.now.turn_number, keys=keys))

    def _take(self, request: TurnRequest) -> CallSnapshot:
        self.world.clock.move(seconds=3)
        now = self.calls.take_turn("CA1", request)
        assert isinstance(now, CallSnapshot)
        self.now = now
        return now

    @property
    def ordered(self) -> dict[str, int]:
        with self.world.desk() as desk:
            view = desk.draft("CA1").view()
            return {line.barcode: line.granted_packs // CARTON for line in view.lines} if view else {}

    def inputs(self) -> list[dict[str, object]]:
        with self.world.session() as session:
            return list(session.scalars(select(TurnRow.turn_input).order_by(TurnRow.turn_number)))


@pytest.fixture
def line(world: World) -> Line:
    return Line(world)


def test_a_brand_and_then_its_quantity_are_one_line(line: Line) -> None:
    asked = line.says(lines(item(CLASSIC, None), text="红塔山硬经典"))
    assert "几条" in "".join(asked.reply.say) or "多少" in "".join(asked.reply.say)
    line.says(going_on(lines(item(CLASSIC, 5), text="红塔山硬经典五条"), lines(Item("add", (), Quantity(10)))))
    assert line.ordered == {CLASSIC: 5}
    first, second = line.inputs()[-2:]
    assert (first["continued"], first["text"]) == (True, "红塔山硬经典")
    assert second["text"] == "红塔山硬经典五条"


def test_a_line_corrected_after_the_answer_is_set_and_not_added(line: Line, world: World) -> None:
    line.says(lines(item(LIQUN, 2)))
    line.says(lines(item(CLASSIC, 6)))
    assert line.ordered == {LIQUN: 2, CLASSIC: 6}
    line.says(going_on(lines(item(CLASSIC, 5), text="红塔山硬经典六条，哦不，五条")))
    assert line.ordered == {LIQUN: 2, CLASSIC: 5}
    world.check_books()


def test_what_was_taken_away_too_early_is_there_again(line: Line, world: World) -> None:
    line.says(lines(item(LIQUN, 2), item(CLASSIC, 5)))
    line.says(lines(item(LIQUN, None, "remove")))
    assert line.ordered == {CLASSIC: 5}
    line.says(going_on(lines(item(LIQUN, 1, "change"), text="利群软蓝不要……不要两条，改一条")))
    assert line.ordered == {LIQUN: 1, CLASSIC: 5}
    world.check_books()


def test_a_third_part_is_heard_with_the_two_before(line: Line) -> None:
    line.says(lines(item(CLASSIC, 6)))
    line.says(going_on(lines(item(CLASSIC, 6), item(LIQUN, 2))))
    line.says(going_on(lines(item(CLASSIC, 6), item(LIQUN, 3))))
    assert line.ordered == {CLASSIC: 6, LIQUN: 3}


def test_demand_of_a_turn_that_was_taken_back_is_withdrawn(line: Line, world: World) -> None:
    world.stock(CLASSIC, 0)
    line.says(lines(item(CLASSIC, 6)))
    line.says(going_on(lines(item(LIQUN, 2), text="红塔山……不，利群软蓝两条")))
    assert line.ordered == {LIQUN: 2}
    assert world.withdrawn() == [CLASSIC]


def test_it_is_answered_in_the_step_it_was_begun_in(line: Line) -> None:
    line.says(lines(item(CLASSIC, 5)))
    read_back = line.says(DONE)
    assert isinstance(read_back.reply.then, ListenFor)
    more = line.says(going_on(lines(item(LIQUN, 2), text="就这些……再来利群软蓝两条")))
    assert line.ordered == {CLASSIC: 5, LIQUN: 2}
    assert "核对" not in "".join(more.reply.say)


@pytest.mark.parametrize("later", [lines(item(LIQUN, 2)), None])
def test_after_a_key_or_an_opened_order_only_the_later_part_counts(line: Line, later: Utterance | None) -> None:
    """The yes to the shop's name has opened the order: there is no going back to before it."""
    line.says(going_on(Utterance(command="yes", items=(item(LIQUN, 2),)), later))
    assert line.ordered == ({LIQUN: 2} if later else {})
    assert "continued" not in line.inputs()[0]


def test_a_saved_order_stays_saved(line: Line, world: World) -> None:
    line.says(lines(item(CLASSIC, 5)))
    line.says(DONE)
    saved = line.says(YES)
    assert not isinstance(saved.reply.then, ListenFor)
    line.says(going_on(Utterance(command="no", text="对……不对"), Utterance(command="no", text="不对")))
    with world.desk() as desk:
        assert desk.draft("CA1").saved() is not None


def test_going_on_after_keys_is_an_answer_of_its_own(line: Line) -> None:
    line.says(lines(item(CLASSIC, 5)))
    line.keys("7")
    line.says(going_on(lines(item(LIQUN, 9)), lines(item(LIQUN, 2))))
    assert line.ordered == {CLASSIC: 5, LIQUN: 2}


def test_it_is_taken_once_however_often_it_is_reported(line: Line, world: World) -> None:
    line.says(lines(item(CLASSIC, 6)))
    turn = line.now.turn_number
    streams = StreamRegistry(world.sessions, world.clock)
    assert streams.store_utterance("CA1", turn, going_on(lines(item(CLASSIC, 5))))
    world.clock.move(seconds=1)
    for _ in range(3):
        line.calls.take_turn("CA1", TurnRequest(turn))
    assert line.ordered == {CLASSIC: 5}
    assert [row.get("continued") for row in line.inputs()] == [None, True, None]


def test_nonsense_after_an_answer_leaves_it_as_it_was(line: Line) -> None:
    line.says(lines(item(CLASSIC, 6)))
    line.says(going_on(lines(item(CLASSIC, 6)), NOTHING))
    assert line.ordered == {CLASSIC: 6}
