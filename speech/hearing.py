"""From a stretch of speech to what was meant: one pass with the step's grammar, then cheaper, closer looks.

1. The first pass listens with the step's whole grammar; its alternatives are read in every way they can be.
2. The second look listens again for nothing but the sentences the first left standing, and their rivals: with so few of
   them the recogniser's scores tell how well each fits the sound, and little else.
3. The third listens for bare syllables, any in any order. What was really said fits the sound clearly better than a row
   of syllables that means nothing; talk that is not for us does not, whatever the grammar made of it.

From these comes one number, how sure the ear is, and from that what to do: take it, say it back with a question, or
leave it (`rejection.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from speech.customer_codes import READINGS, HeardCode, KnownCodes, code_grammar, hear_code
from speech.hypotheses import ALTERNATIVES, Hypothesis
from speech.listening import Digits, Listen
from speech.recogniser import recognise
from speech.rejection import Evidence, judge
from speech.understanding import Interpretation, Understanding, weigh
from speech.utterance import NOTHING, Utterance

Look = Callable[[Sequence[str], int, bool], list[Hypothesis]]
"""Listens to the same stretch of speech again with another grammar, for so many alternatives; with one that is made for
this stretch alone, or not."""

# So many meanings of the first pass are worth a closer look.
RIVALS: Final = 6
# Where nobody's codes are known, so many of a code's readings are told, and one with a smaller share than this is
# asked about: of 34 recordings read right without a table none had less. More cannot be told from the share alone,
# the wrong ones have as much as the right ones.
_CODES_TOLD: Final = 5
_CODE_DOUBTED: Final = 0.01
# So many other readings are told to a person who looks into a turn, if they have this share of belief.
_OTHERS_TOLD: Final = 4
_OTHERS_LEAST: Final = 0.001


@dataclass(frozen=True)
class Decision:
    """What was decided, and the evidence for it; `explain` shows the arithmetic."""

    utterance: Utterance
    first: tuple[Interpretation, ...] = ()
    weighed: tuple[Interpretation, ...] = ()
    evidence: Evidence | None = None
    code: HeardCode | None = None


def first_grammar(understanding: Understanding, listen: Listen) -> tuple[Sequence[str], int]:
    """What the first pass of a step listens with, and for how many alternatives."""
    if isinstance(listen, Digits):
        return code_grammar(), READINGS
    return understanding.grammar(listen), ALTERNATIVES


def hear(
    model: Any,
    understanding: Understanding,
    listen: Listen,
    pcm16k: bytes,
    known: KnownCodes | None = None,
    first: Sequence[Hypothesis] | None = None,
) -> Utterance:
    """What a whole stretch of 16 kHz speech means at this step. `known` are the codes of all retailers, where they are
    to be told from each other; `first` is what a first pass has made of the stretch already."""
    return listen_closely(model, understanding, listen, pcm16k, known, first).utterance


def listen_closely(
    model: Any,
    understanding: Understanding,
    listen: Listen,
    pcm16k: bytes,
    known: KnownCodes | None = None,
    first: Sequence[Hypothesis] | None = None,
) -> Decision:
    """`hear`, with the evidence."""

    def look(grammar: Sequence[str], alternatives: int, once: bool) -> list[Hypothesis]:
        return recognise(model, grammar, pcm16k, alternatives, once=once)

    if isinstance(listen, Digits):
        code = hear_code(model, pcm16k, listen.length, known, first)
        if code.codes and (code.sure or code.read):
            return Decision(_of_code(code, known), code=code)
        # Not a code: "转人工", perhaps.
        first = None
    if first is None:
        first = look(understanding.grammar(listen), ALTERNATIVES, False)
    return decide(understanding, listen, first, look)


def decide(understanding: Understanding, listen: Listen, hypotheses: Sequence[Hypothesis], look: Look) -> Decision:
    """What the alternatives of a first pass mean, with closer looks at the same speech where they are needed. Of what
    this retailer may order first; where that is not convincing, of the whole catalogue."""
    decision = _decide(understanding, listen, hypotheses, look, wide=False)
    if decision.utterance.is_nothing and not isinstance(listen, Digits) and listen.barcodes:
        wider = look(understanding.grammar(listen, wide=True), ALTERNATIVES, False)
        decision = _decide(understanding, listen, wider, look, wide=True)
    return decision


def _of_code(code: HeardCode, known: KnownCodes | None) -> Utterance:
    """One of the known codes where it is sure which, otherwise it is better asked again; the likeliest few where none
    are known."""
    share = round(code.shares[0], 3)
    if known is None:
        doubted = code.shares[0] < _CODE_DOUBTED
        return Utterance(digits=code.codes[:_CODES_TOLD], text=code.codes[0], score=share, confirm=doubted)
    if not code.sure:
        return replace(NOTHING, text=code.read, score=share)
    return Utterance(digits=code.codes[:1], text=code.codes[0], score=share)


def _decide(
    understanding: Understanding, listen: Listen, hypotheses: Sequence[Hypothesis], look: Look, wide: bool
) -> Decision:
    first = understanding.interpret(listen, hypotheses, wide)
    if not first:
        return Decision(NOTHING)
    sentences = understanding.sentences(listen, first[:RIVALS], wide)
    closer = look(sentences, ALTERNATIVES, True)
    weighed = weigh(first, understanding.interpret(listen, closer, wide))
    babble = look(understanding.babble(), 1, False)
    evidence = Evidence.of(listen, weighed, closer, babble)
    verdict = judge(evidence)
    if verdict == "leave":
        utterance = replace(NOTHING, text=first[0].hypothesis.text.replace(" ", ""), score=evidence.sureness)
    else:
        utterance = understanding.utterance(listen, weighed[0], evidence.sureness, confirm=verdict == "confirm")
    utterance = replace(utterance, others=_others(weighed, utterance.text))
    return Decision(utterance, tuple(first), tuple(weighed), evidence)


def _others(weighed: Sequence[Interpretation], text: str) -> tuple[str, ...]:
    believed = [one.hypothesis.text.replace(" ", "") for one in weighed if one.share >= _OTHERS_LEAST]
    return tuple(one for one in dict.fromkeys(believed) if one != text)[:_OTHERS_TOLD]
