"""Recognition of spoken customer codes: the digits and the retailer are decided together.

The recogniser's grammar cannot require a length, and doubled digits run together on a telephone; so many readings are
kept and those of the right length count, the same sound is decoded at several speeds (the right reading recurs, an
error does not), and if the retailers' codes are known every one is compared with every reading.
"""

from __future__ import annotations

import math
import random
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein
from rapidfuzz.process import cdist

from speech.hypotheses import Hypothesis
from speech.listening import CUSTOMER_CODE_DIGITS
from speech.recogniser import recognise
from speech.sound.audio import RECOGNISER_RATE

CODE_ALTERNATIVES: Final = 300

_DIGIT: Final[Mapping[str, int]] = {
    **{word: digit for digit, word in enumerate("零一二三四五六七八九")},
    "洞": 0,
    "幺": 1,
    "两": 2,
    "拐": 7,
    "勾": 9,
}
_TEN: Final = "十"
_TIMES: Final = "个"
# Words said before a code, in the model's vocabulary.
_OPENINGS: Final = (
    "嗯",
    "那个",
    "我 的 号 是",
    "我 的 编码 是",
    "客户 编码 是",
    "客户 代码 是",
    "编号 是",
    "号码 是",
    "代码 是",
    "编码 是",
)


@lru_cache(maxsize=1)
def code_grammar() -> tuple[str, ...]:
    """Sentences for the recogniser: random codes, every digit after every other, in the ways codes are read out."""
    chance = random.Random(1)
    often = [*"零洞一二三四五六七八九"]
    sentences = []
    for number in range(400):
        words: list[str] = []
        while len(words) < CUSTOMER_CODE_DIGITS:
            kind = chance.random()
            if kind < 0.03:
                words += [chance.choice("两三四"), _TIMES, chance.choice(often)]
            elif kind < 0.08:
                words += [
                    chance.choice(often[3:]),
                    _TEN,
                    *([chance.choice(often[3:])] if chance.random() < 0.7 else []),
                ]
            elif kind < 0.1:
                words.append(chance.choice("拐勾"))
            else:
                words.append(chance.choice(often))
        if number % 10 == 0:
            words.insert(0, _OPENINGS[number // 10 % len(_OPENINGS)])
        sentences.append(" ".join(words))
    return tuple(sentences)


def digits_in(words: Sequence[str]) -> str:
    """The digits in spoken words: one by one, in pairs (四十一, 五十) or counted (三个零). Other words are ignored."""
    digits = ""
    place = 0
    while place < len(words):
        digit = _DIGIT.get(words[place])
        rest = words[place + 1 :]
        if digit is not None and 2 <= digit <= 6 and len(rest) > 1 and rest[0] == _TIMES and rest[1] in _DIGIT:
            digits += str(_DIGIT[rest[1]]) * digit
            place += 2
        elif words[place] == _TEN:
            before = place > 0 and _DIGIT.get(words[place - 1], 0) > 0
            after = bool(rest) and _DIGIT.get(rest[0], 0) > 0
            digits += ("" if before else "1") + ("" if after else "0")
        elif digit is not None:
            digits += str(digit)
        place += 1
    return digits


def is_complete_code(text: str, length: int) -> bool:
    """True if the text has at least as many digits as a code."""
    return len(digits_in(text.split())) >= length


# Further passes: slower, or delayed by a third of the recogniser's frame. Each recognises the doubled and the swallowed
# digits a little differently. Speed, and delay in samples.
_FURTHER_PASSES: Final = ((0.94, 0), (0.88, 0), (1.0, 160))
# Quiet noise before and after, without which the recogniser misses soft first and last digits.
_MARGIN_SAMPLES: Final = RECOGNISER_RATE // 4
_MARGIN_NOISE: Final = 20
# A reading missing from a pass scores this much less there than the best reading of the pass.
_MISSING: Final = 6.5
# The weight of the recogniser's log-likelihood, for a single pass.
_SCORE_WEIGHT: Final = 0.4
# Fewer digits than this part of a code are no code.
_MIN_FRACTION: Final = 0.6
# The posterior at which a code is accepted, and the one at which no further pass is needed.
_ACCEPT_POSTERIOR: Final = 0.8
_STOP_POSTERIOR: Final = 0.99
# The log-evidence of a code that no retailer has is lower by this.
_UNASSIGNED: Final = 14.0


def _decode_at_speed(model: Any, pcm16k: bytes, speed: float, delay: int) -> list[Hypothesis]:
    samples = np.frombuffer(pcm16k, dtype=np.int16)
    quiet = (np.random.default_rng(0).standard_normal(2 * _MARGIN_SAMPLES) * _MARGIN_NOISE).astype(np.int16)
    # Linear interpolation is enough: the sound has nothing above 4 kHz.
    places = np.arange(int(len(samples) / speed)) * speed
    slower = np.interp(places, np.arange(len(samples)), samples).astype(np.int16) if speed != 1.0 else samples
    sound = np.concatenate([quiet[: _MARGIN_SAMPLES + delay], slower, quiet[_MARGIN_SAMPLES + delay :]])
    return recognise(model, code_grammar(), sound.tobytes(), CODE_ALTERNATIVES)


def reading_evidence(passes: Iterable[Sequence[Hypothesis]]) -> dict[str, float]:
    """The readings of all passes, of any length, with their log-evidence; the likeliest has 0."""
    scored: list[dict[str, float]] = []
    for hypotheses in passes:
        scores: dict[str, float] = {}
        for hypothesis in hypotheses:
            digits = digits_in(hypothesis.text.split())
            scores[digits] = max(scores.get(digits, -math.inf), hypothesis.score)
        if scores:
            top = max(scores.values())
            scored.append({digits: max(score - top, -_MISSING) for digits, score in scores.items()})
    every = {digits for scores in scored for digits in scores if digits}
    # Passes over the same sound are not independent: twice as many are worth 1.4 times as much.
    weight = _SCORE_WEIGHT / math.sqrt(max(1, len(scored)))
    total = {digits: weight * sum(scores.get(digits, -_MISSING) for scores in scored) for digits in every}
    top = max(total.values(), default=0.0)
    return {digits: evidence - top for digits, evidence in total.items()}


class KnownCodes:
    """The codes of all retailers, built once and used for every call; `expected` are those likelier to call now (order
    day today, not ordered yet). A code that is not twelve digits long is left out."""

    def __init__(self, codes: Collection[str], expected: Collection[str] = ()) -> None:
        whole = re.compile(rf"[0-9]{{{CUSTOMER_CODE_DIGITS}}}")
        self.codes: Final = tuple(sorted(filter(whole.fullmatch, codes)))
        figures = np.frombuffer("".join(self.codes).encode(), dtype=np.uint8) - ord("0")
        self.digits: Final[NDArray[np.uint8]] = figures.reshape(len(self.codes), CUSTOMER_CODE_DIGITS)
        likely = frozenset(expected)
        self.prior: Final = np.array([_EXPECTED if code in likely else 0.0 for code in self.codes])


# A retailer whose order day it is calls about five times as often as another; in log-evidence.
_EXPECTED: Final = 1.6
# The cost of an error in the digits that no pass resolved: one taken for another, one lost, one inserted.
_SUBSTITUTION: Final = 6.0
_CONFUSABLE_SUBSTITUTION: Final = 4.6
_CONFUSABLE_DIGITS: Final = ("17", "69", "28", "40", "05", "56", "09", "68", "79", "47")
_DELETION: Final = 6.0
_DELETION_OF_DOUBLE: Final = 3.5
_INSERTION: Final = 6.0
_WEIGHED_READINGS: Final = 24
_WEIGHED_CODES: Final = 300


def _substitution_costs() -> NDArray[np.float64]:
    """The cost of recognising the column's digit for the row's."""
    cost = np.full((10, 10), _SUBSTITUTION)
    np.fill_diagonal(cost, 0.0)
    for one, other in _CONFUSABLE_DIGITS:
        cost[int(one), int(other)] = cost[int(other), int(one)] = _CONFUSABLE_SUBSTITUTION
    return cost


_SUBSTITUTION_COSTS: Final = _substitution_costs()


def code_evidence(readings: Mapping[str, float], known: KnownCodes) -> dict[str, float]:
    """The log-evidence for the known codes that may have been said, summed over the readings each could have become."""
    best = sorted(readings.items(), key=lambda item: -item[1])[:_WEIGHED_READINGS]
    if not best or not known.codes:
        return {}
    evidence = np.array([value for _, value in best])
    # Errors are counted before their costs are summed: only codes near some reading are worth the computation.
    counted = cdist([reading for reading, _ in best], known.codes, scorer=Levenshtein.distance, dtype=np.uint8)
    roughly = (evidence[:, None] - _CONFUSABLE_SUBSTITUTION * counted).max(axis=0) + known.prior
    near = np.argsort(-roughly, kind="stable")[:_WEIGHED_CODES]
    total = np.full(len(near), -np.inf)
    for reading, value in best:
        total = np.logaddexp(total, value - _distances(reading, known.digits[near]))
    total += known.prior[near]
    return {known.codes[place]: float(value) for place, value in zip(near, total, strict=True)}


def _distances(reading: str, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The cost of having recognised `reading` for each of the codes: edit distance by sound, for all codes at once."""
    count, length = codes.shape
    lost = np.full((count, length), _DELETION)
    # The second of two equal digits is the one that is lost.
    lost[:, 1:][codes[:, 1:] == codes[:, :-1]] = _DELETION_OF_DOUBLE
    row = np.concatenate([np.zeros((count, 1)), np.cumsum(lost, axis=1)], axis=1)
    for heard in reading:
        substitution = _SUBSTITUTION_COSTS[codes, int(heard)]
        following = np.empty_like(row)
        following[:, 0] = row[:, 0] + _INSERTION
        np.minimum(row[:, :-1] + substitution, row[:, 1:] + _INSERTION, out=following[:, 1:])
        for place in range(length):
            np.minimum(following[:, place + 1], following[:, place] + lost[:, place], out=following[:, place + 1])
        row = following
    return row[:, -1]


@dataclass(frozen=True, slots=True)
class CodeDecision:
    """A recognised code: the codes it may be, likeliest first, with their posteriors; `accepted` if the first is
    accepted, otherwise the caller is asked again. `reading` is the likeliest reading of the right length, even of a
    code no retailer has; empty if there is none."""

    codes: tuple[str, ...]
    posteriors: tuple[float, ...]
    accepted: bool
    reading: str = ""


def recognise_code(
    model: Any, pcm16k: bytes, length: int, known: KnownCodes | None = None, first: Sequence[Hypothesis] | None = None
) -> CodeDecision:
    """The code in a segment of 16 kHz sound. `first` are the alternatives of a pass over it with `code_grammar`, if
    there was one already. Makes further passes until one code is nearly certain."""
    passes = [list(first) if first is not None else recognise(model, code_grammar(), pcm16k, CODE_ALTERNATIVES)]
    if max((len(digits_in(hypothesis.text.split())) for hypothesis in passes[0]), default=0) < length * _MIN_FRACTION:
        return CodeDecision((), (), False)
    decision = decide_code(passes, length, known)
    for speed, delay in _FURTHER_PASSES:
        if decision.codes and decision.posteriors[0] >= _STOP_POSTERIOR:
            break
        passes.append(_decode_at_speed(model, pcm16k, speed, delay))
        decision = decide_code(passes, length, known)
    return decision


# The first two digits of a code are those of a province (GB/T 2260).
_PROVINCES: Final = frozenset(
    {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82}
)
_NO_PROVINCE: Final = 2.0


def _unlikely(code: str) -> float:
    return 0.0 if int(code[:2]) in _PROVINCES else _NO_PROVINCE


def decide_code(passes: Sequence[Sequence[Hypothesis]], length: int, known: KnownCodes | None) -> CodeDecision:
    """The codes supported by all passes together: of the known codes, or of all possible ones if `known` is None."""
    readings = reading_evidence(passes)
    whole = {code: value - _unlikely(code) for code, value in readings.items() if len(code) == length}
    evidence = whole if known is None else code_evidence(readings, known)
    ranked = sorted(evidence.items(), key=lambda item: -item[1])
    weights = [math.exp(value) for _, value in ranked]
    # Codes that no retailer has are recognised too: by a slip of the caller, or because the speech was not a code.
    total = sum(weights) + math.exp(-_UNASSIGNED)
    posteriors = tuple(weight / total for weight in weights)
    codes = tuple(code for code, _ in ranked)
    reading = max(whole, key=whole.__getitem__, default="")
    return CodeDecision(codes, posteriors, bool(posteriors) and posteriors[0] >= _ACCEPT_POSTERIOR, reading)
