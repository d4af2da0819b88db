"""Telephone audio: mu-law and PCM, 8 kHz and 16 kHz, and audio files.

Samples are numpy int16 arrays, mono. A telephone line carries 8 kHz mu-law; the recogniser is fed 16 kHz PCM.
"""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

Samples = NDArray[np.int16]

LINE_RATE: Final = 8_000
RECOGNISER_RATE: Final = 16_000
FRAME_MS: Final = 20
FRAME_BYTES: Final = LINE_RATE * FRAME_MS // 1000

_BIAS = 132
_CLIP = 32_635


class AudioFileError(ValueError):
    """A recording that cannot be read; the message names the file, the fault and how to correct it."""


def _decoding_table() -> Samples:
    inverted = ~np.arange(256, dtype=np.uint8)
    exponent = (inverted >> 4) & 7
    magnitude = (((inverted & 15).astype(np.int32) << 3) + _BIAS << exponent) - _BIAS
    return np.where(inverted & 0x80, -magnitude, magnitude).astype(np.int16)


_MULAW_TO_PCM: Final = _decoding_table()


def decode_mulaw(data: bytes) -> Samples:
    """G.711 mu-law bytes as samples, one for each byte."""
    return _MULAW_TO_PCM[np.frombuffer(data, dtype=np.uint8)]


def encode_mulaw(samples: Samples) -> bytes:
    """Samples as G.711 mu-law, one byte for each sample."""
    wide = samples.astype(np.int32)
    biased = np.minimum(np.abs(wide), _CLIP) + _BIAS
    exponent = np.floor(np.log2(biased)).astype(np.int32) - 7
    sign = np.where(wide < 0, 0x80, 0)
    coded: bytes = (~(sign | (exponent << 4) | ((biased >> (exponent + 3)) & 15)) & 0xFF).astype(np.uint8).tobytes()
    return coded


# Half the length of the interpolation filter in input samples. 16 on each side keep the response flat to 3.4 kHz and
# suppress the image above 4.6 kHz by more than 50 dB; the delay of 2 ms is negligible beside a frame.
_HALF_LENGTH = 16
_OFFSETS = np.arange(-_HALF_LENGTH, _HALF_LENGTH) + 0.5
_HALF_BAND_TAPS = (np.sinc(_OFFSETS) * np.i0(6.0 * np.sqrt(1 - (_OFFSETS / _HALF_LENGTH) ** 2)) / np.i0(6.0)).astype(
    np.float32
)
_HALF_BAND_TAPS /= _HALF_BAND_TAPS.sum()


# A line carries nothing above 4 kHz, and the model was not trained on sound with half the spectrum missing. Faint noise
# there (50 dB below speech) reduces errors in brands by a sixth and in codes by a fifth. It is always the same noise,
# so that recognition is deterministic.
_BAND_NOISE: Final = (10 * np.random.default_rng(0).standard_normal(RECOGNISER_RATE)).astype(np.float32)


class Upsampler:
    """Upsamples a stream from 8 kHz to 16 kHz, in pieces of any length: every other sample is the line's own, those
    between come from a half-band filter, and inaudible noise fills the empty band. Output lags the input by
    `_HALF_LENGTH` line samples (2 ms)."""

    def __init__(self) -> None:
        self._tail = np.zeros(2 * _HALF_LENGTH - 1, dtype=np.float32)
        self._done = 0

    def feed(self, samples: Samples) -> Samples:
        """The next samples at 16 kHz, twice as many as were fed."""
        line = np.concatenate([self._tail, samples])
        self._tail = line[len(line) - len(self._tail) :]
        out = np.empty(2 * len(samples), dtype=np.float32)
        out[0::2] = line[_HALF_LENGTH - 1 : _HALF_LENGTH - 1 + len(samples)]
        out[1::2] = np.convolve(line, _HALF_BAND_TAPS, "valid") if len(samples) else 0
        places = np.arange(self._done, self._done + len(out)) % len(_BAND_NOISE)
        self._done += len(out)
        return _rounded(out + _BAND_NOISE[places])


def upsample(samples: Samples) -> Samples:
    """A whole 8 kHz recording at 16 kHz, without the stream's delay."""
    return Upsampler().feed(np.concatenate([samples, np.zeros(_HALF_LENGTH, dtype=np.int16)]))[2 * _HALF_LENGTH :]


