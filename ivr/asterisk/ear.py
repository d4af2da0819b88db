"""The ear of one call: its sound goes to recognition a few frames at a time, in the line process's pool of threads."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import suppress

import numpy as np
import structlog

from ivr.streams.jitter_buffer import BYTES_PER_MS, Frame
from ivr.streams.media_streams import CallListener, MediaStreams, NotInProgress, StreamsFull
from speech.sound.audio import decode_mulaw

# A call's listener is fed this often at least, as its clock goes on when no sound comes.
TICK_S = 0.1
# Frames are handed to recognition so many at a time, which takes half the processor time of one at a time.
BATCH_FRAMES = 3
# The first sound of speech takes the decoder tens of milliseconds; that it is speech is known before.
LOOKS_EVERY_S = 0.01
# Louder than the noise of most lines; where it is not, handing sound on at once only takes more of the processor.
SOUNDING_RMS = 100.0
# Sound that waits for recognition longer than this is dropped: the processor cannot keep up.
BEHIND_MAX_FRAMES = 500

log = structlog.get_logger(__name__)


class Ear:
    """The open ear of one call. `heard_speech` is told, on the event loop, when the caller begins to speak and when
    they no longer do; while `at_once`, without waiting for more sound or for the decoder."""

    def __init__(
        self,
        listener: CallListener,
        pool: Executor,
        heard_speech: Callable[[bool], None],
        at_once: Callable[[], bool],
    ) -> None:
        self.listener = listener
        self._pool = pool
        self._heard_speech = heard_speech
        self._at_once = at_once
        self._speaking = False
        self._frames: asyncio.Queue[Frame] = asyncio.Queue(BEHIND_MAX_FRAMES)
        self._taken_ms = 0
        self._feeding = asyncio.create_task(self._feed())

    @classmethod
    async def open(
        cls,
        streams: MediaStreams,
        call_key: str,
        stream: str,
        pool: Executor,
        heard_speech: Callable[[bool], None],
        at_once: Callable[[], bool],
    ) -> Ear | None:
        """Open the ear of this call as the stream of this name; None if it cannot be, and the call goes on by keys."""
        try:
            listener = await asyncio.get_running_loop().run_in_executor(pool, streams.open, call_key, stream)
        except StreamsFull:
            log.warning("a call is not listened to: this process has as many streams as it may", call=call_key)
        except NotInProgress as error:
            log.warning("a call is not listened to", call=call_key, reason=str(error))
        except Exception as error:
            # No fault of the recogniser or the database may end the call.
            log.error("a call is not listened to", call=call_key, exc_info=error)
        else:
            return cls(listener, pool, heard_speech, at_once)
        return None

    @property
    def is_open(self) -> bool:
        """True until recognition has ended."""
        return not self._feeding.done()

    def hear(self, mulaw: bytes) -> None:
        """Take the next sound of the caller."""
        with suppress(asyncio.QueueFull):
            self._frames.put_nowait(Frame(self._taken_ms, mulaw))
        # The exchange numbers no frames: they follow each other, and what it was sent late or never is a pause.
        self._taken_ms += len(mulaw) // BYTES_PER_MS

    async def close(self) -> None:
        """End the stream."""
        self._feeding.cancel()
        with suppress(asyncio.CancelledError):
            await self._feeding

    async def _feed(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while True:
                feeding = loop.run_in_executor(self._pool, self.listener.feed, await self._batch())
                while self._at_once() and not (await asyncio.wait([feeding], timeout=LOOKS_EVERY_S))[0]:
                    self._report_speech()
                if not await feeding:
                    return
                self._report_speech()
        except Exception as error:
            log.error("the ear of a call broke down: it goes on by keys", exc_info=error)
        finally:
            await asyncio.shield(loop.run_in_executor(self._pool, self.listener.close))

    def _report_speech(self) -> None:
        if self.listener.speaking != self._speaking:
            self._speaking = not self._speaking
            self._heard_speech(self._speaking)

    async def _batch(self) -> list[Frame]:
        batch: list[Frame] = []
        with suppress(TimeoutError):
            async with asyncio.timeout(TICK_S):
                while len(batch) < BATCH_FRAMES and not (batch and self._at_once() and _sounds(batch[-1])):
                    batch.append(await self._frames.get())
        while not self._frames.empty():
            batch.append(self._frames.get_nowait())
        return batch


def _sounds(frame: Frame) -> bool:
    """True if the frame is no silence."""
    samples = decode_mulaw(frame.mulaw).astype(np.float32)
    return bool(samples.size and samples @ samples > SOUNDING_RMS**2 * samples.size)
