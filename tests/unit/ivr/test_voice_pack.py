"""A voice pack grows while it is in use, survives whatever breaks off, and one's own recordings come first."""

from __future__ import annotations

import wave
from pathlib import Path

import numpy as np
import pytest

from ivr.voice.pack import INDEX, OWN, PIECES, PackUnwritable, VoicePack
from ivr.voice.pack_building import FAILURES_MAX, build, missing
from ivr.voice.rendering import RenderingFailed
from ivr.voice.spoken_sentences import SpokenSentences
from speech.sound.audio import LINE_RATE, Samples, decode_mulaw

SHIPPED = Path(__file__).parents[2] / "audio" / "voice"


def sound(level: int = 5_000) -> Samples:
    return (level * np.sin(np.arange(LINE_RATE // 2) / 8)).astype(np.int16)


class FakeVoice:
    """Says everything but what it is told it cannot say."""

    def __init__(self, *cannot: str) -> None:
        self.cannot = cannot
        self.said: list[str] = []

    def render(self, text: str) -> Samples:
        self.said.append(text)
        if text in self.cannot:
            raise RenderingFailed(f"{text!r} could not be said")
        return sound()


class FakeRobot:
    """The robot voice, which remembers what it had to say."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def __call__(self, text: str) -> Samples:
        self.said.append(text)
        return sound(2_000)


def save_wav(path: Path, samples: Samples) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(LINE_RATE)
        file.writeframes(samples.astype("<i2").tobytes())


def test_a_build_that_was_stopped_goes_on_where_it_was(tmp_path: Path) -> None:
    wanted = {"五条": "五条", "对吗": "对吗？", "好的": "好的，"}
    build(VoicePack(tmp_path), dict(list(wanted.items())[:2]), FakeVoice(), "zf_xiaoxiao")
    again = VoicePack(tmp_path)
    assert missing(again, wanted) == {"好的": "好的，"}
    voice = FakeVoice()
    build(again, missing(again, wanted), voice, "zf_xiaoxiao")
    assert voice.said == ["好的，"]
    assert not missing(again, wanted)


def test_another_voice_is_rendered_anew_and_fills_no_gap_that_it_has_filled(tmp_path: Path) -> None:
    pack, wanted = VoicePack(tmp_path), {"五条": "五条", "好的": "好的，"}
    build(pack, wanted, FakeVoice(), "zf_xiaoxiao")
    assert list(missing(pack, wanted, "zm_yunyang")) == ["五条", "好的"]
    build(pack, {"五条": "五条"}, FakeVoice(), "zm_yunyang")
    assert {text: piece.voice for text, piece in pack.pieces.items()} == {"五条": "zm_yunyang", "好的": "zf_xiaoxiao"}
    assert pack.voice == "zm_yunyang"


def test_what_cannot_be_said_is_reported_and_the_rest_is_built(tmp_path: Path) -> None:
    pack = VoicePack(tmp_path)
    built = build(pack, {"五条": "五条", "好的": "好的"}, FakeVoice("五条"), "zf_xiaoxiao")
    assert (built.pieces, built.failed) == (1, ["五条"])
    assert list(pack.pieces) == ["好的"]


def test_a_voice_that_says_nothing_at_all_ends_the_build(tmp_path: Path) -> None:
    texts = {str(count): str(count) for count in range(2 * FAILURES_MAX)}
    voice = FakeVoice(*texts)
    with pytest.raises(RenderingFailed):
        build(VoicePack(tmp_path), texts, voice, "zf_xiaoxiao")
    assert len(voice.said) == FAILURES_MAX


def test_half_a_line_of_a_process_that_was_killed_is_no_piece(tmp_path: Path) -> None:
    pack = VoicePack(tmp_path)
    pack.add("五条", "zf_xiaoxiao", sound())
    with (tmp_path / INDEX).open("a") as index:
        index.write('{"text": "好的", "voi')
    assert list(VoicePack(tmp_path).pieces) == ["五条"]
    pack.add("还有吗", "zf_xiaoxiao", sound())
    assert list(VoicePack(tmp_path).pieces) == ["五条", "还有吗"]
    assert not list((tmp_path / PIECES).glob(".*")), "nothing is left beside the sounds"


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "pack").write_text("a file")
    with pytest.raises(PackUnwritable, match="VOICE_PACK"):
        VoicePack(tmp_path / "pack").add("五条", "zf_xiaoxiao", sound())


def test_a_recording_of_one_s_own_wins_whether_named_by_its_sentence_or_its_prompt(tmp_path: Path) -> None:
    pack = VoicePack(tmp_path, {"take_items.first": "请问您需要什么烟？"})
    for text in ("请问您需要什么烟", "对吗"):
        pack.add(text, "zf_xiaoxiao", sound())
    save_wav(tmp_path / OWN / "take_items.first.wav", sound())
    save_wav(tmp_path / OWN / "对吗？.wav", sound())
    assert {text: piece.source for text, piece in pack.pieces.items()} == {"请问您需要什么烟": "own", "对吗": "own"}


def test_a_recording_that_is_replaced_is_heard_at_once(tmp_path: Path) -> None:
    save_wav(tmp_path / OWN / "五条.wav", sound())
    voice = SpokenSentences(tmp_path, FakeRobot())
    before = voice.mulaw("五条。")
    save_wav(tmp_path / OWN / "五条.wav", np.concatenate([sound(), sound()]))
    assert len(voice.mulaw("五条。")) > len(before)


def test_a_pack_is_said_as_it_grows(tmp_path: Path) -> None:
    robot = FakeRobot()
    voice, pack = SpokenSentences(tmp_path, robot), VoicePack(tmp_path)
    assert voice.spoken("您要的是五条，对吗？").gaps == ("您要的是五条，对吗",)
    pack.add("五条", "zf_xiaoxiao", sound())
    pack.add("您要的是", "zf_xiaoxiao", sound())
    assert voice.spoken("您要的是五条，对吗？").gaps == ("对吗",)
    pack.add("对吗", "zf_xiaoxiao", sound())
    robot.said.clear()
    assert voice.spoken("您要的是五条，对吗？").gaps == ()
    assert robot.said == []


def test_a_sentence_is_put_together_once(tmp_path: Path) -> None:
    robot = FakeRobot()
    voice = SpokenSentences(tmp_path, robot)
    assert voice.mulaw("五条。") == voice.mulaw("五条。")
    assert robot.said == ["五条"]


def test_a_sound_that_is_lost_or_broken_is_a_gap(tmp_path: Path) -> None:
    pack, robot = VoicePack(tmp_path), FakeRobot()
    for text in ("五条", "好的", "对吗"):
        pack.add(text, "zf_xiaoxiao", sound())
    pack.pieces["五条"].path.unlink()
    pack.pieces["对吗"].path.write_bytes(b"RIFF")
    spoken = SpokenSentences(tmp_path, robot).spoken("好的，五条，对吗？")
    assert spoken.gaps == ("五条", "对吗")
    assert robot.said == ["五条", "对吗"]


def test_without_a_pack_the_robot_says_everything() -> None:
    robot = FakeRobot()
    assert len(decode_mulaw(SpokenSentences(None, robot).mulaw("好的，五条。"))) > LINE_RATE // 2
    assert robot.said == ["好的，五条"]


def test_whatever_is_wrong_a_caller_hears_something(tmp_path: Path) -> None:
    def broken(_text: str) -> Samples:
        raise MemoryError

    assert len(SpokenSentences(tmp_path, broken).mulaw("五条。")) > 0


def test_the_pack_for_the_tests_is_whole() -> None:
    pack = VoicePack(SHIPPED)
    assert len(pack.pieces) >= 7
    assert all(pack.sound(piece) is not None for piece in pack.pieces.values())
