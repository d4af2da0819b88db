"""Telephone audio in and out: mu-law, sampling rates and the files recordings come in."""

from __future__ import annotations

import math
import wave
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.sound.audio import (
    LINE_RATE,
    RECOGNISER_RATE,
    AudioFileError,
    Samples,
    Upsampler,
    decode_mulaw,
    encode_mulaw,
    read_audio,
    resample,
    upsample,
)


def tone(hertz: float, rate: int, seconds: float = 0.5, height: float = 10_000) -> Samples:
    return (height * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)).astype(np.int16)


def level_db(samples: Samples) -> float:
    """The RMS level in dB relative to full scale; 0 is a full square wave."""
    return 10 * math.log10(float(np.mean(samples.astype(np.float64) ** 2)) / 32_768**2)


def power_at(samples: Samples, hertz: float, rate: int) -> float:
    middle = samples[len(samples) // 4 : -len(samples) // 4].astype(np.float64)
    spectrum = np.abs(np.fft.rfft(middle * np.hanning(len(middle)))) ** 2
    place = round(hertz * len(middle) / rate)
    return float(spectrum[place - 3 : place + 4].sum() / spectrum.sum())


def wav_bytes(encoding: int, channels: int, rate: int, bits: int, body: bytes) -> bytes:
    block = channels * bits // 8
    form = b"".join(
        number.to_bytes(size, "little")
        for number, size in ((encoding, 2), (channels, 2), (rate, 4), (rate * block, 4), (block, 2), (bits, 2))
    )
    chunks = b"fmt " + len(form).to_bytes(4, "little") + form
    chunks += b"LIST" + (3).to_bytes(4, "little") + b"abc\0"  # an odd chunk is padded
    chunks += b"data" + len(body).to_bytes(4, "little") + body
    return b"RIFF" + (4 + len(chunks)).to_bytes(4, "little") + b"WAVE" + chunks


def test_every_mulaw_byte_comes_back_as_it_was() -> None:
    every = bytes(range(256))
    back = encode_mulaw(decode_mulaw(every))
    assert back.replace(b"\x7f", b"\xff") == every.replace(b"\x7f", b"\xff")  # two bytes for zero


@given(st.integers(-32_768, 32_767))
def test_mulaw_is_off_by_a_sixteenth_at_most(value: int) -> None:
    back = int(decode_mulaw(encode_mulaw(np.array([value], dtype=np.int16)))[0])
    assert abs(back - value) <= max(8, abs(value) / 16, abs(value) - 32_124)


def test_known_mulaw_values() -> None:
    assert decode_mulaw(b"\xff\x7f\x80\x00").tolist() == [0, 0, 32_124, -32_124]


@pytest.mark.parametrize("hertz", [300, 1000, 2500, 3400])
def test_upsampling_keeps_the_tone_and_adds_no_image(hertz: int) -> None:
    up = upsample(tone(hertz, LINE_RATE))
    assert power_at(up, hertz, RECOGNISER_RATE) > 0.9999
    assert level_db(up) == pytest.approx(level_db(tone(hertz, LINE_RATE)), abs=0.1)


@given(st.lists(st.integers(0, 400), max_size=8))
def test_a_stream_cut_anywhere_upsamples_as_one_piece(pieces: list[int]) -> None:
    line = tone(700, LINE_RATE, seconds=0.5)
    whole = Upsampler().feed(line)
    stream, out, place = Upsampler(), [], 0
    for piece in [*pieces, len(line)]:
        out.append(stream.feed(line[place : place + piece]))
        place += piece
    assert np.concatenate(out).tolist() == whole.tolist()


@pytest.mark.parametrize(
    ("from_rate", "to_rate"), [(44_100, 16_000), (48_000, 8_000), (11_025, 8_000), (8_000, 16_000)]
)
def test_a_recording_at_any_rate_keeps_its_tone_and_length(from_rate: int, to_rate: int) -> None:
    out = resample(tone(1000, from_rate), from_rate, to_rate)
    assert len(out) == pytest.approx(to_rate / 2, abs=2)
    assert power_at(out, 1000, to_rate) > 0.999
    assert level_db(out) == pytest.approx(level_db(tone(1000, from_rate)), abs=0.1)


def test_what_the_lower_rate_cannot_carry_is_left_out() -> None:
    assert level_db(resample(tone(7000, 48_000), 48_000, 8_000)[400:-400]) < -60


def test_raw_mulaw_is_read_at_either_rate(tmp_path: Path) -> None:
    file = tmp_path / "a.ulaw"
    file.write_bytes(encode_mulaw(tone(1000, LINE_RATE)))
    assert len(read_audio(file, LINE_RATE)) == 4000
    assert len(read_audio(file)) == 8000


def test_wav_files_of_every_kind_give_the_same_sound(tmp_path: Path) -> None:
    line = tone(1000, LINE_RATE)
    stereo = np.repeat(line, 2)
    wide = line.astype("<i4") << 16
    kinds = {
        "pcm16": (1, 1, 16, line.tobytes()),
        "stereo": (1, 2, 16, stereo.tobytes()),
        "pcm8": (1, 1, 8, ((line >> 8) + 128).astype(np.uint8).tobytes()),
        "pcm24": (1, 1, 24, np.frombuffer(wide.tobytes(), np.uint8).reshape(-1, 4)[:, 1:].tobytes()),
        "pcm32": (1, 1, 32, wide.tobytes()),
        "mulaw": (7, 1, 8, encode_mulaw(line)),
    }
    for name, (encoding, channels, bits, body) in kinds.items():
        file = tmp_path / f"{name}.wav"
        file.write_bytes(wav_bytes(encoding, channels, LINE_RATE, bits, body))
        heard = read_audio(file, LINE_RATE).astype(int)
        assert len(heard) == len(line), name
        assert np.abs(heard - line).max() <= 400, name


def test_what_the_standard_library_writes_is_read(tmp_path: Path) -> None:
    file = tmp_path / "a.wav"
    with wave.open(str(file), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(16_000)
        out.writeframes(tone(500, 16_000).tobytes())
    assert read_audio(file).tolist() == tone(500, 16_000).tolist()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.mp3", b"", "neither .ulaw nor .wav"),
        ("a.wav", b"", "does not start like a WAV file"),
        ("a.wav", b"RIFF\0\0\0\0WAVE", "holds no sound"),
        ("a.wav", wav_bytes(85, 1, 8000, 8, b"abcd"), "encoding 85"),
        ("a.wav", wav_bytes(1, 0, 8000, 16, b"abcd"), "0 channels"),
        ("a.wav", wav_bytes(1, 1, 8000, 0, b"abcd"), "0 bits"),
    ],
)
def test_an_unusable_file_is_named_with_the_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(AudioFileError, match=reason) as caught:
        read_audio(tmp_path / name)
    assert name in str(caught.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(AudioFileError, match=r"gone\.ulaw cannot be read"):
        read_audio(tmp_path / "gone.ulaw")


@given(st.binary(max_size=200))
def test_no_bytes_break_the_wav_reader(tmp_path_factory: pytest.TempPathFactory, body: bytes) -> None:
    file = tmp_path_factory.mktemp("wav") / "a.wav"
    file.write_bytes(b"RIFF\0\0\0\0WAVE" + body)
    with pytest.raises(AudioFileError):
        read_audio(file)
