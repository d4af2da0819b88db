"""Handing a call to a person: queues, and ringing other parties."""

from __future__ import annotations

from collections.abc import Callable

from simulator.account import Party, WaitingQueue
from simulator.call import SimulatedCall, Steps
from simulator.events import Dialled, LeftQueue, Queued
from simulator.instructions import HungUp, Page, Redirected
from simulator.saying import spoken_ms
from simulator.twiml import SCHEMA_WARNING, Verb
from simulator.webhooks import new_sid

CarryOut = Callable[[SimulatedCall, Page], Steps[None]]

RING_TIMEOUT = 30


class Left(Exception):
    """The call leaves the queue it waits in."""


def enqueue(call: SimulatedCall, verb: Verb, carry_out: CarryOut) -> Steps[Page | None]:
    """Wait in the queue the verb names until the application lets the call go on, or the caller is gone."""
    queue = call.account.queue(verb.text)
    since = call.now_ms
    queue.waiting.append(call)
    call.tell(Queued(call.now_ms, queue.name))

    def left(result: str) -> dict[str, str]:
        waited = call.now_ms - since
        queue.waiting.remove(call)
        queue.waits_ms.append(waited)
        call.tell(LeftQueue(call.now_ms, queue.name, result))
        return {"QueueResult": result, "QueueSid": queue.sid, "QueueTime": str(waited // 1000)}

    action, method = verb.attributes.get("action"), verb.attributes.get("method", "POST")
    try:
        yield from _wait(call, verb, queue, since, carry_out)
    except Left:
        facts = left("leave")
        return (yield from call.fetch_page(action, method, facts)) if action else None
    except (Redirected, HungUp) as gone:
        # Twilio asks the action of what it breaks off as well, and does not heed the answer.
        facts = left("redirected" if isinstance(gone, Redirected) else "hangup")
        if action:
            call.notify(action, facts, method)
        raise
    return None


def _wait(call: SimulatedCall, verb: Verb, queue: WaitingQueue, since: int, carry_out: CarryOut) -> Steps[None]:
    document_url = call.page_url
    while True:
        wait_url = verb.attributes.get("waitUrl", "")
        begun = call.now_ms
        if wait_url:
            call.page_url = document_url
            facts = {
                "QueuePosition": str(queue.waiting.index(call) + 1),
                "QueueSid": queue.sid,
                "QueueTime": str((call.now_ms - since) // 1000),
                "AvgQueueTime": str(queue.average_wait_seconds()),
                "CurrentQueueSize": str(len(queue.waiting)),
            }
            page = yield from call.fetch_page(wait_url, verb.attributes.get("waitUrlMethod", "POST"), facts)
            yield from carry_out(call, page)
        # Without words to wait by there is Twilio's music, or silence.
        if call.now_ms - begun < 1000:
            yield from call.wait_ms(1000)


def dial(call: SimulatedCall, verb: Verb) -> Steps[Page | None]:
    """Ring the parties the verb names, all at once; the first who answers talks with the caller."""
    numbers = [noun.text for noun in verb.children if noun.name in ("Number", "Client")] or [verb.text]
    if any(noun.name == "Queue" for noun in verb.children) or not all(numbers):
        call.report(SCHEMA_WARNING, "<Dial>: the stand-in rings numbers and clients only")
        return None
    unknown = Party()
    parties = {number: call.account.parties.get(number, unknown) for number in numbers}
    for noun in verb.children:
        if noun.attributes.get("url"):
            call.report(SCHEMA_WARNING, "<Dial>: the stand-in does not whisper to the party it rings")
    timeout_ms = verb.number("timeout", RING_TIMEOUT) * 1000
    answering = {number: party for number, party in parties.items() if party.picks_up}
    number, party = min((answering or parties).items(), key=lambda entry: entry[1].after_ms)
    outcome, talked_ms = "answered" if party.picks_up else party.outcome, 0
    began = call.now_ms
    try:
        if outcome in ("answered", "no-answer"):
            patience = timeout_ms if outcome == "no-answer" else min(party.after_ms, timeout_ms)
            yield from call.wait_ms(patience)
            outcome = "answered" if outcome == "answered" and party.after_ms <= timeout_ms else "no-answer"
        else:
            yield from call.wait_ms(party.after_ms)
        if outcome == "answered":
            call.tell(Dialled(call.now_ms, number, "answered"))
            began = call.now_ms
            talk_ms = min(party.talks_ms, verb.number("timeLimit", 14_400) * 1000)
            yield from call.say("[talk]", max(talk_ms, spoken_ms("喂")), lambda: False)
    except (Redirected, HungUp):
        _end_dial(call, verb, number, "completed", call.now_ms - began)
        raise
    talked_ms = call.now_ms - began if outcome == "answered" else 0
    status = "completed" if outcome == "answered" else outcome
    facts = _dial_facts(status, talked_ms)
    call.tell(Dialled(call.now_ms, number, status))
    action = verb.attributes.get("action")
    return (yield from call.fetch_page(action, verb.attributes.get("method", "POST"), facts)) if action else None


def _end_dial(call: SimulatedCall, verb: Verb, number: str, status: str, talked_ms: int) -> None:
    call.tell(Dialled(call.now_ms, number, status))
    action = verb.attributes.get("action")
    if action:
        call.notify(action, _dial_facts(status, talked_ms), verb.attributes.get("method", "POST"))


def _dial_facts(status: str, talked_ms: int) -> dict[str, str]:
    facts = {"DialCallSid": new_sid("CA"), "DialCallStatus": status, "DialBridged": str(bool(talked_ms)).lower()}
    return facts | ({"DialCallDuration": str(talked_ms // 1000)} if talked_ms else {})
