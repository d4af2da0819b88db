"""Replies and utterances as plain JSON, as the tables of a call store them."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from callflows.replies import HangUp, ListenFor, Reply, Then, Transfer
from speech import listening
from speech.utterance import Utterance

_UTTERANCE = TypeAdapter(Utterance)


def utterance_to_json(utterance: Utterance) -> dict[str, Any]:
    """The utterance as plain JSON."""
    stored: dict[str, Any] = _UTTERANCE.dump_python(utterance, mode="json")
    return stored


def utterance_from_json(data: dict[str, Any]) -> Utterance:
    """The utterance that `utterance_to_json` serialised."""
    return _UTTERANCE.validate_python(data)


def reply_to_json(reply: Reply) -> dict[str, Any]:
    """The reply as plain JSON."""
    then: dict[str, Any]
    match reply.then:
        case ListenFor(listen, silence_ms, hear_out):
            said = listening.to_json(listen)
            then = {"kind": "listen", "listen": said, "silence_ms": silence_ms, "hear_out": hear_out}
        case Transfer(reason):
            then = {"kind": "transfer", "reason": reason}
        case HangUp():
            then = {"kind": "hang_up"}
    return {"say": list(reply.say), "then": then}


def reply_from_json(data: dict[str, Any]) -> Reply:
    """The reply that `reply_to_json` serialised. Raises KeyError for an unknown kind of ending."""
    stored = data["then"]
    endings: dict[str, Any] = {
        "listen": lambda: ListenFor(
            # A reply stored by an earlier revision may lack `hear_out`.
            listening.from_json(stored["listen"]),
            stored["silence_ms"],
            stored.get("hear_out", False),
        ),
        "transfer": lambda: Transfer(stored["reason"]),
        "hang_up": HangUp,
    }
    then: Then = endings[stored["kind"]]()
    return Reply(tuple(data["say"]), then)
