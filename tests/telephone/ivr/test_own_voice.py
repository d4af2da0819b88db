"""The line's own ear understands what the line's own voice says."""

from __future__ import annotations

import shutil

import pytest

from ivr.voice import SpokenSentences
from ivr.voice.joining import LEVEL_DBFS, speech_level_db
from ivr.voice.robot_voice import PROGRAM, robot_voice, tone
from speech.sound.audio import LINE_RATE, Samples, decode_mulaw
from tests.support.own_ear import PACK, READ_BACK, assert_is_line, understood


def no_robot(text: str) -> Samples:
    raise AssertionError(f"{text} is not in the pack")


@pytest.mark.speech
@pytest.mark.parametrize(("sentence", "line"), READ_BACK.items())
def test_a_line_of_the_read_back_is_understood_as_it_stands(sentence: str, line: tuple[str, int]) -> None:
    assert_is_line(understood(SpokenSentences(PACK, no_robot).mulaw(sentence)), *line)


def test_every_sentence_of_the_pack_is_at_the_line_s_level() -> None:
    voice = SpokenSentences(PACK, no_robot)
    for sentence in (*READ_BACK, "好的，对吗？", "请问您需要什么烟？"):
        assert speech_level_db(decode_mulaw(voice.mulaw(sentence))) == pytest.approx(LEVEL_DBFS, abs=1.5), sentence


@pytest.mark.skipif(shutil.which(PROGRAM) is None, reason="espeak-ng is not installed: apt-get install espeak-ng")
def test_what_the_pack_lacks_is_said_by_the_robot_voice() -> None:
    sound = SpokenSentences(PACK).mulaw("红塔山硬经典，暂时无货。")
    assert len(sound) > 2 * LINE_RATE
    assert SpokenSentences(PACK).spoken("红塔山硬经典，暂时无货。").gaps == ("暂时无货",)
    assert len(robot_voice("-v en 五条")) > len(tone()), "a dash is no option"
