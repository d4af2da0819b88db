"""Operators on an exchange of one's own: callers wait, operators are rung, and the two talk, whatever happens to the
process that leads the calls. The exchange is pretended; the rest is the line's own."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import OperationalError

from app import create_app
from callflows.prompts import load_prompts
from clock import SHANGHAI
from ivr.asterisk.browser_telephones import browser_endpoint
from ivr.asterisk.channels import talk_bridge
from ivr.asterisk.exchange import Exchange
from ivr.asterisk.rest import AsteriskCarrier
from ivr.asterisk.roles import INTERPRETERS, roles
from ivr.call_sound.forks import SoundForks
from ivr.carrier import OPERATOR_RING_S, CarrierError, browser_address
from ivr.operators import presence
from ivr.operators.models import Callback, RingAttempt, Ticket
from ivr.operators.ringing import RingDispatcher
from ivr.services import services
from ivr.turns.calls import Calls
from orders.staff.models import StaffRow
from settings import Settings
from storage import read_only, transaction
from tests.support.jumping_loop import AtOnce, JumpingLoop, play, until
from tests.support.plain_voice import PlainVoice
from tests.support.pretended_exchange import PretendedAri, PretendedExchange
from tests.support.pretended_media import MUSIC, spoken

BEGINS = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)
LINE, SHOP = "+8637255550000", "+8613800000012"
LI, WANG, LEADER = 1, 2, 3
EXTENSIONS = {LI: "8001", WANG: "8002", LEADER: "8003"}
PROMPTS = load_prompts()


class Office:
    """The line on a pretended exchange, with three operators who have desk telephones."""

    def __init__(self, database_url: str, operator_numbers: tuple[str, ...] = ()) -> None:
        self.loop = JumpingLoop()
        self.exchange = PretendedExchange()
        settings = Settings(
            carrier="asterisk",
            demo=True,
            listen_mode="keypad",
            database_url=database_url,
            operator_numbers=operator_numbers,
        )
        self.services = services(create_app(settings, clock=self.clock))
        self.line = self.services.line
        with transaction(self.services.sessions) as session:
            for number, extension in EXTENSIONS.items():
                session.add(
                    StaffRow(
                        id=number,
                        login=f"operator{number}",
                        name=f"operator {number}",
                        role="leader" if number == LEADER else "operator",
                        phone=extension,
                        password_hash="",
                        active=True,
                        created_at=self.clock(),
                    )
                )

    def clock(self) -> datetime:
        return BEGINS + timedelta(seconds=self.loop.time())

    def plays(self, story: Coroutine[Any, Any, None]) -> None:
        play(self.loop, story)

    @asynccontextmanager
    async def led(self) -> AsyncIterator[None]:
        """A line process leads the exchange while the block runs, and is killed then."""
        leading = Exchange(
            PretendedAri(self.exchange),
            self.line,
            PlainVoice(spoken),
            roles(self.line),
            INTERPRETERS,
            AtOnce(),
            AtOnce(),
            AtOnce(),
        )
        assert isinstance(self.line.carrier, AsteriskCarrier)
        self.line.carrier.redirect_here = leading.redirect
        task = asyncio.create_task(leading.lead())
        await until(lambda: self.exchange.is_led, "a leader")
        try:
            yield
        finally:
            self.exchange.lose_sockets()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def set_ready(self, *staff: int) -> None:
        with transaction(self.services.sessions) as session:
            for number in staff:
                presence.set_ready(session, number, "phone", self.clock())

    @property
    def browser(self) -> str:
        """The endpoint of the first operator's telephone in the browser."""
        return f"PJSIP/{browser_endpoint('staff-1', self.services.settings.secret_key)}"

    def check_in_paused(self, staff: int) -> None:
        """An operator is present, and not rung."""
        with transaction(self.services.sessions) as session:
            presence.check_in(session, staff, self.clock())

    def ticket(self) -> Ticket:
        with read_only(self.services.sessions) as session:
            return session.scalars(select(Ticket).order_by(Ticket.id.desc())).first() or Ticket()

    def callback(self) -> Callback:
        with read_only(self.services.sessions) as session:
            return session.scalars(select(Callback)).one()

    def attempts(self) -> list[tuple[int | None, str]]:
        with read_only(self.services.sessions) as session:
            rows = session.scalars(select(RingAttempt).order_by(RingAttempt.id))
            return [(row.staff_id, row.state) for row in rows]

    async def waits(self) -> str:
        """A caller who has asked for an operator; their channel."""
        caller = self.exchange.call_in(SHOP, LINE)
        await until(lambda: self.exchange.said_to(caller), "a greeting")
        self.exchange.press(caller, "0")
        await until(lambda: self.ticket().state == "waiting", "a ticket")
        return caller

    async def takes_call(self) -> str:
        """The operator whose telephone rings answers, hears who calls, and presses 1; the operator's channel."""
        await until(lambda: self.exchange.of("operator"), "an operator's call")
        (operator,) = self.exchange.of("operator")
        await until(lambda: prompt("operator.accept") in self.exchange.said_to(operator), "the whisper")
        self.exchange.press(operator, "1")
        return operator

    async def talk(self) -> tuple[str, str]:
        """A caller and an operator who talk."""
        caller = await self.waits()
        operator = await self.takes_call()
        await until(lambda: self.exchange.hear_each_other(caller, operator), "the talk")
        return caller, operator

    async def says_to(self, channel: str, name: str) -> None:
        await until(lambda: prompt(name) in self.exchange.said_to(channel), f"{name} to {channel}")


