"""The line and its operators, served in this process: callers and operators have simulated telephones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import cache
from typing import Any

from sqlalchemy import select

from app import create_app
from ivr.operators import presence
from ivr.operators.models import Callback, Presence, RingAttempt, Ticket
from orders.demo.demo_staff import DEMO_PASSWORD, DEMO_STAFF
from orders.lockout import hash_secret
from orders.staff.models import StaffRow
from settings import Settings
from simulator.account import Account, CalledParty
from simulator.call import SimulatedCall
from simulator.events import Event, Said
from simulator.inbound_calls import IncomingNumber, dial_in, open_account
from simulator.pace import Pace
from simulator.rest_server import RestServer
from tests.support.console_client import Visitor
from tests.support.desk_world import MAIN, World
from tests.support.operator_callee import OperatorCallee
from tests.support.ports import free_port
from tests.support.served_sockets import serve_with_sockets

SHOP_PHONE, OTHER_PHONE = "+8613800000012", "+8613900000099"
# Operators of the demo's staff, with telephones of their own.
LI, WANG = 1, 2
PHONES = {LI: "+8613700000001", WANG: "+8613700000002"}
# Fast enough for tests, and slow enough for both sides of a bridge to keep step on a busy machine.
PACE = Pace(20)
PATIENCE_S = 30


@cache
def _hash() -> str:
    """The hash of the demo's password; hashing is slow on purpose, so it is done once."""
    return hash_secret(DEMO_PASSWORD)


class LiveCaller:
    """A caller on a simulated telephone."""

    def __init__(self, switchboard: OperatorsFixture, number: str) -> None:
        self.heard: list[str] = []
        self._replies: list[tuple[str, str]] = []
        self.call: SimulatedCall = dial_in(
            switchboard.account, switchboard.line, number, MAIN, pace=PACE, listener=self._hear
        )
        self.call.start()

    @property
    def call_key(self) -> str:
        return self.call.sid

    def wait_until_said(self, words: str) -> None:
        """Wait until the line says these words, from now on."""
        wait_until(lambda: any(words in said for said in self.heard), f"{words} in {self.heard}")
        self.heard.clear()

    def presses(self, key: str) -> None:
        wait_until(lambda: self.call.collecting_keys or self.call.ended, "a prompt that waits for keys")
        self.call.press(key)

    def press_when_said(self, words: str, key: str) -> None:
        """Press this key as soon as these words are said, since the line's timeouts are short at this pace. Once;
        immediately if they have been said already."""
        self._replies.append((words, key))
        if any(words in said for said in self.heard):
            self._reply()

    def asks_for_operator(self) -> None:
        self.press_when_said("请按一", "0")
        self.wait_until_said("给您转人工")

    def wait_for_bridge(self) -> None:
        wait_until(lambda: self.call.bridge is not None, "somebody to talk with")

    def wait_for_bridge_end(self) -> None:
        wait_until(lambda: self.call.bridge is None, "the end of the talk")

    def _hear(self, event: Event) -> None:
        if isinstance(event, Said):
            self.heard.append(event.text)
            if any(words in event.text for words, _key in self._replies[:1]):
                self._reply()

    def _reply(self) -> None:
        if self._replies:
            self.call.press(self._replies.pop(0)[1])


class OperatorsFixture:
    """The line on a small order desk, with its operators."""

    def __init__(self, world: World, url: str, account: Account, port: int) -> None:
        self.world = world
        self.account = account
        self._url = url
        self._port = port
        self.line = IncomingNumber.at(f"http://127.0.0.1:{port}")
        with world.session() as session:
            for number, (login, name, role, seat) in enumerate(DEMO_STAFF, start=1):
                session.add(
                    StaffRow(
                        id=number,
                        login=login,
                        name=name,
                        role=role,
                        seat=seat,
                        phone=PHONES.get(number),
                        password_hash=_hash(),
                        active=True,
                        created_at=world.clock(),
                    )
                )

    def restart(self, **settings: object) -> None:
        """Serve by a new worker, which knows only the state in the database."""
        self.app = create_app(
            Settings(
                database_url=self._url,
                demo=True,
                listen_mode="keypad",
                port=self._port,
                twilio_api_base=self.account.api_base,
                **settings,
            ),
            clock=self.world.clock,
        )

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        return self.app(environ, start_response)

    def caller(self, number: str = SHOP_PHONE) -> LiveCaller:
        return LiveCaller(self, number)

    def visitor(self, login: str) -> Visitor:
        visitor = Visitor(self.app.test_client())
        visitor.sign_in(login)
        return visitor

    def set_ready(self, staff_id: int, party: CalledParty | None = None) -> None:
        """Make this operator ready by telephone; its calls go as the party says."""
        self.account.parties[PHONES[staff_id]] = party or CalledParty("no-answer")
        with self.world.session() as session:
            presence.set_ready(session, staff_id, "phone", self.world.clock())

    def check_in_paused(self, staff_id: int) -> None:
        """Check this operator in at the desk, paused."""
        with self.world.session() as session:
            presence.check_in(session, staff_id, self.world.clock())

    def ticket(self) -> Ticket:
        with self.world.session() as session:
            return session.scalars(select(Ticket).order_by(Ticket.id.desc())).first() or Ticket()

    def ring_attempts(self) -> list[tuple[int | None, str]]:
        """The ring attempts in order: operator and outcome."""
        with self.world.session() as session:
            return [
                (offer.staff_id, offer.state) for offer in session.scalars(select(RingAttempt).order_by(RingAttempt.id))
            ]

    def presence(self, staff_id: int) -> Presence:
        with self.world.session() as session:
            return session.get_one(Presence, staff_id)

    def callbacks(self) -> list[Callback]:
        with self.world.session() as session:
            return list(session.scalars(select(Callback).order_by(Callback.id)))

    def wait_for_ticket_state(self, state: str) -> None:
        wait_until(lambda: self.ticket().state == state, f"the ticket to be {state}, which is {self.ticket().state}")


def answering_party(keys: str = "1", talks_ms: int = 600_000, after_ms: int = 500) -> CalledParty:
    """A telephone that is answered, with these keys pressed."""
    return CalledParty("answered", after_ms=after_ms, make_callee=lambda: OperatorCallee(keys, talks_ms))


def wait_until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.01)


@contextmanager
def served_line_and_operators(world: World, database: str, **settings: object) -> Iterator[OperatorsFixture]:
    """The same with the sockets of a line process, so that the sound of calls is heard."""
    with _operators(world, database, serve_with_sockets, **settings) as switchboard:
        yield switchboard


@contextmanager
def served_operators(world: World, database: str, **settings: object) -> Iterator[OperatorsFixture]:
    """The line and its operators, served; all calls are over when the block ends."""
    with _operators(world, database, _serve_requests, **settings) as switchboard:
        yield switchboard


def _serve_requests(switchboard: OperatorsFixture, port: int) -> RestServer:
    return RestServer(switchboard, "127.0.0.1", port)  # type: ignore[arg-type]


@contextmanager
def _operators(
    world: World,
    database: str,
    serve: Callable[[OperatorsFixture, int], AbstractContextManager[object]],
    **settings: object,
) -> Iterator[OperatorsFixture]:
    port = free_port()
    account, rest = open_account("127.0.0.1", 0, "ACde300000000000000000000000000000", "demo-auth-token")
    account.pace = PACE
    switchboard = OperatorsFixture(world, database, account, port)
    switchboard.restart(**settings)
    with rest, serve(switchboard, port):
        try:
            yield switchboard
        finally:
            for call in list(account.calls.values()):
                call.hang_up()
            for call in list(account.calls.values()):
                call.join(10)
