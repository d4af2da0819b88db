"""The caller who waits: in the queue, on hold, and asked what to do where no operator is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ivr.asterisk.leg import Event, Interpreter, Leg
from ivr.instructions import AskKey, EnterHold, EnterQueue, HoldMusic, LeaveQueue, QueueMusic


async def enter_queue(leg: Leg, instruction: EnterQueue) -> Event:
    """Begin to wait; keys pressed before were meant for something else."""
    await leg.say(instruction.sentences)
    leg.forget_keys()
    handover = leg.exchange.line.operators.handover
    return lambda: handover.queue_round(leg.call_key, "", 0)


async def queue_music(leg: Leg, instruction: QueueMusic) -> Event:
    """Play one round of the queue, which a key ends."""
    handover = leg.exchange.line.operators.handover
    heard = await leg.say(instruction.sentences, key_interrupts=True)
    if heard and await leg.play_music(key_interrupts=True):
        return lambda: handover.queue_round(leg.call_key, instruction.announced, instruction.round_number)
    key = await leg.wait_key(0) or ""
    return lambda: handover.queue_key(leg.call_key, key)


async def enter_hold(leg: Leg, instruction: EnterHold) -> Event:
    """Begin to wait for the operator who has put the caller on hold."""
    await leg.say(instruction.sentences)
    handover = leg.exchange.line.operators.handover
    return lambda: handover.hold_round(leg.call_key)


async def hold_music(leg: Leg, instruction: HoldMusic) -> Event:
    """Play one round on hold."""
    await leg.say(instruction.sentences)
    await leg.play_music()
    handover = leg.exchange.line.operators.handover
    return lambda: handover.hold_round(leg.call_key)


async def leave_queue(leg: Leg, instruction: LeaveQueue) -> Event:
    """Stop waiting."""
    handover = leg.exchange.line.operators.handover
    return lambda: handover.left_queue(leg.call_key, "left", "")


async def ask_key(leg: Leg, instruction: AskKey) -> Event:
    """Ask for one key."""
    handover = leg.exchange.line.operators.handover
    key = await leg.ask_key(instruction.sentences)
    if key is None:
        return lambda: handover.question_unanswered(leg.call_key, instruction.question, instruction.round_number)
    return lambda: handover.question_answered(leg.call_key, instruction.question, key)


INTERPRETERS: Final[Mapping[type, Interpreter]] = {
    EnterQueue: enter_queue,
    QueueMusic: queue_music,
    EnterHold: enter_hold,
    HoldMusic: hold_music,
    LeaveQueue: leave_queue,
    AskKey: ask_key,
}
