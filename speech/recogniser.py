"""The recogniser: 16 kHz sound in, alternatives out. Recognisers of large grammars are kept in a pool and reused.

Building one for ten thousand sentences takes as long as decoding a word, and a used one is quicker than a new one; its
results do not depend on what it decoded before.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any, Final

from speech.engine import Decoder
from speech.hypotheses import ALTERNATIVES, Hypothesis

# The most recognisers in the pool; each takes about 5 MB.
_POOL_SIZE: Final = 24

_Key = tuple[Any, int, tuple[str, ...]]


class Recogniser:
    """Decodes one segment of sound after another with one grammar, or (None) with the model's own vocabulary."""

    def __init__(self, model: Any, grammar: Sequence[str] | None, alternatives: int) -> None:
        self._decoder = Decoder(model, grammar, alternatives)
        self.key: Final[_Key] = (model, alternatives, tuple(grammar or ()))

    def feed(self, pcm16k: bytes) -> None:
        """Take the next sound of the segment. Steps of 200 ms give exactly the same result as the whole at once."""
        self._decoder.feed(pcm16k)

    @property
    def partial(self) -> str:
        """The likeliest words so far."""
        return self._decoder.partial

    def finish(self) -> list[Hypothesis]:
        """End the segment and return its alternatives, the best first."""
        return self._decoder.finish()


_pool: OrderedDict[_Key, list[Recogniser]] = OrderedDict()
_lock = threading.Lock()


def make_ready(model: Any, grammar: Sequence[str], alternatives: int = ALTERNATIVES) -> None:
    """Build a recogniser for the pool if it has none of this grammar free: a large one takes 60 ms, which nobody who
    has begun to speak should wait for. It stays in the pool, so that steps that only listen hold none."""
    key = (model, alternatives, tuple(grammar))
    with _lock:
        if _pool.get(key):
            _pool.move_to_end(key)
            return
    release(Recogniser(model, grammar, alternatives))


def acquire(model: Any, grammar: Sequence[str] | None, alternatives: int = ALTERNATIVES) -> Recogniser:
    """A recogniser for exclusive use until it is released; one that is never released costs only time."""
    key = (model, alternatives, tuple(grammar or ()))
    with _lock:
        if free := _pool.get(key):
            return free.pop()
    return Recogniser(model, grammar, alternatives)


def release(recogniser: Recogniser) -> None:
    """Return a recogniser to the pool, new or with its segment finished, for the next use of the same grammar."""
    with _lock:
        _pool.setdefault(recogniser.key, []).append(recogniser)
        _pool.move_to_end(recogniser.key)
        while sum(map(len, _pool.values())) > _POOL_SIZE:
            oldest = next(iter(_pool))
            _pool[oldest].pop()
            if not _pool[oldest]:
                del _pool[oldest]


def recognise(
    model: Any,
    grammar: Sequence[str] | None,
    pcm16k: bytes,
    alternatives: int = ALTERNATIVES,
    *,
    once: bool = False,
) -> list[Hypothesis]:
    """The alternatives for a whole segment of 16 kHz sound; `once` if the grammar will not be used again."""
    recogniser = Recogniser(model, grammar, alternatives) if once else acquire(model, grammar, alternatives)
    recogniser.feed(pcm16k)
    found = recogniser.finish()
    if not once:
        release(recogniser)
    return found