def prompt(name: str) -> str:
    return PROMPTS.text(name)


@pytest.fixture
def office(demo_url: str, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Office:
    """The office; its fixed operator numbers are those a test is parametrised with."""
    office = Office(demo_url, getattr(request, "param", ()))
    office.exchange.telephones = {f"PJSIP/{extension}": "answers" for extension in EXTENSIONS.values()}
    office.exchange.answer_requests(monkeypatch)
    # What threads do for the line is done at once: time does not pass for them here.
    monkeypatch.setattr(RingDispatcher, "dispatch", RingDispatcher.dispatch_now)
    monkeypatch.setattr(SoundForks, "record_talk", lambda _forks, _call: None)
    return office


def test_an_operator_is_rung_for_a_caller_who_hears_music_and_then_the_operator(office: Office) -> None:
    async def story() -> None:
        office.check_in_paused(WANG)
        async with office.led():
            caller = await office.waits()
            await until(lambda: MUSIC in office.exchange.said_to(caller), "music")
            office.set_ready(LI)
            operator = await office.takes_call()
            await until(lambda: office.exchange.hear_each_other(caller, operator), "the talk")
            assert office.exchange.dialled == ["PJSIP/8001"]
            assert (office.ticket().state, office.attempts()) == ("taken", [(LI, "accepted")])
            office.exchange.destroy(operator)
            await office.says_to(caller, "queue.operator_gone")
            assert office.attempts() == [(LI, "over")]
            office.exchange.destroy(caller)
            await until(lambda: not office.exchange.channels and not office.exchange.bridges, "the end of everything")

    office.plays(story())


def test_an_operator_whose_caller_hangs_up_is_told_and_hung_up_on(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller, operator = await office.talk()
            office.exchange.destroy(caller)
            await office.says_to(operator, "operator.call_over")
            await until(lambda: not office.exchange.channels, "the end of the operator's call")

    office.plays(story())


def test_an_operator_who_is_busy_absent_or_unreachable_leads_to_the_next_one(office: Office) -> None:
    office.exchange.telephones = {"PJSIP/8001": "busy", "PJSIP/8003": "rings"}

    async def story() -> None:
        office.set_ready(LI, WANG, LEADER)
        async with office.led():
            await office.waits()
            await until(lambda: len(office.exchange.dialled) == 3, "all to be rung")
            rang = office.loop.time()
            await until(lambda: office.attempts()[2][1] != "ringing", "the end of ringing")
            assert office.loop.time() - rang == pytest.approx(OPERATOR_RING_S, abs=1)
            assert office.attempts() == [(LI, "declined"), (WANG, "failed"), (LEADER, "unanswered")]

    office.plays(story())


def test_a_telephone_stops_ringing_when_the_caller_hangs_up(office: Office) -> None:
    office.exchange.telephones = {"PJSIP/8001": "rings"}

    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller = await office.waits()
            await until(lambda: office.exchange.of("operator"), "an operator's call")
            office.exchange.destroy(caller)
            await until(lambda: not office.exchange.channels, "the end of ringing")
            assert (office.ticket().state, office.attempts()) == ("abandoned", [(LI, "cancelled")])

    office.plays(story())


def test_a_machine_that_answers_for_an_operator_does_not_get_the_caller(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller = await office.waits()
            await until(lambda: office.attempts() == [(LI, "unanswered")], "the end of the operator's call")
            assert office.exchange.of("operator") == []
            assert office.ticket().state == "waiting"
            assert office.exchange.said_to(caller)[-1] == MUSIC

    office.plays(story())


def test_of_two_who_reach_for_a_caller_one_gets_them(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller = await office.waits()
            await until(lambda: office.exchange.of("operator"), "an operator's call")
            (first,) = office.exchange.of("operator")
            await office.says_to(first, "operator.accept")
            # The one presses 1, and before that is known the other one has the caller.
            office.exchange.press(first, "1")
            assert office.line.take_over.take_over(caller, WANG) is None
            second = await office.takes_call()
            await until(lambda: office.exchange.hear_each_other(caller, second), "the talk")
            assert first not in office.exchange.channels
            assert office.attempts() == [(LI, "cancelled"), (WANG, "accepted")]

    office.plays(story())


def test_a_caller_is_put_on_hold_and_taken_back(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller, operator = await office.talk()
            dispatcher, ticket = office.line.operators.dispatcher, office.ticket().id
            assert dispatcher.put_on_hold(ticket)
            await office.says_to(caller, "queue.hold")
            await office.says_to(operator, "operator.caller_on_hold")
            await until(lambda: office.exchange.said_to(caller)[-1] == MUSIC, "music")
            assert not office.exchange.hear_each_other(caller, operator)
            # A minute on hold changes nothing.
            await asyncio.sleep(60)
            assert dispatcher.take_off_hold(ticket)
            await until(lambda: office.exchange.hear_each_other(caller, operator), "the talk")
            assert dispatcher.put_on_hold(ticket)
            await until(lambda: not office.exchange.hear_each_other(caller, operator), "the end of the talk")
            await asyncio.sleep(5)
            office.exchange.press(operator, "1")
            await until(lambda: office.exchange.hear_each_other(caller, operator), "the talk")

    office.plays(story())


def test_a_caller_leaves_the_queue_by_a_key(office: Office) -> None:
    async def story() -> None:
        async with office.led():
            office.check_in_paused(WANG)
            caller = await office.waits()
            await until(lambda: MUSIC in office.exchange.said_to(caller), "music")
            office.exchange.press(caller, "*")
            await until(lambda: office.ticket().state == "returned", "the way back")
            said = len(office.exchange.said_to(caller))
            await until(lambda: len(office.exchange.said_to(caller)) > said, "the line's next words")
            assert office.exchange.said_to(caller)[-1] != MUSIC

    office.plays(story())


def test_a_call_is_taken_over_from_an_operator(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller, first = await office.talk()
            assert office.line.take_over.take_over(caller, LEADER) is None
            await office.says_to(first, "operator.call_over")
            await until(lambda: first not in office.exchange.channels, "the end of the first talk")
            second = await office.takes_call()
            await until(lambda: office.exchange.hear_each_other(caller, second), "the second talk")
            assert office.attempts() == [(LI, "over"), (LEADER, "accepted")]

    office.plays(story())


def test_a_leader_hears_both_and_is_heard_by_the_operator(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller, operator = await office.talk()
            assert office.line.operators.whispering.begin(caller, LEADER) is None
            await until(lambda: office.exchange.of("coach"), "the leader's call")
            (leader,) = office.exchange.of("coach")
            await office.says_to(leader, "operator.coach")
            office.exchange.press(leader, "1")
            await until(lambda: office.exchange.snooped, "the way to the operator's ear")
            ((spied_on, how),) = office.exchange.snooped
            assert (spied_on, how["spy"], how["whisper"]) == (operator, "both", "out")
            (ear,) = office.exchange.of("whisper")
            await until(lambda: office.exchange.hear_each_other(leader, ear), "the leader in the talk")
            # The two have talked on all the time.
            assert office.exchange.hear_each_other(caller, operator)
            office.exchange.destroy(caller)
            await until(lambda: not office.exchange.channels, "the end of all three calls")

    office.plays(story())


def test_a_leader_who_hangs_up_leaves_the_talk_as_it_is(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller, operator = await office.talk()
            assert office.line.operators.whispering.begin(caller, LEADER) is None
            await until(lambda: office.exchange.of("coach"), "the leader's call")
            (leader,) = office.exchange.of("coach")
            await office.says_to(leader, "operator.coach")
            office.exchange.press(leader, "1")
            await until(lambda: office.exchange.of("whisper"), "the way to the operator's ear")
            office.exchange.destroy(leader)
            await until(lambda: not office.exchange.of("whisper"), "the end of the way to the operator's ear")
            await asyncio.sleep(10)
            assert office.exchange.hear_each_other(caller, operator)
            # And may come back.
            assert office.line.operators.whispering.begin(caller, LEADER) is None

    office.plays(story())


def test_a_caller_is_called_back_from_the_operators_telephone(office: Office) -> None:
    office.exchange.telephones[f"PJSIP/{SHOP}@trunk"] = "answers"

    async def story() -> None:
        async with office.led():
            caller = office.exchange.call_in(SHOP, LINE)
            await until(lambda: office.exchange.said_to(caller), "a greeting")
            office.exchange.press(caller, "0")
            await office.says_to(caller, "queue.no_operator")
            office.exchange.press(caller, "1")
            await until(lambda: not office.exchange.channels, "the end of the call")
            assert office.line.operators.callback_calls.dial_operator(office.callback().id, LI)
            await until(lambda: office.exchange.of("callback"), "the operator's call")
            (operator,) = office.exchange.of("callback")
            await until(lambda: office.exchange.said_to(operator), "the whisper")
            office.exchange.press(operator, "1")
            await until(lambda: office.exchange.of("dialled"), "the call to the caller")
            (called_back,) = office.exchange.of("dialled")
            await until(lambda: office.exchange.hear_each_other(operator, called_back), "the talk")
            assert office.callback().state == "reached"
            office.exchange.destroy(called_back)
            await office.says_to(operator, "operator.call_over")
            await until(lambda: not office.exchange.channels, "the end of the operator's call")

    office.plays(story())


def test_a_caller_who_is_not_reached_is_still_to_be_called_back(office: Office) -> None:
    office.exchange.telephones[f"PJSIP/{SHOP}@trunk"] = "rings"

    async def story() -> None:
        async with office.led():
            caller = office.exchange.call_in(SHOP, LINE)
            await until(lambda: office.exchange.said_to(caller), "a greeting")
            office.exchange.press(caller, "0")
            await office.says_to(caller, "queue.no_operator")
            office.exchange.press(caller, "1")
            await until(lambda: not office.exchange.channels, "the end of the call")
            assert office.line.operators.callback_calls.dial_operator(office.callback().id, LI)
            await until(lambda: office.exchange.of("callback"), "the operator's call")
            (operator,) = office.exchange.of("callback")
            await until(lambda: office.exchange.said_to(operator), "the whisper")
            office.exchange.press(operator, "1")
            await office.says_to(operator, "operator.not_reached")
            await until(lambda: not office.exchange.channels, "the end of the operator's call")
            assert office.callback().state == "attempted"

    office.plays(story())


@pytest.mark.parametrize("office", [("8001", "8002")], indirect=True)
def test_a_caller_whom_the_database_cannot_serve_is_connected_to_a_fixed_number(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object) -> None:
        raise OperationalError("", {}, Exception("the database is away"))

    async def story() -> None:
        async with office.led():
            monkeypatch.setattr(Calls, "begin", fails)
            caller = office.exchange.call_in(SHOP, LINE)
            await until(lambda: office.exchange.of("direct"), "the first operator's call")
            (first,) = office.exchange.of("direct")
            await office.says_to(first, "operator.accept")
            # The first one does not want to: the next one is rung.
            office.exchange.press(first, "3")
            await until(lambda: office.exchange.of("direct") not in ([], [first]), "the next operator's call")
            (second,) = office.exchange.of("direct")
            await office.says_to(second, "operator.accept")
            office.exchange.press(second, "1")
            await until(lambda: office.exchange.hear_each_other(caller, second), "the talk")
            assert sorted(office.exchange.dialled) == ["PJSIP/8001", "PJSIP/8002"]
            office.exchange.destroy(caller)
            await until(lambda: not office.exchange.channels, "the end of both calls")

    office.plays(story())


def test_a_talk_goes_on_when_the_process_is_killed_and_its_end_is_noticed_by_the_next(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller, operator = await office.talk()
        assert office.exchange.hear_each_other(caller, operator)
        async with office.led():
            await asyncio.sleep(5)
            assert office.exchange.hear_each_other(caller, operator)
            assert office.line.operators.dispatcher.put_on_hold(office.ticket().id)
            await office.says_to(caller, "queue.hold")
            office.exchange.press(operator, "1")
            await until(lambda: office.exchange.hear_each_other(caller, operator), "the talk")
            office.exchange.destroy(operator)
            await office.says_to(caller, "queue.operator_gone")

    office.plays(story())


def test_an_operator_who_hung_up_while_no_process_led_is_missed_by_the_next(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller, operator = await office.talk()
        office.exchange.destroy(operator)
        async with office.led():
            await office.says_to(caller, "queue.operator_gone")
            assert office.attempts() == [(LI, "over")]

    office.plays(story())


@pytest.mark.parametrize("moment", ["music", "ringing", "whisper", "hold"])
def test_a_process_killed_at_any_moment_loses_nobody(office: Office, moment: str) -> None:
    async def story() -> None:
        office.check_in_paused(WANG)
        if moment != "music":
            office.set_ready(LI)
        async with office.led():
            caller = await office.waits()
            if moment == "music":
                await until(lambda: MUSIC in office.exchange.said_to(caller), "music")
            else:
                await until(lambda: office.exchange.of("operator"), "an operator's call")
            if moment == "whisper":
                await office.says_to(office.exchange.of("operator")[0], "operator.accept")
            if moment == "hold":
                operator = await office.takes_call()
                await until(lambda: office.exchange.hear_each_other(caller, operator), "the talk")
                assert office.line.operators.dispatcher.put_on_hold(office.ticket().id)
                await office.says_to(operator, "operator.caller_on_hold")
        async with office.led():
            office.set_ready(LI)
            if moment == "hold":
                await until(lambda: office.exchange.said_to(caller)[-1:] == [MUSIC], "music")
                assert office.line.operators.dispatcher.take_off_hold(office.ticket().id)
            else:
                operator = await office.takes_call()
            await until(lambda: office.exchange.hear_each_other(caller, operator), "the talk")
            assert [state for _, state in office.attempts()] == ["accepted"]

    office.plays(story())


def test_a_leader_whispers_on_after_the_process_was_killed(office: Office) -> None:
    async def story() -> None:
        office.set_ready(LI)
        async with office.led():
            caller, operator = await office.talk()
            assert office.line.operators.whispering.begin(caller, LEADER) is None
            await until(lambda: office.exchange.of("coach"), "the leader's call")
            (leader,) = office.exchange.of("coach")
            await office.says_to(leader, "operator.coach")
            office.exchange.press(leader, "1")
            await until(lambda: office.exchange.bridges.get(talk_bridge(leader), [])[1:], "the leader in the talk")
        async with office.led():
            await until(lambda: len(office.exchange.snooped) == 2, "the way to the operator's ear")
            await until(
                lambda: any(office.exchange.hear_each_other(leader, ear) for ear in office.exchange.of("whisper")),
                "the leader in the talk",
            )
            assert office.exchange.hear_each_other(caller, operator)

    office.plays(story())


def test_both_sides_of_a_call_are_listened_to_apart(office: Office) -> None:
    async def story() -> None:
        async with office.led():
            caller = office.exchange.call_in(SHOP, LINE)
            await until(lambda: office.exchange.said_to(caller), "a greeting")
            assert office.line.listening.begin(caller, LEADER)
            await until(lambda: len(office.exchange.spies(caller)) == 2, "both sides")
            callers, others = office.exchange.spies(caller)
            for _frame in range(100):
                callers.hear(b"c" * 160)
                others.hear(b"o" * 160)
                await asyncio.sleep(0.02)
            parts = office.line.listening.hear(caller, LEADER, 0) or ()
            assert set(b"".join(part.caller for part in parts)) <= set(b"c\xff")
            assert b"o" * 160 in b"".join(part.other for part in parts)
            office.line.listening.stop(caller, LEADER)
            office.exchange.destroy(caller)
            await until(lambda: not office.exchange.channels, "the end of listening")

    office.plays(story())


def test_desks_browsers_and_numbers_are_dialled_and_no_others(office: Office) -> None:
    office.exchange.telephones = dict.fromkeys(("PJSIP/8001", office.browser, "PJSIP/+8613700000001@trunk"), "rings")
    carrier = office.line.carrier

    async def story() -> None:
        for number, address in enumerate(("8001", browser_address("staff-1"), "+8613700000001")):
            assert carrier.dial_operator(address, LINE, number).startswith(f"hotline-operator-{number}-")
        assert office.exchange.dialled == list(office.exchange.telephones)
        for address in ("+8616800000", "+4420123456", "8001@elsewhere", "sip:8001", "trunk", ""):
            with pytest.raises(CarrierError, match="may not be dialled"):
                carrier.dial_operator(address, LINE, 9)
        with pytest.raises(CarrierError):
            carrier.dial_operator("8009", LINE, 9)

    office.plays(story())


def test_an_operator_in_the_browser_takes_the_call_by_answering(office: Office) -> None:
    office.exchange.telephones = {office.browser: "answers"}

    async def story() -> None:
        with transaction(office.services.sessions) as session:
            presence.set_ready(session, LI, "browser", office.clock())
        async with office.led():
            caller = await office.waits()
            await until(lambda: office.exchange.of("operator"), "an operator's call")
            (operator,) = office.exchange.of("operator")
            await until(lambda: office.exchange.hear_each_other(caller, operator), "the talk")

    office.plays(story())
