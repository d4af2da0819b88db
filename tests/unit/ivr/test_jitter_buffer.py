"""The jitter buffer: whatever a carrier does to its frames, the sound comes out in order and at the right moment."""

from __future__ import annotations

import itertools
from functools import cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ivr.streams.jitter_buffer import FILL_MAX_MS, REORDER_MS, STALL_MS, Frame, JitterBuffer
from speech.sound.audio import FRAME_BYTES, FRAME_MS, decode_mulaw, encode_mulaw

LOUD = 12_000


@cache
def voice(number: int) -> bytes:
    """A loud frame that can be told from every other, and from any noise."""
    return encode_mulaw(np.full(FRAME_BYTES, LOUD, dtype=np.int16))[:-2] + bytes([number // 256, number % 256])


def frame(number: int) -> Frame:
    return Frame(number * FRAME_MS, voice(number))


def hiss(level: float, number: int = 0) -> Frame:
    samples = level * np.random.default_rng(number).standard_normal(FRAME_BYTES)
    return Frame(number * FRAME_MS, encode_mulaw(samples.astype(np.int16)))


def is_voice(piece: bytes) -> bool:
    return len(piece) == FRAME_BYTES and np.mean(np.abs(decode_mulaw(piece[:-2]))) > LOUD / 2


def heard(buffer: JitterBuffer, *sent: Frame) -> list[bytes]:
    return [piece for one in sent for piece in buffer.put([one])]


def level_db(sound: bytes) -> float:
    return float(10 * np.log10(np.mean(np.square(decode_mulaw(sound).astype(np.float32))) + 1))


def test_frames_in_order_pass_at_once() -> None:
    buffer = JitterBuffer()
    for number in range(50):
        assert heard(buffer, frame(number)) == [voice(number)]


@settings(deadline=None)
@given(st.lists(st.integers(-9, 9), min_size=1, max_size=40))
def test_a_clock_that_is_not_quite_steady_is_no_fault(jitter: list[int]) -> None:
    buffer = JitterBuffer()
    steps = list(itertools.accumulate(FRAME_MS + shift for shift in jitter))
    sent = [Frame(at, voice(number)) for number, at in enumerate([0, *steps])]
    assert heard(buffer, *sent) == [piece.mulaw for piece in sent]


@settings(deadline=None)
@given(st.data())
def test_any_loss_doubling_and_small_disorder_gives_the_frames_in_order_and_quiet_in_the_gaps(
    data: st.DataObject,
) -> None:
    kept = [0, *data.draw(st.lists(st.integers(1, 60), unique=True).map(sorted))]
    doubled = [*kept, *data.draw(st.lists(st.sampled_from(kept)))]
    # A frame overtakes others by less than the buffer waits for.
    delays = data.draw(st.lists(st.integers(0, REORDER_MS - 1), min_size=len(doubled), max_size=len(doubled)))
    arrivals = sorted(zip(doubled, delays, strict=True), key=lambda sent: (sent[0] * FRAME_MS + sent[1], sent[0]))
    buffer = JitterBuffer()
    sound = [*heard(buffer, *(frame(number) for number, _ in arrivals)), *buffer.idle(REORDER_MS)]
    assert [piece for piece in sound if is_voice(piece)] == [voice(number) for number in kept]
    assert sum(map(len, sound)) == (kept[-1] + 1) * FRAME_BYTES
    at = 0
    for piece in sound:
        if is_voice(piece):
            assert piece == voice(at // FRAME_BYTES)
        at += len(piece)


def test_a_straggler_is_left_out() -> None:
    buffer = JitterBuffer()
    sound = heard(buffer, *map(frame, (0, 2, 3, 4, 5, 1, 6)))
    assert [piece for piece in sound if is_voice(piece)] == [voice(number) for number in (0, 2, 3, 4, 5, 6)]
    assert len(sound) == 7


def test_a_missing_frame_is_waited_for_no_longer_than_others_come() -> None:
    buffer = JitterBuffer()
    assert heard(buffer, frame(0), frame(2)) == [voice(0)]
    assert list(buffer.idle(REORDER_MS - 1)) == []
    assert [is_voice(piece) for piece in buffer.idle(REORDER_MS)] == [False, True]


def test_when_nothing_comes_any_more_silence_is_heard_by_the_wall() -> None:
    buffer = JitterBuffer()
    heard(buffer, frame(0))
    assert list(buffer.idle(STALL_MS)) == []
    assert len(list(buffer.idle(STALL_MS + 100))) == 5
    assert len(list(buffer.idle(STALL_MS + 200))) == 5


def test_a_voice_that_comes_back_after_suppressed_silence_is_heard_in_its_time() -> None:
    buffer = JitterBuffer()
    heard(buffer, frame(0))
    silence = list(buffer.idle(STALL_MS + 500))
    *rest, last = [*heard(buffer, frame(40)), *buffer.idle(REORDER_MS)]
    assert last == voice(40)
    assert len(silence) + len(rest) == 39


def test_a_stall_of_the_network_loses_nothing() -> None:
    buffer = JitterBuffer()
    heard(buffer, frame(0))
    assert list(buffer.idle(STALL_MS + 400))
    assert heard(buffer, *map(frame, range(1, 40))) == [voice(number) for number in range(1, 40)]


def test_a_long_gap_is_not_made_up_for() -> None:
    buffer = JitterBuffer()
    sound = [*heard(buffer, frame(0), Frame(3_600_000, voice(1))), *buffer.idle(REORDER_MS)]
    assert sum(map(len, sound)) == (FILL_MAX_MS // FRAME_MS + 2) * FRAME_BYTES


@pytest.mark.parametrize("level", [10.0, 100.0, 400.0])
def test_gaps_are_as_quiet_as_the_line_and_no_quieter(level: float) -> None:
    buffer = JitterBuffer()
    heard(buffer, *(hiss(level, number) for number in range(20)), frame(20))
    noise = list(buffer.idle(STALL_MS + 1_000))
    assert level_db(b"".join(noise)) == pytest.approx(level_db(hiss(level).mulaw), abs=2)
    assert len(set(noise)) == len(noise), "a repeated frame hums"


def test_a_frame_of_any_length_is_heard() -> None:
    buffer = JitterBuffer()
    long = voice(1) + voice(2) + voice(3)
    assert heard(buffer, frame(0), Frame(20, long), Frame(80, b""), frame(4)) == [voice(number) for number in range(5)]
