"""Whatever a name or a number holds, the markup is one that the carrier takes."""

from __future__ import annotations

import pytest

from ivr.carrier import (
    Ask,
    AskKey,
    Bridge,
    DialCaller,
    EndCall,
    EnterQueue,
    Instruction,
    JoinTalk,
    Listening,
    QueueMusic,
    Whisper,
    WhisperCallback,
)
from ivr.twilio.twiml import SAY_MAX_CHARS, Twiml
from simulator.twiml_parser import Verb, read_twiml
from speech.listening import Items
from tests.support.carrier_client import settings

CONTROL = "建设路\x00便民\x0b\x1f\ufffe超市\ud800\x85<&>\"'"
LONG = "店" * 9_000
NAME = "建设路便民超市"


def said(verbs: tuple[Verb, ...]) -> str:
    return "".join(verb.text if verb.name == "Say" else said(verb.children) for verb in verbs)


@pytest.mark.parametrize(
    "instruction",
    [
        Ask("CA1", (CONTROL, LONG), Listening(1, Items(), 5_000)),
        EndCall((CONTROL, LONG)),
        EnterQueue(f"CA\x001{LONG}"[:64], (CONTROL, LONG)),
        QueueMusic((CONTROL, LONG)),
        AskKey("no_operator", (CONTROL, LONG), 1),
        Whisper(1, (CONTROL, LONG)),
        WhisperCallback(1, 1, (CONTROL, LONG)),
        DialCaller(1, 1, "+86138\x00\x1b00000012", "+8637255550000\x7f"),
        Bridge("CA\x0b1", 1, 1),
        JoinTalk("CA\x0b1"),
    ],
    ids=lambda instruction: type(instruction).__name__,
)
def test_control_characters_and_long_names_never_reach_it(instruction: Instruction) -> None:
    document = read_twiml(Twiml(settings()).render(instruction).encode(), "text/xml")
    assert document.warnings == ()
    if words := said(document.verbs):
        assert words.count("店") == len(LONG), f"all of it is said, {SAY_MAX_CHARS} characters at a time"
        assert NAME in words
