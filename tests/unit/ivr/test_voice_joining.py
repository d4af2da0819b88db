"""Pieces are at one level, and no click is heard where they meet."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ivr.voice.joining import LEVEL_DBFS, MARGIN, OVERLAP, joined, made_ready, speech_level_db, trimmed
from speech.sound.audio import LINE_RATE, Samples

SECOND = LINE_RATE


def voice(seconds: float, amplitude: int, pitch: float = 180.0) -> Samples:
    """Something like speech: a tone that is loud in the middle of each syllable."""
    moments = np.arange(int(seconds * LINE_RATE)) / LINE_RATE
    syllables = 0.6 + 0.4 * np.sin(2 * np.pi * 4 * moments)
    return (amplitude * syllables * np.sin(2 * np.pi * pitch * moments)).astype(np.int16)


def silence(seconds: float) -> Samples:
    return np.zeros(int(seconds * LINE_RATE), np.int16)


def largest_step(sound: Samples) -> int:
    return int(np.abs(np.diff(sound.astype(np.int32))).max())


@pytest.mark.parametrize("amplitude", [300, 3_000, 30_000])
def test_however_loud_it_was_recorded_a_piece_is_at_the_line_s_level(amplitude: int) -> None:
    assert speech_level_db(made_ready(voice(1, amplitude))) == pytest.approx(LEVEL_DBFS, abs=0.5)


def test_a_single_loud_moment_is_not_clipped() -> None:
    sound = voice(1, 500)
    sound[4_000:4_004] = 20_000
    assert np.abs(made_ready(sound)).max() <= 30_001


def test_the_silence_around_what_is_said_is_cut_off_and_what_is_said_is_kept() -> None:
    ready = trimmed(np.concatenate([silence(0.7), voice(1, 8_000), silence(0.4)]))
    assert SECOND <= len(ready) <= SECOND + 2 * MARGIN + 160
    assert abs(int(ready[0])) <= 1
    assert abs(int(ready[-1])) <= 1


def test_silence_alone_is_nothing() -> None:
    assert len(made_ready(np.zeros(0, np.int16))) == 0
    assert len(joined([])) == 0


def test_pieces_overlap_without_a_pause_and_stand_apart_with_one() -> None:
    first, second = made_ready(voice(1, 8_000)), made_ready(voice(1, 8_000, 220))
    assert len(joined([(first, 0), (second, 0)])) == len(first) + len(second) - OVERLAP
    apart = joined([(first, 200), (second, 0)])
    assert len(apart) == len(first) + len(second) + LINE_RATE * 200 // 1000 - 2 * MARGIN
    gap = apart[len(first) - MARGIN : len(first) + LINE_RATE * 200 // 1000 - MARGIN]
    assert np.abs(gap).max() < 3_000, "the pause is quiet"


def test_no_click_is_where_pieces_meet() -> None:
    pieces = [made_ready(voice(0.5 + 0.1 * count, 9_000, 150 + 30 * count)) for count in range(6)]
    for first, second in pairwise(pieces):
        for pause_ms in (0, 140, 380):
            both = joined([(first, pause_ms), (second, 0)])
            assert largest_step(both) <= max(largest_step(first), largest_step(second))
