"""The recogniser: 16 kHz sound in, alternatives out. One is kept for each large grammar and used again.

Building one for ten thousand sentences takes as long as hearing a word, and one that has heard before is quicker still;
what it hears does not depend on what it heard before.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from speech.audio import EAR_RATE
from speech.hypotheses import ALTERNATIVES, Hypothesis, from_vosk

# One keeps some 5 MB.
_KEPT: Final = 24

_Key = tuple[Any, int, tuple[str, ...]]


class Recogniser:
    """Hears one stretch of sound after another with one grammar, or (None) with the model's own vocabulary."""

    def __init__(self, model: Any, grammar: Sequence[str] | None, alternatives: int) -> None:
        from vosk import KaldiRecognizer  # the line runs on keys where Vosk cannot be loaded

        if grammar is None:
            self._vosk = KaldiRecognizer(model, EAR_RATE)
        else:
            self._vosk = KaldiRecognizer(model, EAR_RATE, json.dumps(list(grammar), ensure_ascii=False))
        self._vosk.SetMaxAlternatives(alternatives)
        self.key: Final[_Key] = (model, alternatives, tuple(grammar or ()))

    def feed(self, pcm16k: bytes) -> None:
        """The next sound of the stretch. Steps of 200 ms are heard exactly as the whole at once."""
        self._vosk.AcceptWaveform(pcm16k)

    @property
    def partial(self) -> str:
        """The likeliest words so far."""
        return str(json.loads(self._vosk.PartialResult())["partial"])

    def finish(self) -> list[Hypothesis]:
        """The alternatives for the stretch, which ends here; the best first."""
        return from_vosk(self._vosk.FinalResult())


_free: OrderedDict[_Key, list[Recogniser]] = OrderedDict()
_lock = threading.Lock()


def borrow(model: Any, grammar: Sequence[str] | None, alternatives: int = ALTERNATIVES) -> Recogniser:
    """A recogniser of one's own until it is given back; who drops it instead loses nothing but time."""
    key = (model, alternatives, tuple(grammar or ()))
    with _lock:
        if free := _free.get(key):
            return free.pop()
    return Recogniser(model, grammar, alternatives)


def give_back(recogniser: Recogniser) -> None:
    """Keep a recogniser whose stretch is finished for the next one who listens for the same."""
    with _lock:
        _free.setdefault(recogniser.key, []).append(recogniser)
        _free.move_to_end(recogniser.key)
        while sum(map(len, _free.values())) > _KEPT:
            oldest = next(iter(_free))
            _free[oldest].pop()
            if not _free[oldest]:
                del _free[oldest]


def recognise(
    model: Any,
    grammar: Sequence[str] | None,
    pcm16k: bytes,
    alternatives: int = ALTERNATIVES,
    *,
    once: bool = False,
) -> list[Hypothesis]:
    """Hear a whole stretch of 16 kHz sound at once; `once` where nobody will ever listen for the same again."""
    recogniser = Recogniser(model, grammar, alternatives) if once else borrow(model, grammar, alternatives)
    recogniser.feed(pcm16k)
    found = recogniser.finish()
    if not once:
        give_back(recogniser)
    return found
