"""An outgoing call: to a simulated party of the account, or to a live answerer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simulator.account import Account, CalledParty, Verdict
from simulator.call import Program, SimulatedCall
from simulator.events import Event, Listener
from simulator.pace import Pace, Steps

MachineDetection = Literal["", "Enable", "DetectMessageEnd"]

GREETING_MS = 1_500
"""Milliseconds of greeting after which an answerer is known to be human."""
ANNOUNCEMENT_MS = 6_000
"""Milliseconds an answering machine speaks before its tone."""
MACHINE_DETECTED_MS = 4_000
"""Milliseconds after which a machine that is still speaking is recognised as one."""


@dataclass(frozen=True, slots=True)
class CallRequest:
    """The parameters of a call the application places. `events` are the call progress events it subscribes to;
    the call is queued for `queue_time_ms` before it is placed."""

    caller: str
    called: str
    voice_url: str
    fallback_url: str = ""
    status_url: str = ""
    events: frozenset[str] = frozenset({"completed"})
    machine_detection: MachineDetection = ""
    timeout_s: int = 60
    queue_time_ms: int = 0


def place(
    account: Account,
    request: CallRequest,
    program: Program,
    *,
    pace: Pace | None = None,
) -> SimulatedCall:
    """Call a number, or a browser as "client:NAME", and return while it rings; once answered, the call runs `program`.
    A number without a party does not answer; no real telephone is ever called."""
    number = request.called.partition("?")[0]
    answerer = account.answerers.get(number)
    party = account.parties.get(number, CalledParty())
    callee = party.make_callee() if answerer is None and party.make_callee is not None else None
    listeners: list[Listener] = [callee.hear] if callee is not None else []

    def emit(event: Event) -> None:
        for listener in listeners:
            listener(event)

    call = SimulatedCall(
        account,
        _ring(request, None if answerer is not None else party, program),
        caller=request.caller,
        called=number,
        voice_url=request.voice_url,
        fallback_url=request.fallback_url,
        status_url=request.status_url,
        status_events=request.events,
        direction="outbound-api",
        pace=pace or account.pace,
        listener=emit,
    )
    call.status = "queued"
    if callee is not None:
        call.accompany(callee.steps(call))
    if answerer is not None:
        listeners.append(answerer(call))
    call.start()
    return call


def _ring(request: CallRequest, party: CalledParty | None, answered: Program) -> Program:
    def program(call: SimulatedCall) -> Steps[None]:
        yield from call.wait_ms(request.queue_time_ms)
        call.status = "initiated"
        call.webhooks.progress("initiated")
        if party is not None and party.outcome == "failed":
            call.status = "failed"
            return
        call.status = "ringing"
        call.webhooks.progress("ringing")
        outcome = yield from _wait_for(call, request.timeout_s * 1000, party)
        if outcome != "answered":
            call.status = outcome
            return
        call.status = "in-progress"
        call.webhooks.progress("answered")
        if request.machine_detection and party is not None:
            call.answered_by = yield from _detect_machine(call, party, request.machine_detection)
        yield from answered(call)

    return program


def _wait_for(call: SimulatedCall, patience_ms: int, party: CalledParty | None) -> Steps[str]:
    """Ring until the party or the live answerer reacts, or the time is up; returns the outcome."""
    if party is None:
        until = call.now_ms + patience_ms
        while not call.picked_up and call.now_ms < until:
            yield
        return "answered" if call.picked_up else "no-answer"
    in_time = party.after_ms <= patience_ms and party.outcome != "no-answer"
    yield from call.wait_ms(party.after_ms if in_time else patience_ms)
    if not in_time:
        return "no-answer"
    return "answered" if party.picks_up else party.outcome


def _detect_machine(call: SimulatedCall, party: CalledParty, detection: MachineDetection) -> Steps[str]:
    """Detect who answered, rightly or not; the application is asked for its instructions only then."""
    machine = "machine_start" if detection == "Enable" else "machine_end_beep"
    usual_ms = MACHINE_DETECTED_MS if detection == "Enable" else ANNOUNCEMENT_MS
    truth: Verdict = "machine" if party.outcome == "machine" else "human"
    after_ms = party.verdict_after_ms or (usual_ms if truth == "machine" else GREETING_MS)
    yield from call.wait_ms(after_ms)
    verdict = party.verdict or truth
    return machine if verdict == "machine" else verdict
