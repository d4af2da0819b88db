"""Whatever a name or a number holds, the markup is one that the carrier takes."""

from __future__ import annotations

from typing import cast

import pytest

from ivr.instructions import (
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
from ivr.voice.sentence_sounds import SentenceSounds
from ivr.voice.spoken_sentences import SpokenSentences
from simulator.twiml_parser import Verb, read_twiml
from speech.listening import Items
from tests.support.carrier_client import BASE, settings

CONTROL = "建设路\x00便民\x0b\x1f\ufffe超市\ud800\x85<&>\"'"
LONG = "店" * 9_000
NAME = "建设路便民超市"
ASKED = "请问您需要什么烟？"


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


class PackOfOneSentence:
    """The voice pack, which says one sentence whole."""

    def gaps(self, sentence: str) -> tuple[str, ...]:
        return () if sentence == ASKED else (sentence,)


def verbs_said(**changes: object) -> list[Verb]:
    sounds = SentenceSounds(cast("SpokenSentences", PackOfOneSentence()), "a secret")
    document = Twiml(settings(**changes), sounds).render(EndCall((ASKED, f"{NAME}，您好。")))
    return list(read_twiml(document.encode(), "text/xml").verbs)


def test_what_the_pack_says_whole_is_played_and_the_rest_is_said() -> None:
    play, say, hang_up = verbs_said(say_from_pack=True)
    assert (play.name, say.name, hang_up.name) == ("Play", "Say", "Hangup")
    assert play.text.startswith(f"{BASE}/sounds/said/")
    assert say.text == f"{NAME}，您好。"


def test_the_pack_is_not_played_unless_the_settings_say_so() -> None:
    assert [verb.name for verb in verbs_said()] == ["Say", "Say", "Hangup"]


def test_the_address_of_a_sentence_says_nothing_to_others_and_is_always_the_same() -> None:
    ours = SentenceSounds(cast("SpokenSentences", PackOfOneSentence()), "a secret")
    path = ours.path(ASKED)
    assert path == ours.path(ASKED)
    assert ours.sentence(path) == ASKED
    assert ours.sentence(path.replace(path[20], "A" if path[20] != "A" else "B")) is None
    assert ours.sentence("/sounds/said/客.wav") is None
    assert SentenceSounds(ours.voice, "another secret").sentence(path) is None
