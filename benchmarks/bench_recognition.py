"""Speed of recognition: decoding a second of speech, a new recogniser, interpreting an utterance, and the whole of it.

All in seconds of one processor, so that other load on the machine does not count.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from brand_catalog.importing import read_catalog_file
from settings import Settings
from speech.decoding import decode
from speech.hypotheses import ALTERNATIVES
from speech.listening import Items
from speech.model import load_model, locate_model
from speech.recogniser import Recogniser, recognise
from speech.sound.audio import LINE_RATE, RECOGNISER_RATE, read_audio
from speech.stream_recogniser import speech_segment
from speech.understanding import build_understanding

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "brand_catalog" / "demo"
RECORDINGS = sorted((ROOT / "tests" / "audio").glob("item*.ulaw"))
# Recordings in which nothing is ordered take the longest to interpret.
ALL_RECORDINGS = sorted((ROOT / "tests" / "audio").glob("*.ulaw"))


def median_ms(what: Callable[[], object], times: int = 5) -> float:
    taken = []
    for _ in range(times):
        begun = time.thread_time()
        what()
        taken.append(1000 * (time.thread_time() - begun))
    return statistics.median(taken)


def main() -> None:
    """Print one line for each measure; the first run of each kind, which fills the caches, is not counted."""
    model = load_model(locate_model(Settings()))
    understanding = build_understanding(read_catalog_file(DEMO / "catalog.csv", DEMO / "aliases.csv"), model)
    grammar = understanding.grammar(Items())
    sounds = [speech_segment(read_audio(file, LINE_RATE)) for file in RECORDINGS]
    seconds = sum(map(len, sounds)) / 2 / RECOGNISER_RATE

    def per_second(grammar: Sequence[str] | None) -> float:
        begun = time.thread_time()
        for sound in sounds:
            recognise(model, grammar, sound)
        return (time.thread_time() - begun) / seconds

    recognise(model, grammar, sounds[0])
    heard = [recognise(model, grammar, speech_segment(read_audio(file, LINE_RATE))) for file in ALL_RECORDINGS]
    understanding.interpret(Items(), heard[0])
    print(f"{len(sounds)} recordings, {seconds:.0f} s of speech; a grammar of {len(grammar)} sentences")
    print(f"decoding, s per s        with the grammar {per_second(grammar):.3f}   unrestricted {per_second(None):.3f}")
    print(f"a new recogniser, ms     {median_ms(lambda: Recogniser(model, grammar, ALTERNATIVES)):.1f}")
    # Once each: a second time the cache would answer.
    durations = [median_ms(lambda h=h: understanding.interpret(Items(), h), 1) for h in heard]  # type: ignore[misc]
    p50, p95 = np.percentile(durations, [50, 95])
    print(f"interpretation, ms       p50 {p50:.1f}   p95 {p95:.1f}   worst {max(durations):.1f}   of {len(durations)}")
    answers = [median_ms(lambda s=s: decode(model, understanding, Items(), s), 1) for s in sounds]  # type: ignore[misc]
    print(f"a whole answer, ms       median {statistics.median(answers):.0f}   worst {max(answers):.0f}")


if __name__ == "__main__":
    main()
