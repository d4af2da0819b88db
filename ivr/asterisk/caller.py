"""The caller in the conversation: what is asked, and how keys and speech answer it.

Keys are what a telephone reports, each of them: none is lost between two instructions, and the `#` that ends a row of
keys is known. A row ends at the full count if the count is known (a PIN, one of two), at `#`, or when no key follows
for `key_pause_s`. Speech is answered by a redirect, as soon as it is understood.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Mapping
from typing import Final

from ivr.asterisk import talks
from ivr.asterisk.channels import ChannelPurpose, talk_of
from ivr.asterisk.leg import AwaitResumption, Event, Interpreter, Leg
from ivr.carrier import CallStatus
from ivr.instructions import (
    Ask,
    AwaitReply,
    BeginAgain,
    CollectKeys,
    EndCall,
    Instruction,
    JoinTalk,
    KeepListening,
    Listening,
    Nothing,
    TakeTurnAgain,
)
from ivr.line import LineServices
from ivr.turns.calls import TurnRequest, UnknownCall
from ivr.turns.recovery import on_failure
from speech.language.keypad import DONE, key_count, key_pause_s

# A caller who is speaking, or has just spoken, is asked after this often, in seconds.
SPEAKING_PAUSE_S: Final = 2
# The pause before the question of a prompt that has to be heard out, in which a key counts as early, in seconds.
QUESTION_PAUSE_S: Final = 1
# No answer has more keys.
KEYS_MAX: Final = 64


class Caller:
    """The role of a caller who has called the line."""

    def __init__(self, line: LineServices) -> None:
        self._line = line

    def begun(self, leg: Leg) -> Event:
        return lambda: self._line.automatic.call_started(leg.call_key, leg.caller, leg.called)

    def adopted(self, leg: Leg) -> Event:
        return lambda: self._continue(leg)

    def redirected(self, leg: Leg, name: str, arguments: Mapping[str, str]) -> Event:
        handover, call_key = self._line.operators.handover, leg.call_key
        match name:
            case "turn":
                return taken(leg, TurnRequest(int(arguments["turn"])))
            case "queue":
                return lambda: handover.sent_to_queue(call_key)
            case "hold":
                return lambda: handover.sent_to_hold(call_key)
            case "talk":
                talks.part(leg)
                return lambda: handover.sent_to_talk(call_key)
            case _:
                raise ValueError(f"callers are not redirected to {name}")

    def ended(self, call_key: str, purpose: ChannelPurpose, status: CallStatus) -> None:
        self._line.automatic.call_ended(call_key, status)

    def _begin_again(self) -> Instruction:
        # A call that began keeps what it has: it goes on where it is.
        return BeginAgain((self._line.prompts.failure,), failures=1)

    @on_failure(_begin_again)
    def _continue(self, leg: Leg) -> Instruction:
        """The instruction with which a caller goes on whose process was killed."""
        if (call_key := talk_of(leg.bridge)) is not None:
            return JoinTalk(call_key)
        operators, automatic = self._line.operators, self._line.automatic
        match operators.queue.position(leg.call_key).state:
            case "waiting" | "connecting" | "operator_gone" | "at_desk":
                return operators.handover.sent_to_queue(leg.call_key)
            case "on_hold":
                return operators.handover.sent_to_hold(leg.call_key)
            case _:
                try:
                    return automatic.present(self._line.calls.snapshot(leg.call_key))
                except UnknownCall:
                    return self._unknown(leg)

    def _unknown(self, leg: Leg) -> Instruction:
        """The instruction of a call that the line does not know."""
        return self._line.automatic.call_started(leg.call_key, leg.caller, leg.called)


def taken(leg: Leg, request: TurnRequest, failures: int = 0) -> Event:
    """The event that the caller's turn is taken."""
    automatic = leg.exchange.line.automatic
    return lambda: automatic.turn_taken(leg.call_key, request, failures, is_outbound=leg.is_outbound)


