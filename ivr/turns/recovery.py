"""Recovery from failures: an event that cannot be handled is answered all the same, so that no caller hears silence."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Concatenate, ParamSpec, TypeVar

import structlog

from ivr.instructions import Instruction

Handler = TypeVar("Handler")
Event = ParamSpec("Event")
EventMethod = Callable[Concatenate[Handler, Event], Instruction]

log = structlog.get_logger(__name__)


def on_failure(
    instruction: Callable[[Handler], Instruction],
) -> Callable[[EventMethod[Handler, Event]], EventMethod[Handler, Event]]:
    """Make a method that handles an event log any exception and return this instruction instead."""

    def decorate(method: EventMethod[Handler, Event]) -> EventMethod[Handler, Event]:
        @wraps(method)
        def recovering(handler: Handler, /, *event: Event.args, **named: Event.kwargs) -> Instruction:
            try:
                return method(handler, *event, **named)
            except Exception as error:
                log.error("an event could not be handled", kind=method.__name__, subject=event[:1], exc_info=error)
                return instruction(handler)

        return recovering

    return decorate
