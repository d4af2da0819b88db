"""Sentences as sound for the telephone."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Final

from ivr.voice.robot_voice import robot_voice
from speech.sound.audio import Samples, encode_mulaw

# About 20 kB each.
SENTENCES_KEPT: Final = 2_000


class SpokenSentences:
    """Sentences said by the pack in this folder, and by a robot voice where it has gaps. May be used by any number of
    threads at once."""

    def __init__(self, pack: Path | None = None, robot: Callable[[str], Samples] = robot_voice) -> None:
        self._pack = pack
        self._robot = robot
        self._said: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def mulaw(self, sentence: str) -> bytes:
        """The whole sentence as 8 kHz mu-law. Raises nothing."""
        with self._lock:
            if (known := self._said.get(sentence)) is not None:
                self._said.move_to_end(sentence)
                return known
        sound = encode_mulaw(self._robot(sentence))
        with self._lock:
            self._said[sentence] = sound
            while len(self._said) > SENTENCES_KEPT:
                self._said.popitem(last=False)
        return sound
