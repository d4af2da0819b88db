"""The recogniser's hypotheses for a segment of speech: its alternatives, best first."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Final

from brand_catalog.sounds import UNKNOWN, Sound, is_spoken, sound

# The number of alternatives asked for; the right one is nearly always among the first five.
ALTERNATIVES: Final = 12
UNKNOWN_WORD: Final = "[unk]"


@dataclass(frozen=True, slots=True)
class Hypothesis:
    """One alternative. `score` is a log-likelihood: only differences over the same audio are meaningful."""

    text: str
    score: float

    @property
    def sounds(self) -> tuple[Sound, ...]:
        """The characters as sounds, with UNKNOWN for each part the recogniser had no word for."""
        heard: list[Sound] = []
        for word in self.text.split():
            if word == UNKNOWN_WORD:
                heard.append(UNKNOWN)
            else:
                heard += [sound(char) for char in word if is_spoken(char)]
        return tuple(heard)


def from_vosk(result: str) -> list[Hypothesis]:
    """The alternatives in a result of Vosk's (its JSON text), the best first; empty if nothing was recognised."""
    data = json.loads(result)
    if "alternatives" not in data:
        return [Hypothesis(data["text"], 0.0)] if data.get("text") else []
    found = [Hypothesis(a["text"].strip(), float(a["confidence"])) for a in data["alternatives"]]
    return [hypothesis for hypothesis in found if hypothesis.text]
