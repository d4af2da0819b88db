"""Replies and utterances as plain JSON, the way the tables of a call keep them."""

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
    """The utterance back from `utterance_to_json`."""
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
    """The reply back from `reply_to_json`; KeyError for a kind of ending that does not exist."""
    stored = data["then"]
    endings: dict[str, Any] = {
        "listen": lambda: ListenFor(
            # Not every reply of a call begun under an earlier revision says whether it has to be heard out.
            listening.from_json(stored["listen"]),
            stored["silence_ms"],
            stored.get("hear_out", False),
        ),
        "transfer": lambda: Transfer(stored["reason"]),
        "hang_up": HangUp,
    }
    then: Then = endings[stored["kind"]]()
    return Reply(tuple(data["say"]), then)
