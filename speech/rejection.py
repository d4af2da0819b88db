"""Whether what was understood was meant for us, and is right: how sure the ear is, and what that sureness allows."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from brand_catalog.sounds import Sound, distance
from speech.hypotheses import Hypothesis
from speech.listening import Choice, Listen, QuantityOf, YesNo, spoken_of
from speech.meaning import Meaning
from speech.understanding import NOT_FOUND, Interpretation

Verdict = Literal["take", "confirm", "leave"]

# A line taken wrongly has to be noticed in the read-back and corrected; a question costs every caller a turn. Between
# the two is a narrow band.
TAKE: Final = 0.75
CONFIRM: Final = 0.4
# A command by itself takes nothing down, and a question back would be answered with another: no band for it.
TAKE_COMMAND: Final = 0.4

WEIGHT_BASE: Final = 1.16
WEIGHT_FIT: Final = 0.56
WEIGHT_SHARE: Final = 2.78
WEIGHT_STRAIN: Final = -4.04
WEIGHT_APART: Final = -3.66
WEIGHT_LEFT_OVER: Final = -0.55
WEIGHT_SHORT: Final = -2.85
WEIGHT_NAMELESS: Final = -4.94
# What was asked for is likely to be what was said: yes or no after a question, a number after "how many".
WEIGHT_EXPECTED: Final = 1.5


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known about the best interpretation.

    `fit` is how much better it fits the sound than bare syllables do, in log-likelihood a syllable; `share` its share
    of belief among all meanings; `strain` what its reading costs a syllable: skipped sounds, near names, odd parts;
    `apart` how unlike it and the bare syllables sound, a syllable; `left_over` how many syllables fewer it has than
    they; `nameless` says that there is a quantity for which no brand was said; `expected` that it answers the question
    that was asked; `command` that it is a command and nothing else; `volunteered` that it is a quantity of a spec
    the line had told of without asking how much.
    """

    fit: float
    share: float
    strain: float
    apart: float
    left_over: int
    syllables: int
    nameless: bool
    expected: bool = False
    command: bool = False
    volunteered: bool = False

    @classmethod
    def of(
        cls,
        listen: Listen,
        weighed: Sequence[Interpretation],
        closer: Sequence[Hypothesis],
        babble: Sequence[Hypothesis],
    ) -> Evidence:
        """The evidence for the first of the interpretations: against what a pass came to that listened for bare
        syllables, `closer` being what the closer look came to."""
        best = weighed[0]
        count = max(1, len(best.hypothesis.sounds))
        score = best.hypothesis.score if best.hypothesis in closer else closer[0].score - NOT_FOUND if closer else 0.0
        said = _syllables(best.hypothesis.sounds)
        bare = _syllables(babble[0].sounds) if babble else ()
        nameless = any(not item.barcodes for item in best.meaning.items)
        how_many = isinstance(listen, QuantityOf)
        return cls(
            fit=(score - (babble[0].score if babble else score)) / count,
            share=best.share,
            strain=best.reading.strain / count,
            apart=distance(said, bare) / max(len(said), len(bare), 1),
            left_over=max(0, len(bare) - count),
            syllables=count,
            nameless=nameless and not spoken_of(listen),
            volunteered=nameless and not how_many,
            expected=_answers(listen, best.meaning) or (nameless and how_many),
            command=best.meaning.command is not None and not best.meaning.items,
        )

    @property
    def terms(self) -> dict[str, float]:
        """What each piece of evidence adds, on the log-odds scale. The weights are a logistic regression over the
        labelled recordings (docs/hearing.md): was it for us, and right?"""
        return {
            "base": WEIGHT_BASE,
            "fit": WEIGHT_FIT * self.fit,
            "share": WEIGHT_SHARE * math.log(max(self.share, 1e-3)),
            "strain": WEIGHT_STRAIN * self.strain,
            "apart": WEIGHT_APART * self.apart,
            "left over": WEIGHT_LEFT_OVER * self.left_over,
            "short": WEIGHT_SHORT / self.syllables,
            "nameless": WEIGHT_NAMELESS * self.nameless,
            "expected": WEIGHT_EXPECTED * self.expected,
        }

    @property
    def sureness(self) -> float:
        """How sure the ear is, 0 to 1."""
        return 1.0 / (1.0 + math.exp(-sum(self.terms.values())))


def judge(evidence: Evidence) -> Verdict:
    """What to do about it."""
    if evidence.command:
        return "take" if evidence.sureness >= TAKE_COMMAND else "leave"
    if evidence.sureness >= TAKE:
        return "take"
    if evidence.volunteered:
        # Nobody asked how much: a question back would be about something the caller may never have thought of.
        return "leave"
    return "confirm" if evidence.sureness >= CONFIRM else "leave"


def _answers(listen: Listen, meaning: Meaning) -> bool:
    if isinstance(listen, Choice):
        return meaning.choice is not None or (meaning.command in ("yes", "no") and not listen.or_items)
    return isinstance(listen, YesNo) and meaning.command in ("yes", "no")


def _syllables(heard: Sequence[Sound]) -> tuple[str, ...]:
    return tuple(sound.readings[0] for sound in heard if sound.readings)
