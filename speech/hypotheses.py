"""What the recogniser made of a stretch of speech: its alternatives, best first."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from brand_catalog.sounds import UNKNOWN, Sound, is_spoken, sound

# A live recogniser is asked for this many; what was said is nearly always among the first five.
ALTERNATIVES: Final = 12
EAR_RATE: Final = 16_000
UNKNOWN_WORD: Final = "[unk]"


@dataclass(frozen=True, slots=True)
class HeardWord:
    """One word with its place in the audio. `conf` is 1.0 where the recogniser gives none, as with alternatives."""

    word: str
    start_ms: int
    end_ms: int
    conf: float = 1.0


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One alternative. `score` is a log-likelihood: only differences over the same audio mean anything."""

    text: str
    score: float
    words: tuple[HeardWord, ...] = ()

    @property
    def sounds(self) -> tuple[Sound, ...]:
        """The characters as heard, with a mark for each stretch the recogniser had no word for."""
        heard: list[Sound] = []
        for word in self.text.split():
            if word == UNKNOWN_WORD:
                heard.append(UNKNOWN)
            else:
                heard += [sound(char) for char in word if is_spoken(char)]
        return tuple(heard)


def from_vosk(result: str) -> list[Hypothesis]:
    """The alternatives in a result of Vosk's (its JSON text), the best first; empty where nothing was heard."""
    data = json.loads(result)
    if "alternatives" not in data:
        return [Hypothesis(data["text"], 0.0, _words(data))] if data.get("text") else []
    found = [Hypothesis(a["text"].strip(), float(a["confidence"]), _words(a)) for a in data["alternatives"]]
    return [hypothesis for hypothesis in found if hypothesis.text]


def recognise(
    model: Any, grammar: Sequence[str] | None, pcm16k: bytes, alternatives: int = ALTERNATIVES
) -> list[Hypothesis]:
    """Hear a whole stretch of 16 kHz audio at once, with a grammar or (None) with the model's own vocabulary."""
    recogniser = new_recogniser(model, grammar, alternatives)
    recogniser.AcceptWaveform(pcm16k)
    return from_vosk(recogniser.FinalResult())


def new_recogniser(model: Any, grammar: Sequence[str] | None, alternatives: int = ALTERNATIVES) -> Any:
    """A recogniser to be fed with 16 kHz audio; its `FinalResult` goes to `from_vosk`."""
    from vosk import KaldiRecognizer  # the line runs on keys where Vosk cannot be loaded

    if grammar is None:
        recogniser = KaldiRecognizer(model, EAR_RATE)
    else:
        recogniser = KaldiRecognizer(model, EAR_RATE, json.dumps(list(grammar), ensure_ascii=False))
    recogniser.SetMaxAlternatives(alternatives)
    recogniser.SetWords(True)
    return recogniser


def _words(data: dict[str, Any]) -> tuple[HeardWord, ...]:
    return tuple(
        HeardWord(w["word"], round(1000 * w["start"]), round(1000 * w["end"]), float(w.get("conf", 1.0)))
        for w in data.get("result", ())
    )
