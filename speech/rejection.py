"""Whether what was understood was meant for us: how sure the ear is, and what that sureness allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from speech.hypotheses import Hypothesis
from speech.understanding import Interpretation

Verdict = Literal["take", "confirm", "leave"]

TAKE: Final = 0.8
CONFIRM: Final = 0.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about the best interpretation.

    `fit` is how much better it fits the sound than bare syllables do, in log-likelihood a syllable; `share` its share
    of belief among all meanings; `strain` what its reading costs a syllable: skipped sounds, near names, odd parts.
    """

    fit: float
    share: float
    strain: float
    syllables: int

    @classmethod
    def of(cls, interpretations: Sequence[Interpretation], babble: Sequence[Hypothesis]) -> Evidence:
        """The evidence for the first of the interpretations, against a pass that listened for bare syllables."""
        best = interpretations[0]
        count = max(1, len(best.hypothesis.sounds))
        against = babble[0].score if babble else best.hypothesis.score
        return cls(
            fit=(best.hypothesis.score - against) / count,
            share=best.share,
            strain=best.reading.strain / count,
            syllables=count,
        )

    @property
    def sureness(self) -> float:
        """How sure the ear is, 0 to 1."""
        return self.share / (1.0 + math.exp(-2.0 * (self.fit - 2.5)))


def judge(evidence: Evidence) -> Verdict:
    """What to do about it."""
    if evidence.sureness >= TAKE:
        return "take"
    return "confirm" if evidence.sureness >= CONFIRM else "leave"
