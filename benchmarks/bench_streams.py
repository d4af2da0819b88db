"""Live calls one machine can recognise: streams fed in real time, and the lag of their recognisers.

Every stream is a caller who speaks for some seconds, waits as for a prompt, and speaks again, out of step with the
others. Lag is the time from a frame's arrival until it has been processed. "speaking" feeds nothing but speech, which
no call does: the worst case at any moment. For comparison the same sound goes through a recogniser without a grammar.
"""

from __future__ import annotations

import json
import os
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from vosk import KaldiRecognizer

from brand_catalog.importing import read_catalog_file
from settings import Settings
from speech.listening import Items
from speech.model import load_model, locate_model
from speech.sound.audio import FRAME_BYTES, FRAME_MS, RECOGNISER_RATE, Upsampler, decode_mulaw, encode_mulaw
from speech.stream_recogniser import StreamRecogniser
from speech.understanding import build_understanding

ROOT = Path(__file__).parent.parent
DEMO = ROOT / "brand_catalog" / "demo"
RECORDINGS = sorted((ROOT / "tests" / "audio").glob("item*.ulaw"))
STREAMS = (10, 20, 40)
SECONDS = 12
# A caller speaks about a third of a call: the line speaks the rest.
PROMPT_MS = 6_000

Feed = Callable[[bytes], object]


def call_sound(number: int, prompt_ms: int) -> bytes:
    """One caller's side of the line, starting somewhere in the middle."""
    silence = encode_mulaw((np.random.default_rng(number).standard_normal(prompt_ms * 8) * 30).astype(np.int16))
    turns = [RECORDINGS[(number + turn) % len(RECORDINGS)].read_bytes() + silence for turn in range(len(RECORDINGS))]
    sound = b"".join(turns)
    begin = (number * 7_919 * FRAME_BYTES) % len(sound)
    return (sound[begin:] + sound[:begin])[: SECONDS * 1000 // FRAME_MS * FRAME_BYTES]


def unrestricted(model: Any) -> Feed:
    """The naive way, for comparison: all sound, speech or not, into a recogniser without a grammar."""
    recogniser, upsampler = KaldiRecognizer(model, RECOGNISER_RATE), Upsampler()

    def feed(frame: bytes) -> None:
        if recogniser.AcceptWaveform(upsampler.feed(decode_mulaw(frame)).tobytes()):
            json.loads(recogniser.Result())

    return feed


def lags_ms(feeds: list[Feed], sounds: list[bytes]) -> tuple[list[float], float]:
    """The lag of every frame of every stream in milliseconds, and the processor seconds a second of one stream took."""
    lags: list[float] = []
    begin = time.monotonic() + 0.2

    def play(feed: Feed, sound: bytes) -> None:
        own = []
        for place in range(0, len(sound), FRAME_BYTES):
            due = begin + (place // FRAME_BYTES + 1) * FRAME_MS / 1000
            time.sleep(max(0.0, due - time.monotonic()))
            feed(sound[place : place + FRAME_BYTES])
            own.append(1000 * (time.monotonic() - due))
        lags.extend(own)

    used = time.process_time()
    threads = [threading.Thread(target=play, args=pair) for pair in zip(feeds, sounds, strict=True)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return lags, (time.process_time() - used) / SECONDS / len(feeds)


def main() -> None:
    """Print p50 and p95 of the lag, and the number of streams one processor carries at that cost."""
    model = load_model(locate_model(Settings()))
    understanding = build_understanding(read_catalog_file(DEMO / "catalog.csv", DEMO / "aliases.csv"), model)
    understanding.grammar(Items())

    def stream_recogniser() -> Feed:
        listening = StreamRecogniser(model, understanding)
        listening.listen(Items())
        return listening.feed

    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f} before; {SECONDS} s each")
    print("what               streams   p50 lag ms   p95 lag ms   streams a processor")
    for name, new, prompt_ms in (
        ("streams, in calls", stream_recogniser, PROMPT_MS),
        ("streams, speaking", stream_recogniser, 300),
        ("unrestricted", lambda: unrestricted(model), PROMPT_MS),
    ):
        for count in STREAMS:
            sounds = [call_sound(number, prompt_ms) for number in range(count)]
            lags, cost = lags_ms([new() for _ in range(count)], sounds)
            p50, p95 = np.percentile(lags, [50, 95])
            print(f"{name:<18} {count:>7}   {p50:>10.0f}   {p95:>10.0f}   {1 / cost:>19.1f}", flush=True)


if __name__ == "__main__":
    main()
