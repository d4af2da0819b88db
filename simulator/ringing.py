"""A call the application asks for through the REST interface: it rings a party of the account, who answers or not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from simulator.account import Account, Party
from simulator.call import Program, SimulatedCall, Steps
from simulator.events import Event, Listener
from simulator.pace import REAL_TIME, Pace
from simulator.verbs import follow

MachineDetection = Literal["", "Enable", "DetectMessageEnd"]

GREETING_MS = 1_500
"""How long somebody says hello for, and is listened to, before it is certain that it is no machine."""
ANNOUNCEMENT_MS = 6_000
"""How long an answering machine speaks before its tone."""
CERTAIN_MS = 4_000
"""When a machine that is still speaking is known for one."""


@dataclass(frozen=True, slots=True)
class Wish:
    """The call the application asks for. `events` are those of its progress it wants to be told of."""

    caller: str
    called: str
    voice_url: str
    status_url: str = ""
    events: frozenset[str] = frozenset({"completed"})
    detection: MachineDetection = ""
    rings_s: int = 60


PlaceCall = Callable[[Wish], SimulatedCall]
"""Place such a call; returns it once it is on its way."""


def rings_out(
    account: Account, *, unknown: Party | None = None, pace: Pace = REAL_TIME, listener: Listener = lambda event: None
) -> PlaceCall:
    """Place calls to the account's parties. A number nobody has is `unknown`, who does not answer; no real telephone
    is ever rung."""

    def place(wish: Wish) -> SimulatedCall:
        party = account.parties.get(wish.called, unknown or Party())
        person = party.who() if party.who is not None else None

        def tell(event: Event) -> None:
            listener(event)
            if person is not None:
                person.hear(event)

        call = SimulatedCall(
            account,
            _ring(wish, party),
            caller=wish.caller,
            called=wish.called,
            voice_url=wish.voice_url,
            status_url=wish.status_url,
            status_events=wish.events,
            direction="outbound-api",
            pace=pace,
            listener=tell,
        )
        call.status = "queued"
        if person is not None:
            call.accompany(person.steps(call))
        call.start()
        return call

    return place


def _ring(wish: Wish, party: Party) -> Program:
    def program(call: SimulatedCall) -> Steps[None]:
        call.status = "initiated"
        call.progress("initiated")
        if party.outcome == "failed":
            call.status = "failed"
            return
        call.status = "ringing"
        call.progress("ringing")
        in_time = party.after_ms <= wish.rings_s * 1000
        yield from call.wait_ms(party.after_ms if in_time and party.outcome != "no-answer" else wish.rings_s * 1000)
        if not (party.picks_up and in_time):
            call.status = party.outcome if in_time and not party.picks_up else "no-answer"
            return
        call.status = "in-progress"
        call.progress("answered")
        if wish.detection:
            call.answered_by = yield from _listen(call, party, wish.detection)
        yield from follow(call)

    return program


def _listen(call: SimulatedCall, party: Party, detection: MachineDetection) -> Steps[str]:
    """Find out who answered; the application is asked for its instructions only then."""
    if party.outcome != "machine":
        yield from call.wait_ms(GREETING_MS)
        return "human"
    if detection == "Enable":
        yield from call.wait_ms(CERTAIN_MS)
        return "machine_start"
    yield from call.wait_ms(ANNOUNCEMENT_MS)
    return "machine_end_beep"