async def ask(leg: Leg, instruction: Ask) -> Event:
    """Say the prompt, and wait for the answer."""
    listening, sentences = instruction.listening, instruction.sentences
    leg.forget_keys()
    leg.listen_to_speech(listening.stream)
    in_two = instruction.hear_out and key_count(listening.listen) == 1 and len(sentences) > 1
    pause_s = QUESTION_PAUSE_S if in_two else 0
    leg.exchange.in_background(leg.tell_length(listening.turn_number, sentences, pause_s))
    if in_two:
        *first, question = sentences
        await leg.say(first, key_interrupts=True)
        if (key := await leg.wait_key(QUESTION_PAUSE_S)) is not None:
            request = TurnRequest(listening.turn_number, keys=key, early=True, names_finish_key=True)
            return taken(leg, request, listening.failures)
        sentences = (question,)
    # Who says yes to each line that is read back interrupts nothing.
    await leg.say(sentences, key_interrupts=True, gives_way=not instruction.hear_out)
    return await _wait_for_answer(leg, listening)


async def keep_listening(leg: Leg, instruction: KeepListening) -> Event:
    """Wait for the answer for the rest of the time."""
    leg.listen_to_speech(instruction.listening.stream)
    return await _wait_for_answer(leg, instruction.listening, instruction.waited_s, speaking=instruction.speaking)


async def collect_keys(leg: Leg, instruction: CollectKeys) -> Event:
    """Collect the keys after the first."""
    return await _collect(leg, instruction.listening, instruction.first, 0)


async def await_reply(leg: Leg, instruction: AwaitReply) -> Event:
    """Wait for the reply of a turn that others are taking."""
    await _say_and_pause(leg, instruction.sentences, instruction.pause_s)
    return taken(leg, TurnRequest(instruction.turn_number))


async def begin_again(leg: Leg, instruction: BeginAgain) -> Event:
    """Report the call as started once more."""
    await _say_and_pause(leg, instruction.sentences, instruction.pause_s)
    automatic = leg.exchange.line.automatic
    return lambda: automatic.call_started(leg.call_key, leg.caller, leg.called, instruction.failures)


async def take_turn_again(leg: Leg, instruction: TakeTurnAgain) -> Event:
    """Report the turn once more."""
    await _say_and_pause(leg, instruction.sentences, instruction.pause_s)
    return taken(leg, TurnRequest(instruction.turn_number), instruction.failures)


async def end_call(leg: Leg, instruction: EndCall) -> None:
    """Say the last sentences to the end, and hang up."""
    await leg.say(instruction.sentences)
    await leg.hang_up()


async def nothing(leg: Leg, instruction: Nothing) -> None:
    """Leave the call as it is."""


async def await_resumption(leg: Leg, instruction: AwaitResumption) -> Event:
    """Wait until the telephone takes the line off hold."""
    await leg.wait_until_resumed()
    return leg.role.adopted(leg)


INTERPRETERS: Final[Mapping[type, Interpreter]] = {
    Ask: ask,
    KeepListening: keep_listening,
    CollectKeys: collect_keys,
    AwaitReply: await_reply,
    BeginAgain: begin_again,
    TakeTurnAgain: take_turn_again,
    EndCall: end_call,
    Nothing: nothing,
    AwaitResumption: await_resumption,
}


async def _wait_for_answer(leg: Leg, listening: Listening, waited_s: int = 0, *, speaking: bool = False) -> Event:
    """Wait for keys, as long as silence may last; speech redirects the call."""
    left = max(1, math.ceil(listening.silence_ms / 1000) - waited_s)
    count = key_count(listening.listen)
    # Where one key is enough, nothing has to wait for more of them.
    pause = key_pause_s(listening.listen) if count != 1 else SPEAKING_PAUSE_S if speaking else left
    total = min(pause, left) if speaking or count is None else left
    key = await leg.wait_key(total)
    if key is not None:
        return await _collect(leg, listening, key, waited_s)
    request = TurnRequest(listening.turn_number, waited_s=waited_s + total, names_finish_key=True)
    return taken(leg, request, listening.failures)


async def _collect(leg: Leg, listening: Listening, first: str, waited_s: int) -> Event:
    """Collect the keys of an answer that begins with this one."""
    count = key_count(listening.listen)
    keys = ""
    key: str | None = first
    while key is not None and not (key == DONE and count != 1):
        keys += key
        if len(keys) in (count, KEYS_MAX):
            break
        key = await leg.wait_key(key_pause_s(listening.listen))
    request = TurnRequest(listening.turn_number, keys=keys or DONE, waited_s=waited_s, names_finish_key=True)
    return taken(leg, request, listening.failures)


async def _say_and_pause(leg: Leg, sentences: tuple[str, ...], pause_s: int) -> None:
    await leg.say(sentences)
    await asyncio.sleep(pause_s)
