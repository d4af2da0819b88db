"""Decoding: from a segment of speech to an utterance, in one pass with the step's grammar and two cheaper passes.

1. The first pass decodes with the step's whole grammar; its alternatives are interpreted in every possible way.
2. The second pass decodes with nothing but the sentences of the best interpretations and their confusables: with so few
   sentences the recogniser's scores depend on the fit to the sound, and on little else.
3. The third pass decodes with the garbage model, bare syllables in any order. An utterance for the line fits the sound
   clearly better than a meaningless row of syllables; off-topic speech does not, whatever the grammar made of it.
   It depends on no other pass, so a stream runs it beside the first while the caller speaks.

From these follow the confidence, and from that the decision: accept the utterance, confirm it with a question, or
reject it (`rejection.py`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from speech.customer_codes import CODE_ALTERNATIVES, CodeDecision, KnownCodes, code_grammar, recognise_code
from speech.hypotheses import ALTERNATIVES, Hypothesis
from speech.listening import Digits, Listen
from speech.recogniser import make_ready, recognise
from speech.rejection import Evidence, acceptance_of
from speech.understanding import Interpretation, Understanding, combine_passes, is_bare_answer
from speech.utterance import NOTHING, Item, Quantity, Utterance

DecodingPass = Callable[[Sequence[str], int, bool], list[Hypothesis]]
"""Decodes the same segment again with another grammar, for so many alternatives; the flag says that the grammar is made
for this segment alone."""

# The number of interpretations of the first pass that take part in the second.
MAX_SECOND_PASS: Final = 6
# The alternatives asked for where the wordings of yes and no compete.
ANSWER_ALTERNATIVES: Final = 40
# A quantity whose posterior is at least this part of the best one's is asked about: of dev, dev2 and a set of our own,
# 5 of 301 lines accepted rightly have such a second quantity, and 9 of 21 accepted wrongly (docs/hearing.md).
OTHER_QUANTITY: Final = 0.2
# Without a table of codes, so many readings of a code are returned, and one with a smaller posterior than this is to be
# confirmed: of 34 recordings read right without a table none had less. The posterior says no more: wrong readings have
# as high a one as right ones.
_MAX_CODE_READINGS: Final = 5
_CONFIRM_CODE_BELOW: Final = 0.01
# The other readings kept for the review of the turn: at most so many, each with at least this posterior.
_MAX_OTHERS: Final = 4
_MIN_OTHER_POSTERIOR: Final = 0.001


@dataclass(frozen=True)
class Decision:
    """The utterance decided on, and the evidence for it; `explaining.explain` shows the computation."""

    utterance: Utterance
    first: tuple[Interpretation, ...] = ()
    ranked: tuple[Interpretation, ...] = ()
    evidence: Evidence | None = None
    code: CodeDecision | None = None


def first_grammar(understanding: Understanding, listen: Listen) -> tuple[Sequence[str], int]:
    """The grammar of the first pass of a step, and the number of alternatives to ask for."""
    if isinstance(listen, Digits):
        return code_grammar(), CODE_ALTERNATIVES
    return understanding.grammar(listen), ALTERNATIVES


def prepare(model: Any, understanding: Understanding, listen: Listen) -> None:
    """Build what speech at this step will need, unless it is there: the grammar, the parser, and a recogniser for each
    of the passes whose grammar is known beforehand."""
    make_ready(model, *first_grammar(understanding, listen))
    make_ready(model, understanding.garbage_model(), 1)
    understanding.interpret(listen, ())


def decode(
    model: Any,
    understanding: Understanding,
    listen: Listen,
    pcm16k: bytes,
    known: KnownCodes | None = None,
    first: Sequence[Hypothesis] | None = None,
    garbage: Sequence[Hypothesis] | None = None,
) -> Utterance:
    """The utterance in a whole segment of 16 kHz speech at this step. `known` are the codes of all retailers, if codes
    are to be matched with them; `first` and `garbage` are the alternatives of the first and of the third pass, if
    there was one already."""
    return decode_with_evidence(model, understanding, listen, pcm16k, known, first, garbage).utterance


def decode_with_evidence(
    model: Any,
    understanding: Understanding,
    listen: Listen,
    pcm16k: bytes,
    known: KnownCodes | None = None,
    first: Sequence[Hypothesis] | None = None,
    garbage: Sequence[Hypothesis] | None = None,
) -> Decision:
    """As `decode`, but the decision with its evidence."""

    def run_pass(grammar: Sequence[str], alternatives: int, once: bool) -> list[Hypothesis]:
        return recognise(model, grammar, pcm16k, alternatives, once=once)

    if isinstance(listen, Digits):
        code = recognise_code(model, pcm16k, listen.length, known, first)
        if code.codes and (code.accepted or code.reading):
            return Decision(_of_code(code, known), code=code)
        # Not a code: perhaps a command such as "转人工".
        first = None
    if first is None:
        first = run_pass(understanding.grammar(listen), ALTERNATIVES, False)
    return decide_utterance(understanding, listen, first, run_pass, garbage)


def _of_code(code: CodeDecision, known: KnownCodes | None) -> Utterance:
    """The known code if it is accepted, otherwise nothing, so that the caller is asked again; without known codes the
    likeliest few readings."""
    posterior = round(code.posteriors[0], 3)
    if known is None:
        doubtful = code.posteriors[0] < _CONFIRM_CODE_BELOW
        return Utterance(
            digits=code.codes[:_MAX_CODE_READINGS], text=code.codes[0], confidence=posterior, confirm=doubtful
        )
    if not code.accepted:
        return replace(NOTHING, text=code.reading, confidence=posterior)
    return Utterance(digits=code.codes[:1], text=code.codes[0], confidence=posterior)


def decide_utterance(
    understanding: Understanding,
    listen: Listen,
    hypotheses: Sequence[Hypothesis],
    run_pass: DecodingPass,
    garbage: Sequence[Hypothesis] | None = None,
) -> Decision:
    """The decision on the alternatives of a first pass, with further passes over the same speech; that with the garbage
    model is run unless `garbage` has its result."""
    first = understanding.interpret(listen, hypotheses)
    if not first:
        return Decision(NOTHING)
    if garbage is None:
        garbage = run_pass(understanding.garbage_model(), 1, False)
    sentences = understanding.second_pass_sentences(listen, first[:MAX_SECOND_PASS])
    # Yes and no have many short wordings: with few alternatives one of the two may be missing.
    count = ANSWER_ALTERNATIVES if is_bare_answer(first[0].meaning) else ALTERNATIVES
    second_pass = run_pass(sentences, count, True)
    ranked = combine_passes(first, understanding.interpret(listen, second_pass))
    evidence = Evidence.of(listen, ranked, second_pass, garbage)
    acceptance = acceptance_of(evidence)
    if acceptance == "reject":
        utterance = replace(NOTHING, text=first[0].hypothesis.text.replace(" ", ""), confidence=evidence.confidence)
    else:
        utterance = understanding.utterance(listen, ranked[0], evidence.confidence, confirm=acceptance == "confirm")
        utterance = replace(utterance, items=_with_other_quantities(utterance.items, ranked))
    utterance = replace(utterance, others=_others(ranked, utterance.text))
    return Decision(utterance, tuple(first), tuple(ranked), evidence)


def _with_other_quantities(items: tuple[Item, ...], ranked: Sequence[Interpretation]) -> tuple[Item, ...]:
    """The accepted lines, each with the quantities that were nearly as likely for it. Where one of them is vague, the
    quantity becomes vague, so that it is asked for."""
    lines = ranked[0].meaning.items
    found: list[dict[Quantity, None]] = [{} for _ in items]
    for other in ranked[1:]:
        same_lines = [(i.action, i.barcodes) for i in other.meaning.items] == [(i.action, i.barcodes) for i in lines]
        if not same_lines or other.posterior < OTHER_QUANTITY * ranked[0].posterior:
            continue
        for place, item in enumerate(other.meaning.items):
            if item.quantity is not None and item.quantity != lines[place].quantity:
                found[place][item.quantity] = None
    return tuple(_with_quantities(item, tuple(others)) for item, others in zip(items, found, strict=True))


def _with_quantities(item: Item, others: tuple[Quantity, ...]) -> Item:
    if item.quantity is None or item.action not in ("add", "reduce", "change"):
        return item
    vague = next((other for other in others if other.vague), None)
    if vague is not None:
        return replace(item, quantity=vague)
    return replace(item, other_quantities=tuple(dict.fromkeys((*item.other_quantities, *others))))


def _others(ranked: Sequence[Interpretation], text: str) -> tuple[str, ...]:
    likely = [one.hypothesis.text.replace(" ", "") for one in ranked if one.posterior >= _MIN_OTHER_POSTERIOR]
    return tuple(one for one in dict.fromkeys(likely) if one != text)[:_MAX_OTHERS]
