"""What the hotline says comes to the page of the web phone with its sound, if there is one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from console.web_phone import page_voice
from console.web_phone.page_voice import PageVoice
from ivr.voice.sentence_sounds import SentenceSounds
from ivr.voice.spoken_sentences import SpokenSentences

PACK = Path(__file__).parents[2] / "audio" / "voice"
ASKED, GREETED = "请问您需要什么烟？", "建设路便民超市，您好。"


def sounds(folder: Path = PACK) -> SentenceSounds:
    return SentenceSounds(SpokenSentences(folder), "a secret")


def said(text: str) -> dict[str, Any]:
    return {"event": "Said", "text": text}


@pytest.fixture(params=[True, False])
def robot(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    monkeypatch.setattr(page_voice, "is_installed", lambda: request.param)
    return bool(request.param)


def test_what_the_pack_says_whole_has_a_sound(robot: bool) -> None:
    event = PageVoice(sounds()).with_sound(said(ASKED))
    assert (event["sound"], event["whole"]) == (sounds().path(ASKED), True)


def test_what_it_cannot_has_one_where_a_robot_voice_fills_the_gaps(robot: bool) -> None:
    event = PageVoice(sounds()).with_sound(said(GREETED))
    assert (event["sound"], event["whole"]) == (sounds().path(GREETED) if robot else "", False)


def test_a_sentence_that_the_carrier_was_told_to_play_is_read_on_the_page(robot: bool) -> None:
    event = PageVoice(sounds()).with_sound(said(f"[http://127.0.0.1:8000{sounds().path(ASKED)}]"))
    assert (event["text"], event["whole"]) == (ASKED, True)


def test_music_is_music(robot: bool) -> None:
    music = said("[http://127.0.0.1:8000/sounds/waiting.wav]")
    assert PageVoice(sounds()).with_sound(music) == music


def test_the_page_knows_if_it_will_hear_anything(robot: bool, tmp_path: Path) -> None:
    assert PageVoice(sounds()).speaks
    assert PageVoice(sounds(tmp_path)).speaks is robot
