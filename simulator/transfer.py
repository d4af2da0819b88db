"""Transfer of a call: the <Enqueue> and <Dial> verbs."""

from __future__ import annotations

from collections.abc import Callable

from simulator.account import CalledParty
from simulator.bridge import AudioBridge, Connection, talk
from simulator.call import SimulatedCall
from simulator.conference import Participant
from simulator.events import Dialled, LeftQueue, Queued
from simulator.instructions import CallUpdate, HungUp, Page, Redirected
from simulator.legs import CallRequest, place
from simulator.pace import Steps
from simulator.speaking_time import spoken_ms
from simulator.twiml_parser import SCHEMA_WARNING, Verb
from simulator.waiting_queue import WaitingQueue
from simulator.webhook_client import new_sid

CarryOut = Callable[[SimulatedCall, Page], Steps[None]]

RING_TIMEOUT = 30
COACHED_CALL_MISSING = 13240
TALK_MAX_S = 14_400


class QueueLeft(Exception):
    """The call leaves the queue it waits in."""


def enqueue(call: SimulatedCall, verb: Verb, carry_out: CarryOut) -> Steps[Page | None]:
    """Wait in the queue the verb names until a call dials it, the application makes the call leave, or the caller
    hangs up."""
    since = call.now_ms
    queue = call.account.join_queue(verb.text, call)
    call.emit(Queued(call.now_ms, queue.name))

    def left(result: str) -> dict[str, str]:
        waited = call.now_ms - since
        queue.leave(call)
        queue.waits_ms.append(waited)
        if call.bridge is not None:
            call.bridge.end()
        call.emit(LeftQueue(call.now_ms, queue.name, result))
        return {"QueueResult": result, "QueueSid": queue.sid, "QueueTime": str(waited // 1000)}

    action, method = verb.attributes.get("action"), verb.attributes.get("method", "POST")
    bridge: Connection | None = None
    try:
        bridge = yield from _until_connected(call, _wait(call, verb, queue, since, carry_out))
        yield from talk(call, bridge, TALK_MAX_S * 1000)
    except QueueLeft:
        facts = left("leave")
        return (yield from call.webhooks.fetch_page(action, method, facts)) if action else None
    except (Redirected, HungUp) as gone:
        # Twilio requests the action of an interrupted verb too, and ignores the answer.
        redirected = "redirected" if bridge is None else "redirected-from-bridged"
        facts = left(redirected if isinstance(gone, Redirected) else "hangup")
        if action:
            call.webhooks.notify(action, facts, method)
        raise
    facts = left("bridged")
    return (yield from call.webhooks.fetch_page(action, method, facts)) if action else None


def _until_connected(call: SimulatedCall, waiting: Steps[None]) -> Steps[Connection]:
    try:
        while call.bridge is None:
            next(waiting)
            yield
    finally:
        waiting.close()
        call.stop_saying()
        call.collecting_keys = False
    return call.bridge


def _wait(call: SimulatedCall, verb: Verb, queue: WaitingQueue, since: int, carry_out: CarryOut) -> Steps[None]:
    document_url = call.webhooks.page_url
    while True:
        wait_url = verb.attributes.get("waitUrl", "")
        begun = call.now_ms
        if wait_url:
            call.webhooks.page_url = document_url
            facts = {
                "QueuePosition": str(queue.waiting.index(call) + 1 if call in queue.waiting else 1),
                "QueueSid": queue.sid,
                "QueueTime": str((call.now_ms - since) // 1000),
                "AvgQueueTime": str(queue.average_wait_seconds()),
                "CurrentQueueSize": str(len(queue.waiting)),
            }
            page = yield from call.webhooks.fetch_page(wait_url, verb.attributes.get("waitUrlMethod", "POST"), facts)
            yield from carry_out(call, page)
        # Without a waitUrl Twilio plays music, or silence.
        if call.now_ms - begun < 1000:
            yield from call.wait_ms(1000)


def dial(call: SimulatedCall, verb: Verb, carry_out: CarryOut) -> Steps[Page | None]:
    """Connect the call with a conference, the first one waiting in a queue, or the first called party that answers."""
    queues = [noun for noun in verb.children if noun.name == "Queue"]
    nouns = [noun for noun in verb.children if noun.name in ("Number", "Client")] or [Verb("Number", {}, verb.text)]
    live = [noun for noun in nouns if _address(noun) in call.account.answerers]
    conferences = [noun for noun in verb.children if noun.name == "Conference"]
    if conferences:
        facts = yield from _dial_conference(call, verb, conferences[0])
    elif queues:
        facts = yield from _dial_queue(call, verb, queues[0])
    elif live:
        facts = yield from _dial_answerer(call, verb, live[0], carry_out)
    elif all(noun.text for noun in nouns if noun.name == "Number"):
        facts = yield from _dial_parties(call, verb, nouns)
    else:
        call.report(SCHEMA_WARNING, "<Dial> without anybody to call")
        return None
    action = verb.attributes.get("action")
    return (
        (yield from call.webhooks.fetch_page(action, verb.attributes.get("method", "POST"), facts)) if action else None
    )


def _dial_queue(call: SimulatedCall, verb: Verb, noun: Verb) -> Steps[dict[str, str]]:
    """Connect with the first call in the queue, waiting for one up to the verb's timeout; a queue that does not exist
    fails at once. https://www.twilio.com/docs/voice/twiml/queue"""
    waiting = call.account.queue(noun.text)
    if waiting is None:
        return _dial_facts("failed", 0)
    until = call.now_ms + verb.number("timeout", RING_TIMEOUT) * 1000
    talked_ms = 0
    try:
        while (bridge := waiting.connect(call)) is None and call.now_ms < until:
            yield
        if bridge is not None:
            talked_ms = yield from talk(call, bridge, verb.number("timeLimit", TALK_MAX_S) * 1000)
    except (Redirected, HungUp):
        _notify_interrupted(call, verb, _dial_facts("completed", talked_ms))
        raise
    return _dial_facts("completed" if bridge is not None else "no-answer", talked_ms)


def _dial_conference(call: SimulatedCall, verb: Verb, noun: Verb) -> Steps[dict[str, str]]:
    """Take part in the conference until it is over, hearing music until it has begun. A coach needs the call that is
    to hear it to take part."""
    coached = noun.attributes.get("coach", "")
    going_on = call.account.conference(noun.text)
    if coached and (going_on is None or not going_on.has(coached)):
        call.report(COACHED_CALL_MISSING, f"<Conference coach={coached!r}>: that call is in no conference {noun.text}")
        return _dial_facts("failed", 0)
    participant = Participant(
        call,
        coached,
        starts=noun.attributes.get("startConferenceOnEnter", "true") == "true",
        ends=noun.attributes.get("endConferenceOnExit", "false") == "true",
    )
    conference = call.account.join_conference(noun.text, participant)
    talked_ms = 0
    try:
        while not conference.has_begun and not conference.over:
            yield
        call.bridge = conference
        talked_ms = yield from talk(call, conference, verb.number("timeLimit", TALK_MAX_S) * 1000)
    except (Redirected, HungUp):
        _notify_interrupted(call, verb, _dial_facts("completed", talked_ms))
        raise
    finally:
        call.account.leave_conference(conference, call)
    return _dial_facts("completed", talked_ms)


def _address(noun: Verb) -> str:
    """The number, or the browser as "client:NAME"; its name may be in an <Identity> of its own."""
    if noun.name == "Number":
        return noun.text
    identity = next((inner.text for inner in noun.children if inner.name == "Identity"), noun.text)
    return f"client:{identity}"


def _dial_answerer(call: SimulatedCall, verb: Verb, noun: Verb, carry_out: CarryOut) -> Steps[dict[str, str]]:
    """Call a live answerer; the whisper document may be played to it first, and may decline the call."""
    whisper = call.webhooks.absolute(noun.attributes["url"]) if "url" in noun.attributes else ""

    def answered(leg: SimulatedCall) -> Steps[None]:
        if whisper:
            page = yield from leg.webhooks.fetch_page(whisper, noun.attributes.get("method", "POST"))
            yield from carry_out(leg, page)
        if not call.ended:
            leg.bridge = call.bridge = AudioBridge(call, leg)
            yield from talk(leg, leg.bridge, TALK_MAX_S * 1000)

    caller = verb.attributes.get("callerId", call.caller)
    timeout = verb.number("timeout", RING_TIMEOUT)
    leg = place(call.account, CallRequest(caller, _address(noun), call.webhooks.page_url, timeout_s=timeout), answered)
    talked_ms = 0
    try:
        while not leg.ended and call.bridge is None:
            yield
        if call.bridge is not None:
            call.emit(Dialled(call.now_ms, leg.called, "answered"))
            talked_ms = yield from talk(call, call.bridge, verb.number("timeLimit", TALK_MAX_S) * 1000)
    except (Redirected, HungUp):
        leg.update(CallUpdate(completed=True))
        _notify_interrupted(call, verb, _dial_facts("completed" if talked_ms else "no-answer", talked_ms))
        raise
    status = "completed" if talked_ms else leg.status
    call.emit(Dialled(call.now_ms, leg.called, status))
    return _dial_facts(status, talked_ms)


def _dial_parties(call: SimulatedCall, verb: Verb, nouns: list[Verb]) -> Steps[dict[str, str]]:
    """Call the parties the verb names, all at once; none is live, and the first that answers talks."""
    parties = {_address(noun): call.account.parties.get(_address(noun), CalledParty()) for noun in nouns}
    for noun in nouns:
        if noun.attributes.get("url"):
            call.report(SCHEMA_WARNING, "<Dial>: the simulator whispers only to live answerers")
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
            call.emit(Dialled(call.now_ms, number, "answered"))
            began = call.now_ms
            talk_ms = min(party.talks_ms, verb.number("timeLimit", TALK_MAX_S) * 1000)
            yield from call.say("[talk]", max(talk_ms, spoken_ms("喂")), lambda: False)
    except (Redirected, HungUp):
        call.emit(Dialled(call.now_ms, number, "completed"))
        _notify_interrupted(call, verb, _dial_facts("completed", call.now_ms - began))
        raise
    talked_ms = call.now_ms - began if outcome == "answered" else 0
    status = "completed" if outcome == "answered" else outcome
    call.emit(Dialled(call.now_ms, number, status))
    return _dial_facts(status, talked_ms)


def _notify_interrupted(call: SimulatedCall, verb: Verb, facts: dict[str, str]) -> None:
    """Notify the action of the interrupted verb; its answer is ignored."""
    if action := verb.attributes.get("action"):
        call.webhooks.notify(action, facts, verb.attributes.get("method", "POST"))


def _dial_facts(status: str, talked_ms: int) -> dict[str, str]:
    facts = {"DialCallSid": new_sid("CA"), "DialCallStatus": status, "DialBridged": str(bool(talked_ms)).lower()}
    return facts | ({"DialCallDuration": str(talked_ms // 1000)} if talked_ms else {})
