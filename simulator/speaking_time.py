"""The time a voice takes to say a text."""

from __future__ import annotations

import re

CHARACTER_MS = 222
"""Milliseconds of one Chinese character or digit: four and a half a second, an unhurried telephone voice."""
LETTERS_PER_CHARACTER = 3
LONG_PAUSE_MS = 450
SHORT_PAUSE_MS = 220

_LONG_PAUSE = frozenset("。！？!?；;…\n")
_SHORT_PAUSE = frozenset("，、：,:—")
_LETTERS = re.compile(r"[A-Za-z]+")


def spoken_ms(text: str) -> int:
    """Milliseconds a voice needs for `text`, with pauses at its punctuation; 0 for no text."""
    letters = sum(len(run) for run in _LETTERS.findall(text))
    rest = _LETTERS.sub("", text)
    characters = sum(1 for sign in rest if sign.isalnum() or sign in "%+#*")
    long_pauses = sum(1 for sign in rest if sign in _LONG_PAUSE)
    short_pauses = sum(1 for sign in rest if sign in _SHORT_PAUSE)
    return (
        characters * CHARACTER_MS
        + letters * CHARACTER_MS // LETTERS_PER_CHARACTER
        + long_pauses * LONG_PAUSE_MS
        + short_pauses * SHORT_PAUSE_MS
    )


def part_said(text: str, after_ms: int) -> str:
    """The beginning of `text` that has been said after `after_ms`."""
    end = len(text)
    while end and spoken_ms(text[:end]) > after_ms:
        end -= 1
    return text[:end]
