"""A prompt on one's own exchange gives way to speech before it is decoded."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import cast

from ivr.asterisk.ear import Ear
from ivr.streams.jitter_buffer import Frame
from ivr.streams.media_streams import CallListener
from speech.sound.audio import FRAME_BYTES

QUIET, LOUD = b"\xff" * FRAME_BYTES, b"\x80\x00" * (FRAME_BYTES // 2)


class DecodesForLong:
    """A listener that knows of speech at its first loud frame, and decodes that until it is told to end."""

    def __init__(self) -> None:
        self.speaking = False
        self.decoded = threading.Event()
        self.fed: list[int] = []

    def feed(self, frames: Sequence[Frame]) -> bool:
        self.fed.append(len(frames))
        if any(frame.mulaw == LOUD for frame in frames):
            self.speaking = True
            assert self.decoded.wait(10)
        return True

    def close(self) -> None: ...


def test_speech_is_reported_before_it_is_decoded() -> None:
    async def call() -> tuple[list[bool], list[int]]:
        listener, reported, heard = DecodesForLong(), [], asyncio.Event()

        def report(speaking: bool) -> None:
            reported.append(speaking)
            heard.set()

        with ThreadPoolExecutor() as pool:
            ear = Ear(cast(CallListener, listener), pool, report, lambda: True)
            for sound in (QUIET, LOUD):
                ear.hear(sound)
            await asyncio.wait_for(heard.wait(), 10)
            was_decoded = listener.decoded.is_set()
            listener.decoded.set()
            await ear.close()
        assert not was_decoded
        return reported, listener.fed

    reported, fed = asyncio.run(call())
    assert reported == [True]
    assert fed[0] == 2, "nor does it wait for more sound"


def test_where_nothing_has_to_give_way_sound_is_handed_on_a_few_frames_at_a_time() -> None:
    async def call() -> list[int]:
        listener = DecodesForLong()
        listener.decoded.set()
        with ThreadPoolExecutor() as pool:
            ear = Ear(cast(CallListener, listener), pool, lambda _speaking: None, lambda: False)
            for _ in range(3):
                ear.hear(LOUD)
            while not listener.fed:
                await asyncio.sleep(0.01)
            await ear.close()
        return listener.fed

    assert asyncio.run(call())[0] == 3
