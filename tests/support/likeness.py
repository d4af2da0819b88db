"""The likeness of two sounds, one somewhere in the other: a bridge may mix what it passes on, so that bytes differ."""

from __future__ import annotations

import numpy as np

from speech.sound.audio import decode_mulaw

# Pieces are this long, in bytes: a frame that is lost or comes late spoils the piece that it is in, and no other.
_PIECE = 3_200
# What passed through the exchange is as good as identical; pieces of other recordings have less than a half.
_ALIKE = 0.8
_SHARE = 0.7


def likeness(heard: bytes, said: bytes) -> float:
    """The greatest normalised correlation, 0 to 1, of what was said with any part of what was heard; 8 kHz mu-law."""
    needle, hay = decode_mulaw(said).astype(float), decode_mulaw(heard).astype(float)
    hay = np.pad(hay, (0, max(0, len(needle) - len(hay))))
    size = 1 << (len(hay) + len(needle)).bit_length()
    products = np.fft.irfft(np.fft.rfft(hay, size) * np.conj(np.fft.rfft(needle, size)), size)
    products = products[: len(hay) - len(needle) + 1]
    energy = np.cumsum(np.concatenate(([0.0], hay * hay)))
    energies = energy[len(needle) :] - energy[: -len(needle)]
    # Where there is next to nothing, there is no likeness either.
    scale = np.sqrt(np.maximum(energies, len(needle) * 100.0) * np.maximum(needle @ needle, len(needle) * 100.0))
    return float((products / scale).max())


def is_in(said: bytes, heard: bytes) -> bool:
    """True if most of what was said is in what was heard."""
    pieces = [said[place : place + _PIECE] for place in range(0, len(said) - _PIECE // 2, _PIECE)]
    return sum(likeness(heard, piece) > _ALIKE for piece in pieces) >= _SHARE * len(pieces)
