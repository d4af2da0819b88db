"""The served line with an unrestricted recogniser in the place of ours, for comparison: the model's whole vocabulary,
one pass, and the likeliest words parsed. Everything else is the line as it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import speech.stream_recogniser
from speech.decoding import first_grammar
from speech.hypotheses import Hypothesis
from speech.listening import Digits, Listen
from speech.recogniser import recognise
from speech.understanding import Understanding
from speech.utterance import NOTHING, Utterance
from tests.support.served_app import create_app, create_line_app

__all__ = ["create_app", "create_line_app"]


def _no_grammar(understanding: Understanding, listen: Listen) -> tuple[None, int]:
    return None, first_grammar(understanding, listen)[1]


def _likeliest(
    model: Any,
    understanding: Understanding,
    listen: Listen,
    pcm16k: bytes,
    known: object = None,
    first: Sequence[Hypothesis] | None = None,
    garbage: object = None,
) -> Utterance:
    if first is None:
        first = recognise(model, None, pcm16k)
    return NOTHING if isinstance(listen, Digits) else understanding.of_speech(listen, first)


speech.stream_recogniser.first_grammar = _no_grammar  # type: ignore[attr-defined]
speech.stream_recogniser.decode = _likeliest  # type: ignore[attr-defined]
