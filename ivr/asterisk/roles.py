"""The roles of the exchange's channels, and the interpreters of instructions: every module beside this one that leads
a part of a call adds its own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from ivr.asterisk import callback, caller, coach, direct, operator, retailer, talks, waiting
from ivr.asterisk.channels import Kind
from ivr.asterisk.leg import Interpreter, Role
from ivr.call_pace import CallPace
from ivr.line import LineServices

INTERPRETERS: Final[Mapping[type, Interpreter]] = {
    **caller.INTERPRETERS,
    **waiting.INTERPRETERS,
    **operator.INTERPRETERS,
    **talks.INTERPRETERS,
    **coach.INTERPRETERS,
    **callback.INTERPRETERS,
    **direct.INTERPRETERS,
    **retailer.INTERPRETERS,
}


def roles(line: LineServices, pace: CallPace | None = None) -> Mapping[Kind, Role]:
    """The roles of the channels that are led, by their kind; `pace` is that of the calls the line places."""
    return {
        "caller": caller.Caller(line),
        "operator": operator.Operator(line),
        "coach": coach.Supervisor(line),
        "callback": callback.Callback(line),
        "dialled": callback.CalledBack(),
        "direct": direct.DirectOperator(line),
        "retailer": retailer.Retailer(line, pace),
    }
