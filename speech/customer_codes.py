"""A customer code as it is spoken, and whose it is: hearing the digits and knowing the retailers are one decision.

The recogniser's grammar knows no lengths, and doubled digits run together on a telephone; so many readings are kept,
those of the right length count, the same sound is listened to at several speeds (the right reading recurs, a slip does
not), and where the retailers' codes are known every one is weighed against every reading.
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

from speech.audio import EAR_RATE
from speech.hypotheses import Hypothesis
from speech.recogniser import recognise

CODE_LENGTH: Final = 12
READINGS: Final = 300

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
# What people say before a code, in the model's words.
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
    """Sentences for the recogniser: made-up codes of every digit after every other, in the ways codes are read out."""
    chance = random.Random(1)
    often = [*"零洞一二三四五六七八九"]
    sentences = []
    for number in range(400):
        words: list[str] = []
        while len(words) < CODE_LENGTH:
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


def read_out(words: Sequence[str]) -> str:
    """The digits in spoken words: one by one, in pairs (四十一, 五十) or counted (三个零). Other words are none."""
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


def is_whole(text: str, length: int) -> bool:
    """Whether as many digits were heard as a code has."""
    return len(read_out(text.split())) >= length


# Closer looks: slower, and a third of the recogniser's frame later. Each hears the doubled and the swallowed digits a
# little differently. Speed, and delay in samples.
_LOOKS: Final = ((0.94, 0), (0.88, 0), (1.0, 160))
# Quiet before and after, without which the recogniser misses soft first and last digits.
_MARGIN_SAMPLES: Final = EAR_RATE // 4
_MARGIN_NOISE: Final = 20
# A reading one look does not have is at least this much worse there than its best one.
_UNHEARD: Final = 6.5
# How much of the recogniser's log-likelihood to believe, of one look alone.
_BELIEF: Final = 0.4
# Less than this part of a code is no code at all.
_FRAGMENT: Final = 0.6
# A code is taken where it has this share of belief, and no further look is needed at this one.
_SURE: Final = 0.8
_BEYOND_DOUBT: Final = 0.99
# How much less likely a code is that nobody has, on the scale of evidence.
_NOBODY: Final = 14.0


def _look(model: Any, pcm16k: bytes, speed: float, delay: int) -> list[Hypothesis]:
    samples = np.frombuffer(pcm16k, dtype=np.int16)
    quiet = (np.random.default_rng(0).standard_normal(2 * _MARGIN_SAMPLES) * _MARGIN_NOISE).astype(np.int16)
    # Linear interpolation will do: there is nothing above 4 kHz in it.
    places = np.arange(int(len(samples) / speed)) * speed
    slower = np.interp(places, np.arange(len(samples)), samples).astype(np.int16) if speed != 1.0 else samples
    sound = np.concatenate([quiet[: _MARGIN_SAMPLES + delay], slower, quiet[_MARGIN_SAMPLES + delay :]])
    return recognise(model, code_grammar(), sound.tobytes(), READINGS)


def weigh(looks: Iterable[Sequence[Hypothesis]]) -> dict[str, float]:
    """Every reading of every look with its log-evidence, of any length; the likeliest has 0."""
    scored: list[dict[str, float]] = []
    for hypotheses in looks:
        scores: dict[str, float] = {}
        for hypothesis in hypotheses:
            digits = read_out(hypothesis.text.split())
            scores[digits] = max(scores.get(digits, -math.inf), hypothesis.score)
        if scores:
            top = max(scores.values())
            scored.append({digits: max(score - top, -_UNHEARD) for digits, score in scores.items()})
    every = {digits for scores in scored for digits in scores if digits}
    # Looks at the same sound agree more than strangers would: twice as many are worth 1.4 times as much.
    belief = _BELIEF / math.sqrt(max(1, len(scored)))
    total = {digits: belief * sum(scores.get(digits, -_UNHEARD) for scores in scored) for digits in every}
    top = max(total.values(), default=0.0)
    return {digits: evidence - top for digits, evidence in total.items()}


class KnownCodes:
    """The codes of all retailers, made once and used for every call; `expected` are those likelier to call now (order
    day today, not ordered yet). What is not twelve digits long cannot be said and is left out."""

    def __init__(self, codes: Collection[str], expected: Collection[str] = ()) -> None:
        self.codes: Final = tuple(sorted(code for code in codes if re.fullmatch(r"[0-9]{12}", code)))
        figures = np.frombuffer("".join(self.codes).encode(), dtype=np.uint8) - ord("0")
        self.digits: Final[NDArray[np.uint8]] = figures.reshape(len(self.codes), CODE_LENGTH)
        likely = frozenset(expected)
        self.prior: Final = np.array([_EXPECTED if code in likely else 0.0 for code in self.codes])


# Someone whose order day it is calls some five times as often as someone else.
_EXPECTED: Final = 1.6
# What it costs to have misheard a digit in a way no look brought up: one for another, one too few, one too many.
_SLIP: Final = 6.0
_CONFUSED: Final = 4.6
_CONFUSIONS: Final = ("17", "69", "28", "40", "05", "56", "09", "68", "79", "47")
_LOST: Final = 6.0
_LOST_TWIN: Final = 3.5
_GAINED: Final = 6.0
_WEIGHED_READINGS: Final = 24
_WEIGHED_CODES: Final = 300


def _slips() -> NDArray[np.float64]:
    """What it costs to hear the column's digit for the row's."""
    cost = np.full((10, 10), _SLIP)
    np.fill_diagonal(cost, 0.0)
    for one, other in _CONFUSIONS:
        cost[int(one), int(other)] = cost[int(other), int(one)] = _CONFUSED
    return cost


_SLIPS: Final = _slips()


def match(readings: Mapping[str, float], known: KnownCodes) -> dict[str, float]:
    """The log-evidence for the known codes that may have been said: that each reading is what became of it."""
    best = sorted(readings.items(), key=lambda item: -item[1])[:_WEIGHED_READINGS]
    if not best or not known.codes:
        return {}
    evidence = np.array([value for _, value in best])
    # Slips are counted before they are weighed: only what is near some reading is worth it.
    counted = cdist([reading for reading, _ in best], known.codes, scorer=Levenshtein.distance, dtype=np.uint8)
    roughly = (evidence[:, None] - _CONFUSED * counted).max(axis=0) + known.prior
    near = np.argsort(-roughly, kind="stable")[:_WEIGHED_CODES]
    total = np.full(len(near), -np.inf)
    for reading, value in best:
        total = np.logaddexp(total, value - _distances(reading, known.digits[near]))
    total += known.prior[near]
    return {known.codes[place]: float(value) for place, value in zip(near, total, strict=True)}


def _distances(reading: str, codes: NDArray[np.uint8]) -> NDArray[np.float64]:
    """The cost of having heard `reading` for each of the codes: edit distance by sound, for all codes at once."""
    count, length = codes.shape
    lost = np.full((count, length), _LOST)
    # The second of two equal digits is the one that is lost.
    lost[:, 1:][codes[:, 1:] == codes[:, :-1]] = _LOST_TWIN
    row = np.concatenate([np.zeros((count, 1)), np.cumsum(lost, axis=1)], axis=1)
    for heard in reading:
        slip = _SLIPS[codes, int(heard)]
        following = np.empty_like(row)
        following[:, 0] = row[:, 0] + _GAINED
        np.minimum(row[:, :-1] + slip, row[:, 1:] + _GAINED, out=following[:, 1:])
        for place in range(length):
            np.minimum(following[:, place + 1], following[:, place] + lost[:, place], out=following[:, place + 1])
        row = following
    return row[:, -1]


@dataclass(frozen=True, slots=True)
class HeardCode:
    """What was heard: the codes it may be, likeliest first, with their shares of belief; `sure` where the first may be
    taken, and otherwise it is better asked again. `read` is the likeliest reading of the right length, whether anybody
    has that code or not; empty where there is none."""

    codes: tuple[str, ...]
    shares: tuple[float, ...]
    sure: bool
    read: str = ""


def hear_code(
    model: Any, pcm16k: bytes, length: int, known: KnownCodes | None = None, first: Sequence[Hypothesis] | None = None
) -> HeardCode:
    """The code in a stretch of 16 kHz sound. `first` are the alternatives of a pass over it with `code_grammar`, where
    there was one already. Listens again only until it is sure."""
    looks = [list(first) if first is not None else recognise(model, code_grammar(), pcm16k, READINGS)]
    if max((len(read_out(hypothesis.text.split())) for hypothesis in looks[0]), default=0) < length * _FRAGMENT:
        return HeardCode((), (), False)
    heard = judge(looks, length, known)
    for speed, delay in _LOOKS:
        if heard.codes and heard.shares[0] >= _BEYOND_DOUBT:
            break
        looks.append(_look(model, pcm16k, speed, delay))
        heard = judge(looks, length, known)
    return heard


# The first two digits of a code are those of a province (GB/T 2260).
_PROVINCES: Final = frozenset(
    {*range(11, 16), *range(21, 24), *range(31, 38), *range(41, 47), *range(50, 55), *range(61, 66), 71, 81, 82}
)
_NO_PROVINCE: Final = 2.0


def _unlikely(code: str) -> float:
    return 0.0 if int(code[:2]) in _PROVINCES else _NO_PROVINCE


def judge(looks: Sequence[Sequence[Hypothesis]], length: int, known: KnownCodes | None) -> HeardCode:
    """What the looks amount to: which of the known codes, or which of all there can be where none are known."""
    readings = weigh(looks)
    whole = {code: value - _unlikely(code) for code, value in readings.items() if len(code) == length}
    evidence = whole if known is None else match(readings, known)
    ranked = sorted(evidence.items(), key=lambda item: -item[1])
    weights = [math.exp(value) for _, value in ranked]
    # A code that is nobody's is said as well: by mistake, or because what was said was none.
    total = sum(weights) + math.exp(-_NOBODY)
    shares = tuple(weight / total for weight in weights)
    codes = tuple(code for code, _ in ranked)
    read = max(whole, key=whole.__getitem__, default="")
    return HeardCode(codes, shares, bool(shares) and shares[0] >= _SURE, read)
