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
        self.failure = prompts.text("line.failure")
        self.being_served = prompts.text("line.being_served")
        self.no_operator_free = prompts.text("line.no_operator_free")
        self.connecting = prompts.text("queue.connecting")
        self.hold = prompts.text("queue.hold")
        self.held = prompts.text("queue.held")
        self.operator_gone = prompts.text("queue.operator_gone")
        self.callback_requested = (prompts.text("queue.callback_requested"), prompts.text("goodbye.thanks"))
        self.thanks = prompts.text("goodbye.thanks")
        self.accept = prompts.text("operator.accept")
        self.caller_gone = prompts.text("operator.caller_gone")
        self.caller_on_hold = prompts.text("operator.caller_on_hold")
        self.not_reached = prompts.text("operator.not_reached")
        self.coach = prompts.text("operator.coach")
        self.call_over = prompts.text("operator.call_over")
        self._reasons: dict[TicketReason, str] = {
            "asked": prompts.text("transfer_reason.asked"),
            "stuck": prompts.text("transfer_reason.stuck"),
            "locked": prompts.text("transfer_reason.locked"),
            "not_identified": prompts.text("transfer_reason.not_identified"),
            "recogniser_down": prompts.text("transfer_reason.recogniser_down"),
            "failure": prompts.text("transfer_reason.failure"),
            "taken_over": prompts.text("transfer_reason.taken_over"),
        }

    def announcement(self, position: QueuePosition) -> tuple[str, ...]:
        """The caller's place in the queue, the expected wait if it is known, and what they may do instead."""
        sentences = []
        if position.place > 1:
            count = speaking.counted(position.place - 1, "")
            sentences.append(self._prompts.text("line.queue_position", count=count))
        else:
            sentences.append(self._prompts.text("line.waiting"))
        if position.minutes is not None:
            sentences.append(self._prompts.text("queue.minutes", minutes=speaking.counted(position.minutes, "")))
        if position.long_wait and position.can_call_back:
            sentences.append(self._prompts.text("queue.offer_callback"))
        sentences.append(self._prompts.text("queue.return_to_line"))
        return tuple(sentences)

    def no_operator(self, position: QueuePosition) -> tuple[str, ...]:
        """The sentences for a caller when no operator is present."""
        offered = [self._prompts.text("queue.offer_callback_later")] if position.can_call_back else []
        return (self._prompts.text("queue.no_operator"), *offered, self._prompts.text("queue.return_to_line"))

    def callback(self, name: str) -> tuple[str, ...]:
        """The sentence for an operator before a caller is called back."""
        who = name or self._prompts.text("operator.unidentified")
        return (self._prompts.text("operator.callback", who=who),)

    def whisper(self, name: str, reason: TicketReason, lines: int) -> tuple[str, ...]:
        """The whisper for an operator before taking a caller: name, reason, and progress of the order."""
        who = name or self._prompts.text("operator.unidentified")
        ordered = (
            self._prompts.text("operator.ordered", count=speaking.counted(lines, self._prompts.text("words.kind")))
            if lines
            else self._prompts.text("operator.nothing_ordered")
        )
        whisper = self._prompts.text("operator.whisper", who=who, why=self._reasons[reason], ordered=ordered)
        return (whisper, self.accept)
