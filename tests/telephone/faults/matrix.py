"""The cells of the matrix: one fault at one turn of one call, what is to hold after it, and what was really seen."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from clock import SHANGHAI, system_clock
from simulator.call import SimulatedCall
from simulator.pace import AS_FAST_AS_ACKNOWLEDGED, REAL_TIME, Pace, Steps
from tests.support.postgres import Postgres
from tests.telephone.faults.caller import ORDERED, TURNS, Caller, Manner
from tests.telephone.faults.line import DatabaseKind, FaultyLine, Network, Rest

# Twilio waits this long for an answer, and a caller may hear nothing for no longer.
SILENCE_MAX_MS = 15_000
# A sweep asks the carrier about calls this quiet; the clock is moved on by it after the call.
BEYOND_QUIET = timedelta(seconds=70)
# The turn whose answer signs the retailer in: the PIN.
SIGNED_IN_WITH: dict[Manner, int] = {"keys": 2, "voice": 3}
NOT_TODAY = "今天不是您的订货日"
SETTLES_WITHIN_S = 30.0


@dataclass
class Strike:
    """One fault about to strike: the line and its surroundings, and what is undone once the call is over."""

    line: FaultyLine
    rest: Rest
    network: Network | None = None
    undo: ExitStack = field(default_factory=ExitStack)


@dataclass(frozen=True)
class Fault:
    """A fault, `strike` brings it about right before the caller's answer in a turn. `heals` is true if it is over in
    a moment, so that the order is to be saved in the same call; otherwise the caller is to reach a person or a
    goodbye."""

    name: str
    strike: Callable[[Strike, SimulatedCall], None]
    heals: bool = True
    voice_only: bool = False
    pace: Pace = AS_FAST_AS_ACKNOWLEDGED
    databases: tuple[DatabaseKind, ...] = ("sqlite", "postgresql")


@dataclass(frozen=True)
class Cell:
    fault: Fault
    turn: int
    manner: Manner
    database: DatabaseKind

    @property
    def name(self) -> str:
        return f"{self.fault.name}, turn {self.turn}, by {self.manner}, {self.database}"


@dataclass(frozen=True)
class Result:
    """What was seen in a cell: how the call ended for the caller, the longest silence and the slowest request in
    milliseconds, and what did not hold."""

    cell: Cell
    outcome: str
    silence_ms: int
    slowest_ms: int
    wrong: tuple[str, ...]
    heard: tuple[str, ...]


def _later(seconds: float, action: Callable[[], None]) -> Callable[[], None]:
    timer = threading.Timer(seconds, action)
    timer.start()

    def finish() -> None:
        timer.join()

    return finish


def _kill_in_flight(kind: str) -> Callable[[Strike, SimulatedCall], None]:
    def strike(strike: Strike, _call: SimulatedCall) -> None:
        strike.line.kill_workers(kind)  # type: ignore[arg-type]

    return strike


def _power_cut(strike: Strike, _call: SimulatedCall) -> None:
    strike.line.restart()


def _database_away(seconds: float) -> Callable[[Strike, SimulatedCall], None]:
    """The time is the caller's: that of the call, and while it stands still for the application, that of the wall."""

    def strike(strike: Strike, call: SimulatedCall) -> None:
        away = strike.line.database_away()
        away.__enter__()
        once = threading.Lock()

        def back() -> None:
            if once.acquire(blocking=False):
                away.__exit__(None, None, None)

        def companion() -> Steps[None]:
            until = call.now_ms + seconds * 1000
            while call.now_ms < until and not call.ended:
                yield
            back()

        call.accompany(companion())
        strike.undo.callback(_later(seconds, back))

    return strike


def _crash_postgresql(strike: Strike, _call: SimulatedCall) -> None:
    strike.line.crash_postgresql()


def _disk_full(strike: Strike, _call: SimulatedCall) -> None:
    strike.line.fill_disk()
    strike.undo.callback(strike.line.free_disk)


def _cut_socket(_strike: Strike, call: SimulatedCall) -> None:
    """The socket is cut half a second into what is said."""

    def cut() -> None:
        for stream in call.streams:
            if stream._socket is not None:
                with contextlib.suppress(OSError):
                    stream._socket.sock.close()

    _later(0.5, cut)


def _network(fault: str) -> Callable[[Strike, SimulatedCall], None]:
    def strike(strike: Strike, _call: SimulatedCall) -> None:
        assert strike.network is not None
        strike.network.fault = fault  # type: ignore[assignment]

    return strike


def _rest(fault: str) -> Callable[[Strike, SimulatedCall], None]:
    def strike(strike: Strike, _call: SimulatedCall) -> None:
        strike.rest.fault = fault  # type: ignore[assignment]
        strike.undo.callback(lambda: setattr(strike.rest, "fault", ""))

    return strike


def _no_model(strike: Strike, _call: SimulatedCall) -> None:
    line = strike.line
    line.model = str(Path(os.devnull))
    line.restart()

    def again() -> None:
        line.model = None
        line.restart()

    strike.undo.callback(again)


def _clock(jump: timedelta) -> Callable[[Strike, SimulatedCall], None]:
    def strike(strike: Strike, _call: SimulatedCall) -> None:
        strike.line.set_clock(strike.line.morning + jump)

    return strike


def _midnight(strike: Strike, _call: SimulatedCall) -> None:
    strike.line.set_clock(_to_midnight() + timedelta(seconds=1))


def _to_midnight() -> timedelta:
    """The shift that makes it the end of the morning's day."""
    now = system_clock()
    local = now.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    return local - now


