"""WAV files of the line's own sound format, 8 kHz mu-law."""

from __future__ import annotations

import struct

from speech.sound.audio import LINE_RATE

_MULAW_FORMAT = 7


def mulaw_wav(mulaw: bytes) -> bytes:
    """A WAV file of mu-law sound, which carriers and browsers play as it is."""
    layout = struct.pack("<HHIIHHH", _MULAW_FORMAT, 1, LINE_RATE, LINE_RATE, 1, 8, 0)
    padding = b"\0" * (len(mulaw) % 2)
    chunks = (
        b"fmt " + struct.pack("<I", len(layout)) + layout,
        b"fact" + struct.pack("<II", 4, len(mulaw)),
        b"data" + struct.pack("<I", len(mulaw)) + mulaw + padding,
    )
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body)) + body
