"""A line on a pretended exchange, three operators with desk telephones, and callers who ask for them. Time jumps."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

from sqlalchemy import select

from app import create_app
from callflows.prompts import load_prompts
from clock import SHANGHAI
from ivr.asterisk.browser_telephones import browser_endpoint
from ivr.asterisk.exchange import Exchange
from ivr.asterisk.rest import AsteriskCarrier
from ivr.asterisk.roles import INTERPRETERS, roles
from ivr.operators import presence
from ivr.operators.models import Callback, Device, RingAttempt, Ticket
from ivr.services import services
from orders.staff.models import StaffRow
from settings import Settings
from storage import read_only, transaction
from tests.support.jumping_loop import AtOnce, JumpingLoop, until
from tests.support.plain_voice import PlainVoice
from tests.support.pretended_exchange import PretendedAri, PretendedExchange
from tests.support.pretended_media import MUSIC, spoken

BEGINS = datetime(2026, 11, 23, 9, 0, tzinfo=SHANGHAI)
LINE, SHOP = "+8637255550000", "+8613800000012"
LI, WANG, LEADER = 1, 2, 3
EXTENSIONS = {LI: "8001", WANG: "8002", LEADER: "8003"}
PROMPTS = load_prompts()


class Office:
    """The line and its operators, whose telephones all answer; `operator_numbers` are the line's fixed ones. What is
    awaited returns once it has come to it; calls are named by their channels."""

    def __init__(self, database_url: str, operator_numbers: tuple[str, ...] = ()) -> None:
        self.loop = JumpingLoop()
        self.exchange = PretendedExchange({f"PJSIP/{extension}": "answers" for extension in EXTENSIONS.values()})
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

    @asynccontextmanager
    async def talking(self) -> AsyncIterator[tuple[str, str]]:
        """A line process leads the exchange while the block runs; a caller and the first operator talk."""
        self.set_ready(LI)
        async with self.led():
            caller = await self.waits()
            operator = await self.takes_call()
            await self.talk(caller, operator)
            yield caller, operator

    # --- operators

    def set_ready(self, *staff: int, device: Device = "phone") -> None:
        with transaction(self.services.sessions) as session:
            for number in staff:
                presence.set_ready(session, number, device, self.clock())

    def check_in_paused(self, staff: int) -> None:
        """An operator is present, and not rung."""
        with transaction(self.services.sessions) as session:
            presence.check_in(session, staff, self.clock())

    @property
    def browser(self) -> str:
        """The endpoint of the first operator's telephone in the browser."""
        return f"PJSIP/{browser_endpoint('staff-1', self.services.settings.secret_key)}"

    async def answers(self, kind: str, whisper: str) -> str:
        """A telephone that the line calls for this purpose answers, and hears this."""
        await until(lambda: self.exchange.of(kind), f"a call to a telephone: {kind}")
        (channel,) = self.exchange.of(kind)
        await self.hears(channel, whisper)
        return channel

    async def takes_call(self) -> str:
        """The operator whose telephone rings answers, hears who calls, and presses 1."""
        operator = await self.answers("operator", "operator.accept")
        self.exchange.press(operator, "1")
        return operator

    async def whispers(self, caller: str) -> str:
        """The leader is called to whisper into the caller's talk, and presses 1."""
        assert self.line.operators.whispering.begin(caller, LEADER) is None
        leader = await self.answers("coach", "operator.coach")
        self.exchange.press(leader, "1")
        return leader

    async def calls_back(self) -> str:
        """The first operator is called for the callback, and presses 1."""
        assert self.line.operators.callback_calls.dial_operator(self.callback().id, LI)
        await until(lambda: self.exchange.of("callback"), "the operator's call")
        (operator,) = self.exchange.of("callback")
        await until(lambda: self.exchange.said_to(operator), "the whisper")
        self.exchange.press(operator, "1")
        return operator

    # --- callers

    async def calls(self) -> str:
        """A caller who is greeted."""
        caller = self.exchange.call_in(SHOP, LINE)
        await until(lambda: self.exchange.said_to(caller), "a greeting")
        return caller

    async def waits(self) -> str:
        """A caller who asks for an operator and waits."""
        caller = await self.calls()
        self.exchange.press(caller, "0")
        await until(lambda: self.ticket().state == "waiting", "a ticket")
        return caller

    async def asks_to_be_called_back(self) -> None:
        """A caller asks for an operator while none is there, and then to be called back."""
        caller = await self.calls()
        self.exchange.press(caller, "0")
        await self.hears(caller, "queue.no_operator")
        self.exchange.press(caller, "1")
        await self.is_quiet()

    # --- what is heard

    async def hears(self, channel: str, name: str) -> None:
        """The prompt of this name is said to the channel."""
        await until(lambda: PROMPTS.text(name) in self.exchange.said_to(channel), f"{name} to {channel}")

    async def hears_music(self, channel: str) -> None:
        await until(lambda: self.exchange.said_to(channel)[-1:] == [MUSIC], f"music to {channel}")

    async def talk(self, one: str, other: str) -> None:
        """The two hear each other, and nobody else."""
        await until(lambda: self.exchange.hear_each_other(one, other), f"the talk of {one} with {other}")

    async def is_quiet(self) -> None:
        """All calls are over."""
        await until(lambda: not self.exchange.channels, "the end of all calls")

    # --- what is recorded

    def ticket(self) -> Ticket:
        with read_only(self.services.sessions) as session:
            return session.scalars(select(Ticket).order_by(Ticket.id.desc())).first() or Ticket()

    def callback(self) -> Callback:
        with read_only(self.services.sessions) as session:
            return session.scalars(select(Callback)).one()

    def attempts(self) -> list[tuple[int | None, str]]:
        """The ring attempts in order: operator and outcome."""
        with read_only(self.services.sessions) as session:
            rows = session.scalars(select(RingAttempt).order_by(RingAttempt.id))
            return [(row.staff_id, row.state) for row in rows]