def resample(samples: Samples, from_rate: int, to_rate: int) -> Samples:
    """A whole recording at another rate, band-limited to the lower of the two."""
    if from_rate == to_rate:
        return samples
    if (from_rate, to_rate) == (LINE_RATE, RECOGNISER_RATE):
        return upsample(samples)
    step = Fraction(from_rate, to_rate)
    cutoff = min(1.0, 1 / float(step))
    reach = math.ceil(_HALF_LENGTH / cutoff)
    padded = np.pad(samples.astype(np.float32), reach)
    taps = np.arange(-reach + 1, reach + 1)
    # A sample of the result lies at one of so many places between two of the sound.
    phases = step.denominator
    distance = taps - (np.arange(phases) / phases)[:, None]
    window = np.i0(6.0 * np.sqrt(np.clip(1 - (distance / reach) ** 2, 0, 1))) / np.i0(6.0)
    kernels = cutoff * np.sinc(cutoff * distance) * window
    count = len(samples) * to_rate // from_rate
    out = np.empty(count, dtype=np.float32)
    # In blocks, because the matrix of taps is about sixty times as large as the sound.
    for first in range(0, count, RECOGNISER_RATE):
        whole, phase = np.divmod(np.arange(first, min(first + RECOGNISER_RATE, count)) * step.numerator, phases)
        out[first : first + len(whole)] = (padded[whole[:, None] + taps + reach] * kernels[phase]).sum(axis=1)
    return _rounded(out)


def read_audio(path: Path, rate: int = RECOGNISER_RATE) -> Samples:
    """The recording in `path` at `rate` Hz: `.ulaw` is raw 8 kHz mu-law, `.wav` any rate, one channel or several
    (mixed), 8, 16, 24 or 32 bit PCM or mu-law. AudioFileError if it is neither."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise AudioFileError(
            f"{path} cannot be read ({error.strerror}); give the path of a .ulaw or .wav file."
        ) from error
    suffix = path.suffix.lower()
    if suffix == ".ulaw":
        return resample(decode_mulaw(data), LINE_RATE, rate)
    if suffix != ".wav":
        raise AudioFileError(f"{path} is neither .ulaw nor .wav; convert it to one of them.")
    try:
        return read_wav(data, rate)
    except ValueError as error:
        raise AudioFileError(f"{path} cannot be used: {error}; save it as 16 bit PCM or mu-law WAV.") from error


def read_wav(data: bytes, rate: int = RECOGNISER_RATE) -> Samples:
    """The recording in a WAV file's content, at `rate` Hz. ValueError, saying what is wrong, if it is not one."""
    samples, from_rate = _parse_wav(data)
    return resample(samples, from_rate, rate)


def _parse_wav(data: bytes) -> tuple[Samples, int]:
    # The standard library's wave module refuses mu-law, which is what a telephone recording usually is.
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("it does not start like a WAV file")
    layout: tuple[int, int, int, int] | None = None
    place = 12
    while place + 8 <= len(data):
        name, size = data[place : place + 4], int.from_bytes(data[place + 4 : place + 8], "little")
        body = data[place + 8 : place + 8 + size]
        if name == b"fmt " and len(body) >= 16:
            encoding, channels, rate, bits = (
                int.from_bytes(body[start:end], "little") for start, end in ((0, 2), (2, 4), (4, 8), (14, 16))
            )
            if encoding == 0xFFFE and len(body) >= 26:  # WAVE_FORMAT_EXTENSIBLE names the real one further on
                encoding = int.from_bytes(body[24:26], "little")
            layout = encoding, channels, rate, bits
        elif name == b"data":
            if layout is None:
                raise ValueError("its sound comes before its format")
            return _wav_samples(body, *layout), layout[2]
        place += 8 + size + size % 2
    raise ValueError("it holds no sound")


def _wav_samples(body: bytes, encoding: int, channels: int, rate: int, bits: int) -> Samples:
    if not 1 <= channels <= 8 or not 4_000 <= rate <= 192_000:
        raise ValueError(f"{channels} channels at {rate} Hz is not a recording of speech")
    width = bits // 8
    body = body[: len(body) // max(1, width * channels) * width * channels]
    if (encoding, bits) == (7, 8):
        samples = decode_mulaw(body)
    elif (encoding, bits) == (1, 8):
        samples = (np.frombuffer(body, dtype=np.uint8).astype(np.int16) - 128) << 8
    elif encoding == 1 and bits in (16, 24, 32):
        # Little-endian: the two top bytes of each sample are a 16 bit sample.
        top = np.frombuffer(body, dtype=np.uint8).reshape(-1, width)[:, width - 2 :]
        samples = np.ascontiguousarray(top).view("<i2").ravel().astype(np.int16)
    else:
        raise ValueError(f"it is in WAV encoding {encoding} with {bits} bits, which is not read here")
    if channels == 1:
        return samples
    return _rounded(samples.reshape(-1, channels).astype(np.float32).mean(axis=1))


def _rounded(samples: NDArray[np.float32]) -> Samples:
    return np.clip(np.round(samples), -32_768, 32_767).astype(np.int16)
