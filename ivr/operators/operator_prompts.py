"""The sentences around waiting, ringing and talking; read at the start, so that a missing prompt is found then."""

from __future__ import annotations

from callflows import speaking
from callflows.prompts import Prompts
from ivr.operators.models import TicketReason
from ivr.operators.queue_position import QueuePosition


class OperatorPrompts:
    """The sentences for callers who wait, and for operators who are dialled."""

    def __init__(self, prompts: Prompts) -> None:
        self._prompts = prompts
        self.being_served = prompts.text("line.in_hands")
        self.no_operator_free = prompts.text("line.nobody_free")
        self.connecting = prompts.text("queue.coming")
        self.hold = prompts.text("queue.hold")
        self.held = prompts.text("queue.held")
        self.operator_gone = prompts.text("queue.alone")
        self.callback_requested = (prompts.text("queue.asked_back"), prompts.text("goodbye.thanks"))
        self.thanks = prompts.text("goodbye.thanks")
        self.accept = prompts.text("seat.accept")
        self.caller_gone = prompts.text("seat.gone")
        self.caller_on_hold = prompts.text("seat.keep")
        self.not_reached = prompts.text("seat.not_reached")
        self.call_over = prompts.text("seat.over")
        self.trouble = prompts.text("line.trouble")
        self._reasons: dict[TicketReason, str] = {
            "asked": prompts.text("why.asked"),
            "stuck": prompts.text("why.stuck"),
            "locked": prompts.text("why.locked"),
            "not_identified": prompts.text("why.not_identified"),
            "ear_down": prompts.text("why.ear_down"),
            "trouble": prompts.text("why.trouble"),
        }

    def announcement(self, position: QueuePosition) -> tuple[str, ...]:
        """The caller's place in the queue, the expected wait if it is known, and what they may do instead."""
        words = []
        if position.place > 1:
            words.append(self._prompts.text("line.place", count=speaking.counted(position.place - 1, "")))
        else:
            words.append(self._prompts.text("line.waiting"))
        if position.minutes is not None:
            words.append(self._prompts.text("queue.minutes", minutes=speaking.counted(position.minutes, "")))
        if position.long_wait and position.can_call_back:
            words.append(self._prompts.text("queue.call_back"))
        words.append(self._prompts.text("queue.back"))
        return tuple(words)

    def no_operator(self, position: QueuePosition) -> tuple[str, ...]:
        """The sentences for a caller when no operator is present."""
        offered = [self._prompts.text("queue.call_back_later")] if position.can_call_back else []
        return (self._prompts.text("queue.nobody"), *offered, self._prompts.text("queue.back"))

    def callback(self, name: str) -> tuple[str, ...]:
        """The sentence for an operator before a caller is called back."""
        who = name or self._prompts.text("seat.stranger")
        return (self._prompts.text("seat.call_back", who=who),)

    def whisper(self, name: str, reason: TicketReason, lines: int) -> tuple[str, ...]:
        """The whisper for an operator before taking a caller: name, reason, and progress of the order."""
        who = name or self._prompts.text("seat.stranger")
        ordered = (
            self._prompts.text("seat.ordered", count=speaking.counted(lines, self._prompts.text("words.kind")))
            if lines
            else self._prompts.text("seat.nothing")
        )
        return (self._prompts.text("seat.whisper", who=who, why=self._reasons[reason], ordered=ordered), self.accept)
