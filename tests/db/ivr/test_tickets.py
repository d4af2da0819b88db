"""A call that needs an operator waits for one, and exactly one gets it."""

from __future__ import annotations

import threading

import pytest
from sqlalchemy import Engine, func, select

import storage
from callflows import conversation
from callflows.replies import HangUp, ListenFor, Reply, Transfer
from ivr.operators import ring_attempts, tickets
from ivr.operators.models import RingAttempt, Ticket
from ivr.turns.calls import Calls, CallSnapshot, TurnRequest
from orders.book.desk import Desk
from orders.demo.demo_staff import seed_demo_staff
from orders.staff.models import StaffRow
from speech.listening import Digits
from speech.utterance import NOTHING, Utterance
from tests.support.desk_world import CARTON, CLASSIC, MAIN, SHOP, MovingClock, World

CALLER = "+8613800000012"
OPERATOR = Utterance(command="operator", text="人工")


class NoEar:
    def of_keys(self, *_: object) -> Utterance:
        return OPERATOR


def calls_of(world: World, *, ear_fails: bool = False) -> Calls:
    with world.session() as session:
        seed_demo_staff(session, world.clock())
    return Calls(
        world.sessions,
        world.clock,
        conversation,
        open_desk=lambda session: Desk(session, world.catalog, world.clock()),
        understanding=lambda _session: NoEar(),
        recognition_available=lambda: True,
        recognition_fails=lambda: ear_fails,
    )


@pytest.fixture
def line(world: World) -> Calls:
    return calls_of(world)


def ask_for_operator(line: Calls, call_key: str = "CA1") -> None:
    n = line.begin(call_key, CALLER, MAIN).turn_number
    line.take_turn(call_key, TurnRequest(n, utterance=OPERATOR))


def open_tickets(world: World) -> list[Ticket]:
    with world.session() as session:
        return list(session.scalars(select(Ticket).where(Ticket.closed_at.is_(None)).order_by(Ticket.id)))


def test_a_caller_who_asks_for_a_person_waits_with_the_reason(line: Calls, world: World) -> None:
    ask_for_operator(line)
    [ticket] = open_tickets(world)
    assert (ticket.call_key, ticket.reason, ticket.state) == ("CA1", "asked", "waiting")


@pytest.mark.parametrize(("ear_fails", "reason"), [(False, "stuck"), (True, "recogniser_down")])
def test_who_is_not_understood_again_and_again_waits_with_the_reason(
    world: World, ear_fails: bool, reason: str
) -> None:
    line = calls_of(world, ear_fails=ear_fails)
    n = line.begin("CA1", CALLER, MAIN).turn_number
    present = line.take_turn("CA1", TurnRequest(n, utterance=Utterance(command="yes", text="是的")))
    assert isinstance(present, CallSnapshot)
    while not isinstance(present.reply.then, Transfer):
        present = line.take_turn("CA1", TurnRequest(present.turn_number, utterance=NOTHING))
        assert isinstance(present, CallSnapshot)
    [ticket] = open_tickets(world)
    assert ticket.reason == reason


def test_a_locked_code_and_a_caller_nobody_knows_wait_with_the_reason(line: Calls, world: World) -> None:
    """Three wrong PINs: the first caller cannot be identified, and the next one meets the lock."""
    reasons = []
    for call_key in ("CA1", "CA2", "CA3"):
        present = line.begin(call_key, "+8613900000099", MAIN)
        while isinstance(present.reply.then, ListenFor):
            listen = present.reply.then.listen
            digits = "0000" if isinstance(listen, Digits) and listen.what == "pin" else SHOP
            keyed = Utterance(digits=(digits,), keyed=True, text=digits)
            present = line.take_turn(call_key, TurnRequest(present.turn_number, utterance=keyed))
            assert isinstance(present, CallSnapshot)
        assert isinstance(present.reply.then, Transfer)
        reasons.append(open_tickets(world)[-1].reason)
    assert reasons[0] == "not_identified"
    assert "locked" in reasons


def test_a_repeated_post_opens_no_second_ticket(line: Calls, world: World) -> None:
    n = line.begin("CA1", CALLER, MAIN).turn_number
    for _ in range(3):
        line.take_turn("CA1", TurnRequest(n, utterance=OPERATOR))
    line.request_operator("CA1")
    assert len(open_tickets(world)) == 1


def test_callers_are_told_their_place_and_who_is_served_has_none(line: Calls, world: World) -> None:
    for call_key in ("CA1", "CA2"):
        ask_for_operator(line, call_key)
    first = open_tickets(world)[0].id
    with world.session() as session:
        assert [tickets.position(session, call_key) for call_key in ("CA1", "CA2")] == [1, 2]
        assert tickets.take(session, first, 1, world.clock())
        assert [tickets.position(session, call_key) for call_key in ("CA1", "CA2")] == [0, 1]


def test_who_hangs_up_while_waiting_has_left(line: Calls, world: World) -> None:
    ask_for_operator(line)
    line.end("CA1", "completed")
    with world.session() as session:
        assert session.scalars(select(Ticket)).one().state == "abandoned"
        assert not tickets.take(session, 1, 1, world.clock())


