"""A reused recogniser gives the same results as a new one."""

from __future__ import annotations

import pytest

from speech.hypotheses import ALTERNATIVES
from speech.listening import Items
from speech.recogniser import Recogniser, acquire, make_ready, recognise, release
from speech.sound.audio import LINE_RATE, read_audio
from speech.stream_recogniser import speech_segment
from tests.support.recorded_callers import AUDIO, demo_understanding, speech_model

pytestmark = pytest.mark.speech


def sound(name: str) -> bytes:
    return speech_segment(read_audio(AUDIO / f"{name}.ulaw", LINE_RATE))


def test_what_is_heard_does_not_depend_on_what_was_heard_before() -> None:
    grammar = demo_understanding().grammar(Items())
    fresh = Recogniser(speech_model(), grammar, ALTERNATIVES)
    fresh.feed(sound("item_ruanyuxi_2_a"))
    used = Recogniser(speech_model(), grammar, ALTERNATIVES)
    used.feed(sound("items_liqunxinban_5_yunyanzi_3_a"))
    used.finish()
    used.feed(sound("item_ruanyuxi_2_a"))
    assert used.finish() == fresh.finish()


def test_a_recogniser_given_back_is_the_next_one_s_for_the_same_grammar_only() -> None:
    grammar = demo_understanding().grammar(Items())
    first = acquire(speech_model(), grammar)
    second = acquire(speech_model(), grammar)
    assert first is not second
    first.feed(sound("item_ruanyuxi_2_a"))
    first.finish()
    release(first)
    assert acquire(speech_model(), grammar, ALTERNATIVES + 1) is not first
    assert acquire(speech_model(), list(grammar)) is first


def test_who_begins_to_speak_finds_a_recogniser_built_when_the_step_began_to_listen(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    grammar = ["是的", "不是"]
    for _ in range(3):
        make_ready(speech_model(), grammar)
    monkeypatch.setattr("speech.recogniser.Recogniser", None)
    waiting = acquire(speech_model(), grammar)
    with pytest.raises(TypeError):
        acquire(speech_model(), grammar)  # forty that only listen hold no more than one
    release(waiting)


def test_steps_of_200_ms_are_heard_as_the_whole_at_once() -> None:
    grammar = demo_understanding().grammar(Items())
    pcm = sound("items_liqunxinban_5_yunyanzi_3_a")
    stream = acquire(speech_model(), grammar)
    for place in range(0, len(pcm), 6_400):
        stream.feed(pcm[place : place + 6_400])
    assert stream.finish() == recognise(speech_model(), grammar, pcm)


def test_the_model_s_own_vocabulary_needs_no_grammar() -> None:
    assert recognise(speech_model(), None, sound("none_weather_a"))[0].text.replace(" ", "") == "今天天气真不错"