FAULTS: tuple[Fault, ...] = (
    Fault("web processes killed", _kill_in_flight("gunicorn_web")),
    Fault("line processes killed", _kill_in_flight("gunicorn_line")),
    Fault("power cut and restart", _power_cut),
    Fault("database away for 5 s", _database_away(5)),
    Fault("database away for 40 s", _database_away(40), heals=False),
    Fault("PostgreSQL crashes and recovers", _crash_postgresql, databases=("postgresql",)),
    Fault("disk full from then on", _disk_full, heals=False),
    Fault("media socket cut", _cut_socket, voice_only=True, pace=REAL_TIME),
    Fault("requests delayed by 4 s", _network("delays")),
    Fault("requests repeated", _network("repeats")),
    Fault("requests reordered", _network("reorders")),
    Fault("REST fails", _rest("fails")),
    Fault("REST hangs", _rest("hangs")),
    Fault("REST answers 429", _rest("429")),
    Fault("model removed", _no_model),
    Fault("clock an hour ahead", _clock(timedelta(hours=1))),
    Fault("clock an hour back", _clock(timedelta(hours=-1))),
    Fault("midnight passes", _midnight),
)


def cells(database: DatabaseKind, manners: Sequence[Manner] = ("keys", "voice")) -> Iterator[Cell]:
    """Every cell on this database."""
    for manner in manners:
        for fault in FAULTS:
            if database not in fault.databases or (fault.voice_only and manner != "voice"):
                continue
            for turn in range(1, TURNS + 1):
                yield Cell(fault, turn, manner, database)


@contextmanager
def faulty_line(folder: Path, postgres: Postgres | None) -> Iterator[tuple[FaultyLine, Rest]]:
    rest = Rest()
    with rest.served() as account:
        line = FaultyLine(folder, account, postgres)
        try:
            line.start()
            yield line, rest
        finally:
            line.kill()
            line.engine.dispose()


def run(cell: Cell, line: FaultyLine, rest: Rest) -> Result:
    """Make the call, bring the fault about at its turn, put everything right again, and look at what is left."""
    line.renew()
    line.set_clock(_to_midnight() - timedelta(minutes=3) if cell.fault.name == "midnight passes" else line.morning)
    strike = Strike(line, rest)

    def network(auth_token: str) -> Network:
        strike.network = Network(auth_token)
        return strike.network

    def before_turn(turn: int, call: SimulatedCall) -> None:
        if turn == cell.turn:
            cell.fault.strike(strike, call)

    caller = Caller(cell.manner, before_turn, network, cell.fault.pace)
    try:
        caller.place_call(line.account, line.number)
    finally:
        strike.undo.close()
        line.wait_for_database()
    line.set_clock(line.morning + (BEYOND_QUIET if cell.fault.name != "midnight passes" else timedelta()))
    if cell.fault.name == "midnight passes":
        line.set_clock(_to_midnight() + timedelta(minutes=2) + BEYOND_QUIET)
    return Result(
        cell,
        caller.outcome,
        caller.silence_ms,
        caller.slowest_ms,
        tuple(_wrong(cell, line, caller)),
        tuple(caller.heard),
    )


def _wrong(cell: Cell, line: FaultyLine, caller: Caller) -> Iterator[str]:
    """What does not hold after a cell, in sentences."""
    deadline = time.monotonic() + SETTLES_WITHIN_S
    while (call := line.call(caller.call_key)) is not None and call.ended_at is None and time.monotonic() < deadline:
        time.sleep(0.2)
    if call is not None and call.ended_at is None:
        yield "the call is still open although the caller has gone"
    if call is None and caller.call_key not in line.log():
        yield "neither the database nor the log knows the call"
    yield from _wrong_orders(cell, line, caller)
    if caller.outcome == "cut off":
        yield f"the call was cut off after «{caller.heard[-1] if caller.heard else ''}»"
    if _signs_in_the_next_day(cell):
        if not any(NOT_TODAY in text for text in caller.heard):
            yield "who signs in after midnight was not told that it is not the order day"
    elif cell.fault.heals and caller.outcome != "saved":
        yield f"the order was not made in this call: {caller.outcome}"
    if caller.silence_ms > SILENCE_MAX_MS:
        yield f"the caller heard nothing for {caller.silence_ms / 1000:.1f} s"
    if caller.slowest_ms > SILENCE_MAX_MS:
        yield f"a request took {caller.slowest_ms / 1000:.1f} s"


def _signs_in_the_next_day(cell: Cell) -> bool:
    """True if midnight passes before the retailer has signed in: the call is one of the next day, which is no order day
    of the demo's retailer."""
    return cell.fault.name == "midnight passes" and cell.turn <= SIGNED_IN_WITH[cell.manner]


def _wrong_orders(cell: Cell, line: FaultyLine, caller: Caller) -> Iterator[str]:
    orders = line.calls_orders()
    saved = [order for order in orders if order.state == "confirmed"]
    if caller.heard_saved and len(saved) != 1:
        yield f"the caller heard that the order is saved, and {len(saved)} are"
    if len(saved) > 1 and not caller.heard_saved:
        yield f"{len(saved)} orders are saved"
    if saved and not caller.said_yes:
        yield "an order is saved without a yes"
    for order in saved:
        lines = {one.spec_name: one.granted_packs / one.packs_per_carton for one in order.lines}
        if lines != ORDERED[cell.manner]:
            yield f"what is saved is {lines}"
    if any(order.state == "draft" and order.lines and order.abandoned_at is None for order in orders):
        yield "a draft is held by a call that is over"
    drafts = [order for order in orders if order.state == "draft" and order.holds_active]
    should = tuple(sum(one.granted_packs for order in some for one in order.lines) for some in (drafts, saved))
    if line.moved() != should:
        yield f"held and sold are {line.moved()} packs and should be {should}"
