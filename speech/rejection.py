"""Rejection: the confidence that an utterance was meant for the line and understood right, and what follows from it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from brand_catalog.sounds import Sound, distance
from speech.hypotheses import Hypothesis
from speech.language.semantics import Meaning
from speech.listening import Choice, Digits, Listen, QuantityOf, YesNo, implied_spec
from speech.understanding import MISSING_PENALTY, Interpretation
from speech.utterance import Command, Item

Acceptance = Literal["accept", "confirm", "reject"]

# A line accepted wrongly has to be noticed in the read-back and corrected; a question costs every caller a turn. So the
# band in which the caller is asked is narrow.
ACCEPT: Final = 0.65
CONFIRM: Final = 0.35
# If the second meaning's posterior is more than this part of the first's, the caller is asked, however well both fit.
TIED: Final = 0.3
# Names without a quantity are asked about in any case, so confirming them costs little.
CONFIRM_OPEN: Final = 0.25
# The thresholds of a command by itself follow the cost of an error: an unprompted yes does nothing, an operator ends
# the automatic part of the call, 照旧 orders everything at once. A wrong yes to the read-back costs an order and a
# question two seconds: a yes is asked for again unless it is nearly certain and everything else is far behind.
ACCEPT_COMMAND: Final = 0.4
ACCEPT_UNPROMPTED_YES: Final = 0.3
ACCEPT_FAR_REACHING: Final = 0.7
ACCEPT_YES: Final = 0.75
RIVAL_OF_YES: Final = 0.05
CONFIRM_YES: Final = 0.5
_FAR_REACHING: Final = ("operator", "usual", "later")

WEIGHT_BASE: Final = 2.58
WEIGHT_FIT: Final = 0.82
WEIGHT_DISTORTION: Final = -3.49
WEIGHT_GARBAGE_DISTANCE: Final = -5.31
WEIGHT_EXTRA_SYLLABLES: Final = -1.02
WEIGHT_SHORT: Final = -8.54
WEIGHT_SHORT_COMMAND: Final = -4.80
WEIGHT_MIXED: Final = -4.21
WEIGHT_NAMELESS: Final = -7.61
# The posterior overstates small differences between alternatives; this exponent flattens it.
POSTERIOR_POWER: Final = 0.53
# An expected answer is likelier: a choice after its options, a number after "how many".
WEIGHT_EXPECTED: Final = 1.5
# A yes or no to a question has weights of its own: it is short, and often all that is said at that step. They are
# fitted on 120 yeses and 240 noes in quiet and in noise, and on 380 recordings that are no answer (docs/hearing.md).
ANSWER_BASE: Final = 0.9
ANSWER_FIT: Final = 0.74
ANSWER_MAX_FIT: Final = 12.0
ANSWER_DISTORTION: Final = -2.24
ANSWER_GARBAGE_DISTANCE: Final = -1.04
ANSWER_EXTRA_SYLLABLES: Final = -1.06
ANSWER_POSTERIOR_POWER: Final = 0.29


@dataclass(frozen=True, slots=True)
class Evidence:
    """The evidence for the best interpretation.

    `fit` is its log-likelihood above the garbage model's, a syllable; `posterior` its posterior among all meanings;
    `distortion` that of its parse, a syllable: skipped sounds, near names, odd parts; `garbage_distance` the distance
    by sound from the garbage model's result, a syllable; `extra_syllables` the number of syllables the garbage model
    has more; `nameless` says that there is a quantity without a brand, other than what changes the order;
    `expected` that it answers the question asked;
    `command` is the command if there is nothing else; `volunteered` says that it is a
    quantity of a spec the line had spoken of without asking for a quantity; `mixed` that there is a command among other
    parts; `open` that no item has its quantity yet; `tied` that another meaning is nearly as likely; `rival` is the
    posterior of all other meanings together.
    """

    fit: float
    posterior: float
    distortion: float
    garbage_distance: float
    extra_syllables: int
    syllables: int
    nameless: bool
    expected: bool = False
    command: Command | None = None
    volunteered: bool = False
    mixed: bool = False
    open: bool = False
    tied: bool = False
    rival: float = 0.0

    @classmethod
    def of(
        cls,
        listen: Listen,
        ranked: Sequence[Interpretation],
        second_pass: Sequence[Hypothesis],
        garbage: Sequence[Hypothesis],
    ) -> Evidence:
        """The evidence for the first of the interpretations; `second_pass` are the alternatives of the second
        pass, `garbage` those of the garbage model."""
        best = ranked[0]
        count = max(1, len(best.hypothesis.sounds))
        if best.hypothesis in second_pass:
            score = best.hypothesis.score
        else:
            score = second_pass[0].score - MISSING_PENALTY if second_pass else 0.0
        said = _syllables(best.hypothesis.sounds)
        bare_syllables = _syllables(garbage[0].sounds) if garbage else ()
        nameless = any(not item.barcodes and not _is_about_order(listen, item) for item in best.meaning.items)
        how_many = isinstance(listen, QuantityOf)
        return cls(
            fit=(score - (garbage[0].score if garbage else score)) / count,
            posterior=best.posterior,
            distortion=best.parse.distortion / count,
            garbage_distance=distance(said, bare_syllables) / max(len(said), len(bare_syllables), 1),
            extra_syllables=max(0, len(bare_syllables) - count),
            syllables=count,
            nameless=nameless and not implied_spec(listen),
            volunteered=nameless and not how_many,
            expected=_answers(listen, best.meaning) or (nameless and how_many),
            tied=len(ranked) > 1 and ranked[1].posterior > TIED * best.posterior,
            rival=1.0 - best.posterior,
            command=None if best.meaning.items else best.meaning.command,
            open=bool(best.meaning.items)
            and all(item.action == "add" and item.quantity is None for item in best.meaning.items),
            mixed=len(best.parse.parts) > 1 and any(part.act.kind == "command" for part in best.parse.parts),
        )

    @property
    def is_answer(self) -> bool:
        """True for a yes or no that answers the question asked."""
        return self.expected and self.command in ("yes", "no")

    @property
    def terms(self) -> dict[str, float]:
        """The contributions of all evidence but the posterior to the log-odds that the utterance was meant for the
        line. The weights are a logistic regression over the labelled recordings (docs/hearing.md)."""
        if self.is_answer:
            return {
                "base": ANSWER_BASE,
                "fit": ANSWER_FIT * min(self.fit, ANSWER_MAX_FIT),
                "distortion": ANSWER_DISTORTION * self.distortion,
                "garbage distance": ANSWER_GARBAGE_DISTANCE * self.garbage_distance,
                "extra syllables": ANSWER_EXTRA_SYLLABLES * self.extra_syllables,
            }
        return {
            "base": WEIGHT_BASE,
            "fit": WEIGHT_FIT * self.fit,
            "distortion": WEIGHT_DISTORTION * self.distortion,
            "garbage distance": WEIGHT_GARBAGE_DISTANCE * self.garbage_distance,
            "extra syllables": WEIGHT_EXTRA_SYLLABLES * self.extra_syllables,
            "short": (WEIGHT_SHORT_COMMAND if self.command else WEIGHT_SHORT) / self.syllables,
            "mixed": WEIGHT_MIXED * self.mixed,
            "nameless": WEIGHT_NAMELESS * self.nameless,
            "expected": WEIGHT_EXPECTED * self.expected,
        }

    @property
    def confidence(self) -> float:
        """The confidence, 0 to 1, that the utterance was meant for the line and that this meaning is the right one."""
        odds = sum(self.terms.values())
        if self.is_answer:
            return 1.0 / (1.0 + math.exp(-odds - ANSWER_POSTERIOR_POWER * math.log(self.posterior)))
        return float(self.posterior**POSTERIOR_POWER) / (1.0 + math.exp(-odds))


def acceptance_of(evidence: Evidence) -> Acceptance:
    """The verdict: accept the utterance, confirm it with a question, or reject it."""
    if evidence.command:
        return _acceptance_of_command(evidence.command, evidence)
    if evidence.confidence >= ACCEPT and not evidence.tied:
        return "accept"
    if evidence.volunteered:
        # The line had not asked for a quantity: a question would be about something the caller may not have meant.
        return "reject"
    return "confirm" if evidence.confidence >= (CONFIRM_OPEN if evidence.open else CONFIRM) else "reject"


def _acceptance_of_command(command: Command, evidence: Evidence) -> Acceptance:
    """The verdict on a command by itself, by the cost of obeying it wrongly."""
    if command == "yes" and not evidence.expected:
        return "accept" if evidence.confidence >= ACCEPT_UNPROMPTED_YES else "reject"
    if command == "yes":
        if evidence.confidence >= ACCEPT_YES and evidence.rival <= RIVAL_OF_YES:
            return "accept"
        return "confirm" if evidence.confidence >= CONFIRM_YES else "reject"
    if evidence.confidence < ACCEPT_COMMAND:
        return "reject"
    return "confirm" if command in _FAR_REACHING and evidence.confidence < ACCEPT_FAR_REACHING else "accept"


def _is_about_order(listen: Listen, item: Item) -> bool:
    """True if a quantity without a brand says what is to be done with what is ordered (减两条, 再加两条, 改成三条), and
    something is."""
    changes = item.action in ("reduce", "change") or item.more or item.in_all
    return changes and not isinstance(listen, Digits) and bool(listen.ordered)


def _answers(listen: Listen, meaning: Meaning) -> bool:
    if isinstance(listen, Choice):
        return meaning.choice is not None or (meaning.command in ("yes", "no") and not listen.or_items)
    return isinstance(listen, YesNo) and meaning.command in ("yes", "no")


def _syllables(heard: Sequence[Sound]) -> tuple[str, ...]:
    return tuple(sound.readings[0] for sound in heard if sound.readings)
