"""The line's own ear understands what the line's own voice says."""

from __future__ import annotations

import shutil

import pytest

from brand_catalog.importing import read_catalog_file
from ivr.voice import SpokenSentences
from ivr.voice.joining import LEVEL_DBFS, speech_level_db
from ivr.voice.robot_voice import PROGRAM, robot_voice, tone
from speech.decoding import decode
from speech.listening import Items
from speech.sound.audio import LINE_RATE, Samples, decode_mulaw
from speech.stream_recogniser import speech_segment
from speech.utterance import Utterance
from tests.support.recorded_callers import AUDIO, DEMO, demo_understanding, line_noise, speech_model

PACK = AUDIO / "voice"
READ_BACK = {"红塔山硬经典，五条。": ("红塔山(硬经典)", 5), "软玉溪，两条。": ("玉溪(软)", 2)}


SPECS = read_catalog_file(DEMO / "catalog.csv", DEMO / "aliases.csv").specs


def no_robot(text: str) -> Samples:
    raise AssertionError(f"{text} is not in the pack")


def heard(sentence: str) -> Utterance:
    """What a step that listens for items understands of a sentence on a line with some noise."""
    said = line_noise(400) + SpokenSentences(PACK, no_robot).mulaw(sentence) + line_noise(400)
    return decode(speech_model(), demo_understanding(), Items(), speech_segment(decode_mulaw(said)))


@pytest.mark.speech
@pytest.mark.parametrize(("sentence", "line"), READ_BACK.items())
def test_a_line_of_the_read_back_is_understood_as_it_stands(sentence: str, line: tuple[str, int]) -> None:
    name, cartons = line
    [item] = heard(sentence).items
    assert name in {SPECS[barcode].name for barcode in item.barcodes}
    assert item.quantity is not None
    assert item.quantity.halves == 2 * cartons


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
