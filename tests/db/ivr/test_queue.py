"""Waiting for an operator: queue position and expected wait, announced when they change; or a callback instead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy.orm import Session

from callflows.prompts import load_prompts
from callflows.replies import Transfer
from ivr.models import Call
from ivr.operators import presence, queue_position, ring_attempts, tickets
from ivr.operators.models import Ticket
from ivr.operators.operator_prompts import OperatorPrompts
from ivr.operators.queue_position import QueuePosition
from orders.demo.demo_staff import seed_demo_staff
from orders.retailers.caller_numbers import WITHHELD
from simulator.account import CalledParty
from speech.sound.audio import read_wav
from storage import SessionFactory
from tests.support.carrier_client import Telephone
from tests.support.desk_world import MAIN, MovingClock, World
from tests.support.line_world import LineWorld
from tests.support.operators import (
    LI,
    OTHER_PHONE,
    PHONES,
    SHOP_PHONE,
    WANG,
    OperatorsFixture,
    answering_party,
    served_operators,
    wait_until,
)

WORDS = OperatorPrompts(load_prompts())


@pytest.fixture
def switchboard(world: World, database_url: str) -> Iterator[OperatorsFixture]:
    with served_operators(world, database_url) as switchboard:
        yield switchboard


def handled(session: Session, clock: MovingClock, minutes: int, count: int = 3) -> None:
    """Add closed tickets: `count` calls that took an operator `minutes` each."""
    for number in range(count):
        call_key = f"CAdone{minutes}-{number}"
        session.add(
            Call(
                call_key=call_key, caller=SHOP_PHONE, called=MAIN, started_at=clock(), turn_number=1, state={}, reply={}
            )
        )
        session.flush()
        ended = clock() - timedelta(minutes=1)
        session.add(
            Ticket(
                call_key=call_key,
                reason="asked",
                state="finished",
                opened_at=ended - timedelta(minutes=minutes + 1),
                taken_at=ended - timedelta(minutes=minutes),
                closed_at=ended,
            )
        )
    session.flush()


def test_how_long_it_takes_comes_from_the_latest_calls_and_who_takes_calls(world: World) -> None:
    with world.session() as session:
        handled(session, world.clock, 6)
        assert queue_position.expected_minutes(session, 1, 1, world.clock()) == 6
        assert queue_position.expected_minutes(session, 1, 2, world.clock()) == 3
        assert queue_position.expected_minutes(session, 4, 3, world.clock()) == 8


def test_how_long_it_takes_is_not_made_up(world: World) -> None:
    with world.session() as session:
        handled(session, world.clock, 6, count=2)
        assert queue_position.expected_minutes(session, 1, 1, world.clock()) is None
        handled(session, world.clock, 5, count=1)
        assert queue_position.expected_minutes(session, 1, 0, world.clock()) is None
        world.clock.move(hours=5)
        assert queue_position.expected_minutes(session, 1, 1, world.clock()) is None


def test_a_caller_hears_the_place_the_wait_and_what_else_may_be_done() -> None:
    assert WORDS.announcement(QueuePosition("waiting", place=1)) == (
        "正在为您接通订货员，请您不要挂机。",
        "回到自动订货，请按星号键。",
    )
    assert WORDS.announcement(QueuePosition("waiting", place=3, minutes=12, can_call_back=True, long_wait=True)) == (
        "您前面还有两位，请您不要挂机。",
        "预计要等十二分钟。",
        "不想等，请按一，我们稍后打给您。",
        "回到自动订货，请按星号键。",
    )


class TestPosts:
    """The queue's routes, as the carrier requests them."""

    @pytest.fixture
    def line(self, sessions: SessionFactory) -> LineWorld:
        line = LineWorld(sessions)
        line.conversation.then = Transfer("asked")
        return line

    @pytest.fixture
    def phone(self, line: LineWorld) -> Telephone:
        return line.telephone()

    def set_operator_ready(self, line: LineWorld) -> None:
        with line.sessions() as session, session.begin():
            seed_demo_staff(session, line.now)
            presence.set_ready(session, LI, "browser", line.now)

    def test_every_caller_waits_in_a_queue_of_their_own(self, phone: Telephone) -> None:
        answer = phone.dial()
        assert answer.verbs == ["Say", "Enqueue"]
        assert answer.xml.findtext("Enqueue") == phone.sid

    def test_news_are_told_once_and_again_only_as_they_change(self, line: LineWorld, phone: Telephone) -> None:
        self.set_operator_ready(line)
        first = phone.request(phone.dial().attributes("Enqueue")["waitUrl"])
        assert first.said[0] == "正在为您接通订货员，请您不要挂机。"
        quiet = phone.request(first.redirect)
        assert quiet.said == []
        assert [verb.tag for verb in quiet.xml.iter("Play")] == ["Play"]
        line.now += timedelta(minutes=3)
        with line.sessions() as session, session.begin():
            presence.check_in(session, LI, line.now)
        assert "不想等，请按一，我们稍后打给您。" in phone.request(quiet.redirect).said

    def test_what_is_no_news_is_said_again_after_a_while(self, line: LineWorld, phone: Telephone) -> None:
        self.set_operator_ready(line)
        answer = phone.request(phone.dial().attributes("Enqueue")["waitUrl"])
        rounds = 0
        while not (answer := phone.request(answer.redirect)).said:
            rounds += 1
        assert rounds == 3

    def test_without_an_operator_present_the_caller_hears_so_and_does_not_wait(self, phone: Telephone) -> None:
        queue = phone.dial().attributes("Enqueue")
        assert phone.request(queue["waitUrl"]).verbs == ["Leave"]
        answer = phone.request(queue["action"], QueueResult="leave")
        assert answer.said == [
            "对不起，现在没有订货员值班。",
            "要订货员上班以后打给您，请按一。",
            "回到自动订货，请按星号键。",
        ]
        for _ in range(2):
            answer = phone.request(answer.redirect)
        assert phone.request(answer.redirect).verbs == ["Say", "Hangup"]

    @pytest.mark.parametrize("shown", ["anonymous", "+266696687", "+7378742833", "+86282452253", "+10000000000"])
    def test_who_hides_their_number_is_not_offered_to_be_called(
        self, line: LineWorld, phone: Telephone, shown: str
    ) -> None:
        queue = phone.request("/voice/incoming", From=shown).attributes("Enqueue")
        with line.sessions() as session:
            assert session.get_one(Call, phone.sid).caller == WITHHELD
        answer = phone.request(queue["action"], QueueResult="leave")
        assert not any("打给您" in said for said in answer.said)
        # Pressing 1 nevertheless has no other effect.
        assert phone.request(answer.action, Digits="1").said[0] == "对不起，现在没有订货员值班。"

    def test_a_post_in_trouble_leaves_the_caller_in_the_queue(
        self, line: LineWorld, phone: Telephone, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        queue = phone.dial().attributes("Enqueue")
        monkeypatch.setattr(line.operators.queue, "_sessions", lambda: 1 / 0)
        answer = phone.request(queue["waitUrl"])
        assert answer.verbs == ["Gather", "Redirect"]
        assert answer.redirect.startswith(f"{phone.base}/voice/waiting")

    def test_a_hold_the_carrier_refuses_can_be_tried_again(self, line: LineWorld, phone: Telephone) -> None:
        self.set_operator_ready(line)
        phone.dial()
        with line.sessions() as session, session.begin():
            ticket = tickets.of_call(session, phone.sid)
            assert ticket is not None
            attempt = ring_attempts.open_attempt(session, ticket, LI, "browser:staff-1", line.now)
            assert attempt is not None
            assert ring_attempts.accept(session, attempt, line.now)
            ticket_id = ticket.id
        dispatcher = line.operators.dispatcher
        line.carrier.refuses = True
        assert not dispatcher.put_on_hold(ticket_id)
        assert line.operators.queue.position(phone.sid).state == "connecting"
        line.carrier.refuses = False
        assert dispatcher.put_on_hold(ticket_id)
        assert line.carrier.redirected == [(phone.sid, "hold")]
        assert not dispatcher.put_on_hold(ticket_id)

    def test_what_is_told_of_a_caller_who_is_elsewhere_changes_nothing(self, line: LineWorld, phone: Telephone) -> None:
        self.set_operator_ready(line)
        queue = phone.dial().attributes("Enqueue")
        phone.request(queue["waitUrl"])
        for result in ("hangup", "redirected", "redirected-from-bridged"):
            assert phone.request(queue["action"], QueueResult=result).verbs == []
        with line.sessions() as session:
            ticket = tickets.of_call(session, phone.sid)
            assert ticket is not None
            assert ticket.queued_at is not None


def test_callers_wait_by_music_that_is_a_telephones_sound(switchboard: OperatorsFixture) -> None:
    answer = switchboard.app.test_client().get("/sounds/waiting.wav")
    samples = read_wav(answer.data, 8_000)
    assert len(samples) == 12 * 8_000
    assert 2_000 < abs(samples.astype(int)).max() < 20_000


def test_one_in_the_queue_asks_to_be_called_back_and_the_desk_sees_it(switchboard: OperatorsFixture) -> None:
    switchboard.check_in_paused(LI)
    caller = switchboard.caller()
    caller.press_when_said("请按一", "1")
    caller.press_when_said("井号", "0")
    caller.press_when_said("不想等，请按一", "1")
    caller.wait_until_said("好的，订货员会打您来电的这个号码。")
    caller.call.join(20)
    [wish] = switchboard.callbacks()
    assert (wish.phone, wish.reason, wish.state) == (SHOP_PHONE, "asked", "open")
    assert wish.customer_code
    assert switchboard.ticket().state == "callback"
    desk = switchboard.visitor("operator")
    assert SHOP_PHONE in desk.get("/desk").get_data(as_text=True)
    assert desk.post(f"/desk/callbacks/{wish.id}/attempted").status_code == 204
    assert "打过1次未接通：李晓燕" in desk.get("/desk").get_data(as_text=True)
    assert desk.post(f"/desk/callbacks/{wish.id}/reached").status_code == 204
    assert "已打通：李晓燕" in desk.get("/desk").get_data(as_text=True)
    assert desk.post(f"/desk/callbacks/{wish.id}/reached").status_code == 409


@pytest.mark.parametrize(("outcome", "state"), [("answered", "reached"), ("no-answer", "attempted")])
def test_the_desk_rings_back_the_operator_first_and_then_the_number_that_called(
    switchboard: OperatorsFixture, outcome: str, state: str
) -> None:
    caller = switchboard.caller(OTHER_PHONE)
    caller.press_when_said("客户代码", "0")
    caller.press_when_said("请按一", "1")
    caller.call.join(20)
    switchboard.check_in_paused(LI)
    switchboard.account.parties |= {
        PHONES[LI]: answering_party("1"),
        OTHER_PHONE: CalledParty(outcome, after_ms=500, talks_ms=2_000),
    }
    desk = switchboard.visitor("operator")
    assert "打回去" in desk.get("/desk").get_data(as_text=True)
    assert desk.post("/desk/callbacks/1/dial").status_code == 204
    wait_until(lambda: switchboard.callbacks()[0].state == state, f"the wish to be {state}")
    assert switchboard.callbacks()[0].handled_by == LI
    if state == "reached":
        assert desk.post("/desk/callbacks/1/dial").status_code == 409


def test_without_an_operator_present_a_callback_can_be_requested(switchboard: OperatorsFixture) -> None:
    caller = switchboard.caller()
    caller.press_when_said("请按一", "0")
    caller.press_when_said("打给您，请按一", "1")
    caller.wait_until_said("谢谢您的合作，再见。")
    caller.call.join(20)
    assert len(switchboard.callbacks()) == 1


def test_the_star_leads_back_to_the_automatic_line(switchboard: OperatorsFixture) -> None:
    switchboard.check_in_paused(LI)
    caller = switchboard.caller()
    caller.press_when_said("请按一", "0")
    caller.press_when_said("回到自动订货", "*")
    switchboard.wait_for_ticket_state("returned")
    assert switchboard.ticket().state == "returned"
    assert not caller.call.ended


def test_an_operator_who_checks_in_gets_a_caller_who_heard_that_none_is_present(switchboard: OperatorsFixture) -> None:
    caller = switchboard.caller()
    caller.press_when_said("请按一", "0")
    wait_until(lambda: any("现在没有订货员值班" in said for said in caller.heard), "the news that nobody is on duty")
    switchboard.check_in_paused(WANG)
    caller.wait_until_said("正在为您接通订货员")


def test_a_free_operator_is_who_is_ready_and_has_no_call(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI)
    switchboard.check_in_paused(WANG)
    with switchboard.world.session() as session:
        assert [one.staff_id for one in presence.available_operators(session, (), switchboard.world.clock())] == [LI]
        assert presence.count_operators(session, (), switchboard.world.clock()) == (2, 1)
    switchboard.world.clock.move(minutes=2)
    with switchboard.world.session() as session:
        # An operator whose desk is closed is not dialled.
        assert presence.available_operators(session, (), switchboard.world.clock()) == []
        assert presence.count_operators(session, (), switchboard.world.clock()) == (0, 0)


def test_who_comes_back_the_next_day_is_not_ready_before_they_say_so(switchboard: OperatorsFixture) -> None:
    switchboard.set_ready(LI)
    switchboard.world.clock.move(hours=14)
    switchboard.check_in_paused(LI)
    assert not switchboard.presence(LI).ready
