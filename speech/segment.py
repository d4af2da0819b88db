"""A speech segment of a stream: its frames, and what has been recognised of it so far."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from speech.hypotheses import Hypothesis
from speech.listening import Listen
from speech.recogniser import Recogniser
from speech.sound.audio import FRAME_BYTES, FRAME_MS, Samples, Upsampler
from speech.utterance import Utterance

# Sound with a voice, but much softer than the caller's, counts as silence after this long: another voice in the room.
SOFT_SPEECH_MS: Final = 600
SOFT_SPEECH_IN_NOISE_MS: Final = 200
# Where there are other voices in the room, they are damped in the caller's pauses, from so many frames after the
# caller's speech to so many before it: else their words are recognised as the caller's.
DAMPED: Final = 0.05
UNDAMPED_AFTER: Final = 160 // FRAME_MS
UNDAMPED_BEFORE: Final = 80 // FRAME_MS
# Sound kept after the last speech frame, so that soft endings are not lost.
PADDING_AFTER_MS: Final = 300


@dataclass
class Earlier:
    """An utterance that was returned, and the step it answered. `frames` are those from the beginning of its segment to
    now, each with whether the caller speaks in it; the utterance was returned after `returned` of them."""

    utterance: Utterance
    listen: Listen
    frames: list[tuple[Samples, bool]]
    returned: int
    noisy: bool


@dataclass
class Segment:
    """A speech segment in progress: its frames from a little before speech began. `noisy` if there are other
    voices in the room. `earlier` is the utterance that the caller goes on with, if any, and `begins` the place of the
    segment's first frame among that one's frames."""

    frames: list[Samples]
    noisy: bool = False
    earlier: Earlier | None = None
    begins: int = 0
    # True for each frame in which the caller speaks.
    spoken: list[bool] = field(default_factory=list)
    speech_frames: int = 0
    # The number of frames up to and including the last one with speech.
    speech_end: int = 0
    # The same for frames as loud as the caller speaks.
    near_end: int = 0
    fed: int = 0
    pcm: bytearray = field(default_factory=bytearray)
    upsampler: Upsampler = field(default_factory=Upsampler)
    recogniser: Recogniser | None = None
    # The recogniser with the garbage model, the number of bytes of `pcm` it was fed, and its result.
    garbage_recogniser: Recogniser | None = None
    garbage_fed: int = 0
    garbage: list[Hypothesis] | None = None
    # The partial result, the number of frames when it last changed, and the silence in milliseconds that would end it.
    partial: str = ""
    partial_since: int = 0
    endpoint: tuple[str, int] | None = None
    # The alternatives of the first pass over the speech up to the present pause, and the utterance they became.
    first: list[Hypothesis] | None = None
    prepared: Utterance | None = None
    preparations: int = 0

    def add(self, frame: Samples, speech: bool, near: bool) -> None:
        self.frames.append(frame)
        self.spoken.append(speech)
        if speech:
            self.speech_frames += 1
            self.speech_end = len(self.frames)
        if near:
            self.near_end = len(self.frames)

    @property
    def with_earlier(self) -> list[tuple[Samples, bool]]:
        """The frames from the beginning of the earlier utterance, if there is one, each with whether the caller
        speaks."""
        before = self.earlier.frames[: self.begins] if self.earlier else []
        return before + list(zip(self.frames, self.spoken, strict=True))

    @property
    def silence_ms(self) -> int:
        """The silence of the caller so far: who speaks much more softly does not break it for long."""
        silence = len(self.frames) - self.speech_end
        soft_ms = SOFT_SPEECH_IN_NOISE_MS if self.noisy else SOFT_SPEECH_MS
        return max(silence * FRAME_MS, (len(self.frames) - self.near_end) * FRAME_MS - soft_ms)

    @property
    def length(self) -> int:
        """The number of frames that belong to the segment if nothing more is said."""
        return min(len(self.frames), self.speech_end + PADDING_AFTER_MS // FRAME_MS)

    @property
    def ready(self) -> int:
        """The number of frames that can be decoded now."""
        return min(self.length, len(self.frames) - UNDAMPED_BEFORE) if self.noisy else self.length

    def restart(self) -> None:
        """Go on after a pause in which the speech so far had been decoded: it will be fed again from its beginning."""
        self.fed = 0
        self.pcm.clear()
        self.upsampler = Upsampler()
        self.first = self.prepared = self.endpoint = None
        if self.garbage is not None:
            self.garbage, self.garbage_fed = None, 0

    def next_frames(self, count: int) -> bytes:
        """The next frames as 16 kHz sound."""
        frames = np.concatenate(self.frames[self.fed : self.fed + count])
        if self.noisy:
            frames = (frames * self._gains(self.fed, self.fed + count)).astype(np.int16)
        piece = self.upsampler.feed(frames).tobytes()
        self.fed += count
        self.pcm += piece
        return piece

    def _gains(self, first: int, last: int) -> NDArray[np.float32]:
        """The gain of each sample of the frames `first` to `last`, without steps."""
        wanted = [
            1.0 if any(self.spoken[max(0, place - UNDAMPED_AFTER) : place + UNDAMPED_BEFORE + 1]) else DAMPED
            for place in range(max(0, first - 1), last)
        ]
        if first == 0:
            wanted.insert(0, wanted[0])
        return np.concatenate([np.linspace(a, b, FRAME_BYTES, dtype=np.float32) for a, b in itertools.pairwise(wanted)])
