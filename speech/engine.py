"""The speech engine: the only file that knows Vosk. Its last release is 0.3.45 (December 2022); what replaces it, and
what that would take, is in docs/dependencies.md."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from speech.hypotheses import Hypothesis, from_vosk
from speech.sound.audio import RECOGNISER_RATE


def load(folder: Path) -> Any:
    """The model in this folder. Raises Exception, and nothing more precise, for a folder that has none."""
    # Imported here because the library alone costs 50 ms and 20 MB, which the keypad line and most commands never need.
    import vosk

    vosk.SetLogLevel(-1)
    return vosk.Model(str(folder))


def has_word(model: Any, word: str) -> bool:
    """True if the word is in the model's vocabulary."""
    return bool(model.vosk_model_find_word(word) >= 0)


class Decoder:
    """Decodes one segment of sound after another, by these sentences or (None) by the model's own vocabulary."""

    def __init__(self, model: Any, sentences: Sequence[str] | None, alternatives: int) -> None:
        from vosk import KaldiRecognizer  # the line runs on keys where Vosk cannot be loaded

        if sentences is None:
            self._vosk = KaldiRecognizer(model, RECOGNISER_RATE)
        else:
            self._vosk = KaldiRecognizer(model, RECOGNISER_RATE, json.dumps(list(sentences), ensure_ascii=False))
        self._vosk.SetMaxAlternatives(alternatives)

    def feed(self, pcm16k: bytes) -> None:
        """Take the next sound of the segment: 16 bit, 16 kHz."""
        self._vosk.AcceptWaveform(pcm16k)

    @property
    def partial(self) -> str:
        """The likeliest words so far."""
        return str(json.loads(self._vosk.PartialResult())["partial"])

    def finish(self) -> list[Hypothesis]:
        """End the segment and return its alternatives, the best first."""
        return from_vosk(self._vosk.FinalResult())
