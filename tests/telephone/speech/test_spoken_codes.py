"""Recorded customer codes, recognised with the speech model."""

from __future__ import annotations

import pytest

from speech.customer_codes import (
    KnownCodes,
    recognise_code,
)
from speech.sound.audio import LINE_RATE, decode_mulaw, read_audio
from speech.stream_recogniser import speech_segment
from tests.support.recorded_callers import AUDIO, line_noise, speech_model

DEMO = tuple(f"4105021000{ending}" for ending in ("12", "29", "37", "45", "53", "61"))


@pytest.mark.speech
@pytest.mark.parametrize("name", ["code_410502100012_yao_a", "code_410502100012_yi_b"])
def test_a_recorded_code_is_heard_with_and_without_a_table(name: str) -> None:
    pcm = speech_segment(read_audio(AUDIO / f"{name}.ulaw", LINE_RATE))
    assert recognise_code(speech_model(), pcm, 12).codes[0] == "410502100012"
    heard = recognise_code(speech_model(), pcm, 12, KnownCodes(DEMO))
    assert (heard.codes[0], heard.accepted) == ("410502100012", True)


@pytest.mark.speech
@pytest.mark.parametrize("name", ["none_weather_a", "cmd_operator_zhuanrengong_a"])
def test_talk_is_no_code(name: str) -> None:
    pcm = speech_segment(read_audio(AUDIO / f"{name}.ulaw", LINE_RATE))
    assert recognise_code(speech_model(), pcm, 12, KnownCodes(DEMO)).codes == ()


@pytest.mark.speech
def test_silence_is_no_code() -> None:
    pcm = decode_mulaw(line_noise(1_000)).repeat(2).tobytes()
    assert recognise_code(speech_model(), pcm, 12, KnownCodes(DEMO)).codes == ()
