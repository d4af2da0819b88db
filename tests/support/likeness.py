"""The likeness of two sounds, one somewhere in the other: a bridge may mix what it passes on, so that bytes differ."""

from __future__ import annotations

import numpy as np

from speech.sound.audio import LINE_RATE, decode_mulaw

# Pieces are this long, in bytes: a frame that is lost or comes late spoils the piece that it is in, and no other.
_PIECE = 3_200
# What passed through the exchange is as good as identical; pieces of other recordings have less than a half.
_ALIKE = 0.8
_SHARE = 0.7


def is_in(said: bytes, heard: bytes) -> bool:
    """True if most of what was said is in what was heard; 8 kHz mu-law."""
    pieces = [said[place : place + _PIECE] for place in range(0, len(said) - _PIECE + 1, _PIECE)]
    found = likeness(heard, pieces)
    return sum(one > _ALIKE for one in found) >= _SHARE * len(pieces)


def likeness(heard: bytes, pieces: list[bytes]) -> list[float]:
    """For each of the pieces, which are of one length: its greatest normalised correlation, 0 to 1, with any part of
    what was heard."""
    return [float(found.max()) for found in _correlations(heard, pieces)]


def second_of(said: bytes, heard: bytes) -> float:
    """The second of what was heard at which it is most like what was said."""
    (found,) = _correlations(heard, [said])
    return int(found.argmax()) / LINE_RATE


def part_like(said: bytes, heard: bytes) -> bytes:
    """The part of what was heard that is most like what was said, and as long."""
    (found,) = _correlations(heard, [said])
    place = int(found.argmax())
    return heard[place : place + len(said)]


def _correlations(heard: bytes, pieces: list[bytes]) -> list[np.ndarray]:
    length = len(pieces[0])
    hay = decode_mulaw(heard).astype(float)
    hay = np.pad(hay, (0, max(0, length - len(hay))))
    size = 1 << (len(hay) + length).bit_length()
    spectrum = np.fft.rfft(hay, size)
    energy = np.cumsum(np.concatenate(([0.0], hay * hay)))
    # Where there is next to nothing, there is no likeness either.
    energies = np.maximum(energy[length:] - energy[:-length], length * 100.0)
    found = []
    for piece in pieces:
        needle = decode_mulaw(piece).astype(float)
        products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(needle, size)), size)[: len(energies)]
        scale = np.sqrt(energies * max(needle @ needle, length * 100.0))
        found.append(products / scale)
    return found
