"""Decoding: from a segment of speech to an utterance, in one pass with the step's grammar and two cheaper passes.

1. The first pass decodes with the step's whole grammar; its alternatives are interpreted in every possible way.
2. The second pass decodes with nothing but the sentences of the best interpretations and their confusables: with so few
   sentences the recogniser's scores depend on the fit to the sound, and on little else.
3. The third pass decodes with the garbage model, bare syllables in any order. An utterance for the line fits the sound
   clearly better than a meaningless row of syllables; off-topic speech does not, whatever the grammar made of it.

From these follow the confidence, and from that what to do: take the utterance, confirm it with a question, or leave it
(`rejection.py`).
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
"""Decodes the same segment again with another grammar, for so many alternatives; the flag says that the grammar is made
for this segment alone."""

# The number of interpretations of the first pass that take part in the second.
RIVALS: Final = 6
# Without a table of codes, so many readings of a code are returned, and one with a smaller posterior than this is to be
# confirmed: of 34 recordings read right without a table none had less. The posterior alone does not tell more: wrong
# readings have as high a one as right ones.
_CODES_TOLD: Final = 5
_CODE_DOUBTED: Final = 0.01
# The other readings kept for a person who reviews the turn: at most so many, each with at least this posterior.
_OTHERS_TOLD: Final = 4
_OTHERS_LEAST: Final = 0.001


@dataclass(frozen=True)
class Decision:
    """The utterance decided on, and the evidence for it; `explaining.explain` shows the computation."""

    utterance: Utterance
    first: tuple[Interpretation, ...] = ()
    weighed: tuple[Interpretation, ...] = ()
    evidence: Evidence | None = None
    code: HeardCode | None = None


def first_grammar(understanding: Understanding, listen: Listen) -> tuple[Sequence[str], int]:
    """The grammar of the first pass of a step, and the number of alternatives to ask for."""
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
    """The utterance in a whole segment of 16 kHz speech at this step. `known` are the codes of all retailers, if codes
    are to be matched with them; `first` are the alternatives of a first pass, if there was one already."""
    return listen_closely(model, understanding, listen, pcm16k, known, first).utterance


def listen_closely(
    model: Any,
    understanding: Understanding,
    listen: Listen,
    pcm16k: bytes,
    known: KnownCodes | None = None,
    first: Sequence[Hypothesis] | None = None,
) -> Decision:
    """As `hear`, but the decision with its evidence."""

    def look(grammar: Sequence[str], alternatives: int, once: bool) -> list[Hypothesis]:
        return recognise(model, grammar, pcm16k, alternatives, once=once)

    if isinstance(listen, Digits):
        code = hear_code(model, pcm16k, listen.length, known, first)
        if code.codes and (code.sure or code.read):
            return Decision(_of_code(code, known), code=code)
        # Not a code: perhaps a command such as "转人工".
        first = None
    if first is None:
        first = look(understanding.grammar(listen), ALTERNATIVES, False)
    return decide(understanding, listen, first, look)


def decide(understanding: Understanding, listen: Listen, hypotheses: Sequence[Hypothesis], look: Look) -> Decision:
    """The decision on the alternatives of a first pass, with further passes over the same speech. First among the specs
    this retailer may order; if nothing there is convincing, among the whole catalogue."""
    decision = _decide(understanding, listen, hypotheses, look, wide=False)
    if decision.utterance.is_nothing and not isinstance(listen, Digits) and listen.barcodes:
        wider = look(understanding.grammar(listen, wide=True), ALTERNATIVES, False)
        decision = _decide(understanding, listen, wider, look, wide=True)
    return decision


def _of_code(code: HeardCode, known: KnownCodes | None) -> Utterance:
    """The known code if it is sure, otherwise nothing, so that the caller is asked again; without known codes the
    likeliest few readings."""
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
