"""Sentences as sound for the telephone: put together of the pack's pieces, with a robot voice for its gaps."""

from __future__ import annotations

import re
import threading
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from callflows.prompts import load_prompts
from ivr.metrics import VOICE_GAPS
from ivr.voice.joining import joined, made_ready
from ivr.voice.pack import Piece, VoicePack
from ivr.voice.robot_voice import robot_voice, tone
from ivr.voice.tiling import Tile, parts_before_gaps, tile
from ivr.voice.wanted_pieces import prompt_texts
from speech.sound.audio import Samples, encode_mulaw

# About 20 kB each.
SENTENCES_KEPT: Final = 2_000
_DIGITS: Final = re.compile("[零幺一二三四五六七八九]{2,}")
_NO_PIECES: Final[Mapping[str, Piece]] = {}

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SpokenSentence:
    """A sentence as 8 kHz mu-law, and the parts of it that the pack lacks."""

    mulaw: bytes
    gaps: tuple[str, ...] = ()


class SpokenSentences:
    """Sentences said by the pack in this folder, and by a robot voice where it has gaps. May be used by any number of
    threads at once. A pack that grows is noticed."""

    def __init__(self, folder: Path | None = None, robot: Callable[[str], Samples] = robot_voice) -> None:
        self._pack = None if folder is None else VoicePack(folder, prompt_texts(load_prompts()))
        self._robot = robot
        self._said: OrderedDict[str, SpokenSentence] = OrderedDict()
        self._said_from: object = None
        self._lock = threading.Lock()

    def parts(self, sentence: str) -> list[str]:
        """The sentence in parts that are put together one by one: whole, unless the pack lacks some of it, which the
        robot voice takes tens of milliseconds to make."""
        return parts_before_gaps(sentence, self._pieces())

    def mulaw(self, sentence: str) -> bytes:
        """A sentence, or a part of one, as 8 kHz mu-law, at an even level and with its pauses. Raises nothing; what the
        pack lacks is counted and logged."""
        try:
            spoken = self.spoken(sentence)
        except Exception:  # a caller hears a tone rather than nothing, whatever is wrong with the pack
            log.exception("a sentence could not be put together")
            return encode_mulaw(tone())
        if spoken.gaps:
            VOICE_GAPS.inc(len(spoken.gaps))
        return spoken.mulaw

    def spoken(self, sentence: str) -> SpokenSentence:
        """The sentence as sound, with the parts of it that the pack lacks."""
        pieces = self._pieces()
        with self._lock:
            if self._said_from is not pieces:
                self._said.clear()
                self._said_from = pieces
            if (known := self._said.get(sentence)) is not None:
                self._said.move_to_end(sentence)
                return known
        spoken = self._put_together(tile(sentence, pieces), pieces)
        if spoken.gaps and pieces:
            # Codes and telephone numbers are no matter for a log.
            log.warning("the voice pack has gaps", gaps=[_DIGITS.sub("…", gap) for gap in spoken.gaps])
        with self._lock:
            if self._said_from is pieces:
                self._said[sentence] = spoken
                while len(self._said) > SENTENCES_KEPT:
                    self._said.popitem(last=False)
        return spoken

    @property
    def piece_count(self) -> int:
        """The number of pieces in the pack; 0 if there is none."""
        return len(self._pieces())

    def gaps(self, sentence: str) -> tuple[str, ...]:
        """The parts of the sentence that the pack lacks; empty if it can say all of it."""
        pieces = self._pieces()
        return tuple(one.text for one in tile(sentence, pieces) if one.gap)

    def _pieces(self) -> Mapping[str, Piece]:
        return _NO_PIECES if self._pack is None else self._pack.pieces

    def _put_together(self, tiles: list[Tile], pieces: Mapping[str, Piece]) -> SpokenSentence:
        parts, gaps = [], []
        for one in tiles:
            sound = None
            if not one.gap and self._pack is not None:
                sound = self._pack.sound(pieces[one.text])
            if sound is None:
                gaps.append(one.text)
                sound = made_ready(self._robot(one.text))
            parts.append((sound, one.pause_ms))
        return SpokenSentence(encode_mulaw(joined(parts)), tuple(gaps))