def test_an_operator_who_does_not_answer_loses_the_call_to_the_next(line: Calls, world: World) -> None:
    ask_for_operator(line)
    with world.session() as session:
        tickets.take(session, 1, 1, world.clock())
        tickets.put_back(session, 1)
        assert tickets.position(session, "CA1") == 1
        assert tickets.take(session, 1, 2, world.clock())


def test_a_call_given_back_goes_on_with_the_order_the_operator_left(line: Calls, world: World) -> None:
    n = line.begin("CA1", CALLER, MAIN).turn_number
    line.take_turn("CA1", TurnRequest(n, utterance=Utterance(command="yes", text="是的")))
    line.take_turn("CA1", TurnRequest(n + 1, utterance=OPERATOR))
    with world.session() as session:
        tickets.take(session, 1, 1, world.clock())
    barcode = next(iter(world.catalog.specs))
    with world.desk() as desk:
        desk.draft("CA1").set_line(barcode, 50, "set")
    n = line.give_back("CA1")
    present = line.snapshot("CA1")
    assert present.turn_number == n
    assert present.reply.say[0] == "好，现在我们核对一下您的订货。"
    assert "五条" in present.reply.say[1]


def test_a_call_an_operator_finishes_leaves_its_unsaved_order_to_the_next_call(line: Calls, world: World) -> None:
    """Through the line's own calls: the shop has three cartons on a draft, and rings again after the operator's
    goodbye."""
    yes = Utterance(command="yes", text="是的")
    n = line.begin("CA1", CALLER, MAIN).turn_number
    line.take_turn("CA1", TurnRequest(n, utterance=yes))
    line.take_turn("CA1", TurnRequest(n + 1, utterance=OPERATOR))
    with world.desk() as desk:
        desk.draft("CA1").set_line(CLASSIC, 3 * CARTON, "set")
    assert line.finish("CA1", ("再见。",)) == n + 3
    assert line.snapshot("CA1").reply == Reply(("再见。",), HangUp())
    n = line.begin("CA2", CALLER, MAIN).turn_number
    present = line.take_turn("CA2", TurnRequest(n, utterance=yes))
    assert isinstance(present, CallSnapshot)
    assert present.reply.say == ("您上次没有订完：红塔山硬经典三条。接着订吗？",)
    line.end("CA1", "completed")
    with world.desk() as desk:
        own = desk.draft("CA2").view()
        assert own is not None
        assert own.total_packs + desk.draft("CA2").headroom(CLASSIC).packs == 20 * CARTON, "the whole limit"


def test_a_telephone_and_a_desk_reach_for_one_call_and_one_has_it(engine: Engine) -> None:
    """One operator presses 1 while another takes the call by hand: exactly one gets it, however close they are."""
    sessions = storage.open_sessions(engine)
    world = World.build(sessions, MovingClock())
    calls = calls_of(world)
    won: list[str] = []
    for turn in range(6):
        call_key = f"CA{turn}"
        ask_for_operator(calls, call_key)
        with storage.transaction(sessions) as session:
            ticket = tickets.of_call(session, call_key)
            assert ticket is not None
            offer = ring_attempts.open_attempt(session, ticket, 1, "+8613700000001", world.clock())
            assert offer is not None
            assert ring_attempts.open_attempt(session, ticket, 2, "+8613700000002", world.clock()) is None
            ticket_id, offer_id = ticket.id, offer.id
        start = threading.Barrier(2)

        def by_telephone(offer_id: int = offer_id, start: threading.Barrier = start) -> None:
            start.wait()
            with storage.transaction(sessions) as session:
                if ring_attempts.accept(
                    session, session.get_one(RingAttempt, offer_id, with_for_update=True), world.clock()
                ):
                    won.append("telephone")

        def by_hand(ticket_id: int = ticket_id, start: threading.Barrier = start) -> None:
            start.wait()
            with storage.transaction(sessions) as session:
                if tickets.take(session, ticket_id, 2, world.clock()):
                    won.append("desk")

        threads = [threading.Thread(target=by_telephone), threading.Thread(target=by_hand)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(won) == turn + 1
        with storage.transaction(sessions) as session:
            taken_by = session.get_one(Ticket, ticket_id).taken_by
            assert taken_by == (1 if won[-1] == "telephone" else 2)
            ring_attempts.end(session.get_one(RingAttempt, offer_id), "over", world.clock())


def test_many_operators_reach_for_one_call_and_one_has_it(engine: Engine) -> None:
    sessions = storage.open_sessions(engine)
    world = World.build(sessions, MovingClock())
    calls = calls_of(world)
    ask_for_operator(calls)
    with storage.transaction(sessions) as session:
        people = list(session.scalars(select(StaffRow.id)))
    got: list[int] = []
    start = threading.Barrier(len(people))

    def reach(person: int) -> None:
        start.wait()
        with storage.transaction(sessions) as session:
            if tickets.take(session, 1, person, world.clock()):
                got.append(person)

    threads = [threading.Thread(target=reach, args=(person,)) for person in people]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1
    with storage.transaction(sessions) as session:
        assert session.scalar(select(Ticket.taken_by)) == got[0]
        assert session.scalar(select(func.count()).select_from(Ticket)) == 1
