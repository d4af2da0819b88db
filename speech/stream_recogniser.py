"""The streaming recogniser of one call: it is fed with the line's sound and returns each utterance when it has ended.

The clock is the sound itself, 20 ms a frame, so recognition is deterministic and tests need not wait. Sound is decoded
only while a turn listens and somebody speaks. Endpointing is ours: a short silence ends a complete answer, a longer one
an incomplete one, so that "红塔山……五条" is never cut in two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np

from speech.audio import FRAME_BYTES, FRAME_MS, Samples, Upsampler, decode_mulaw, encode_mulaw
from speech.customer_codes import KnownCodes, is_complete_code
from speech.decoding import decode, first_grammar
from speech.hypotheses import Hypothesis
from speech.listening import Digits, Items, Listen, YesNo
from speech.recogniser import Recogniser, acquire, release
from speech.speech_detection import LOUD_FRAMES, SpeechDetector
from speech.understanding import Understanding
from speech.utterance import Utterance

# The silence that ends a complete answer; a list, which may go on after a breath; an incomplete answer; and a code,
# which is read off a card in groups.
COMPLETE_SILENCE_MS: Final = 350
LIST_SILENCE_MS: Final = 700
INCOMPLETE_SILENCE_MS: Final = 1_200
CODE_SILENCE_MS: Final = 1_600
# Speech longer than this is ended and answered.
MAX_SPEECH_MS: Final = 30_000
# A noisy line may never fall silent: if the partial result has not changed for so long, the caller has finished.
STALLED_MS: Final = 2_500
# Less speech than this is a click or a cough.
MIN_SPEECH_MS: Final = 120
# Sound kept before the first speech frame, so that soft onsets are not lost, and after the last one.
PADDING_BEFORE_MS: Final = 300
PADDING_AFTER_MS: Final = 300
# Speech under way when a turn opens is recognised from its beginning, up to this long ago.
BUFFER_MS: Final = 3_000
# The recogniser decodes every 200 ms whatever it is fed: fed in the same steps, a stream gives exactly the same result
# as a recording.
STEP_FRAMES: Final = 200 // FRAME_MS


@dataclass
class _Segment:
    """A speech segment in progress: its frames from `PADDING_BEFORE_MS` before speech began."""

    frames: list[Samples]
    speech_frames: int = 0
    # The number of frames up to and including the last one with speech.
    speech_end: int = 0
    fed: int = 0
    pcm: bytearray = field(default_factory=bytearray)
    upsampler: Upsampler = field(default_factory=Upsampler)
    recogniser: Recogniser | None = None
    # The partial result, the number of frames when it last changed, and the silence in milliseconds that would end it.
    partial: str = ""
    partial_since: int = 0
    endpoint: tuple[str, int] | None = None

    def add(self, frame: Samples, speech: bool) -> None:
        self.frames.append(frame)
        if speech:
            self.speech_frames += 1
            self.speech_end = len(self.frames)

    @property
    def silence_ms(self) -> int:
        return (len(self.frames) - self.speech_end) * FRAME_MS

    @property
    def length(self) -> int:
        """The number of frames that belong to the segment if nothing more is said."""
        return min(len(self.frames), self.speech_end + PADDING_AFTER_MS // FRAME_MS)

    def next_frames(self, count: int) -> bytes:
        """The next frames as 16 kHz sound."""
        piece = self.upsampler.feed(np.concatenate(self.frames[self.fed : self.fed + count])).tobytes()
        self.fed += count
        self.pcm += piece
        return piece


class StreamRecogniser:
    """The streaming recogniser of one call, used from one thread at a time; decoding releases the GIL."""

    def __init__(self, model: Any, understanding: Understanding, known: KnownCodes | None = None) -> None:
        self._model = model
        self._understanding = understanding
        self._known = known
        self._listen: Listen | None = None
        self._detector = SpeechDetector()
        self._rest = b""
        self._recent: deque[tuple[Samples, bool]] = deque(maxlen=BUFFER_MS // FRAME_MS)
        self._segment: _Segment | None = None
        self._last: list[Samples] = []

    @property
    def sound(self) -> bytes:
        """The segment of the line that holds the last utterance, 8 kHz mu-law."""
        return encode_mulaw(np.concatenate(self._last)) if self._last else b""

    @property
    def speaking(self) -> bool:
        """True while the caller is speaking, pauses for breath included."""
        return self._segment is not None and self._segment.speech_frames * FRAME_MS >= MIN_SPEECH_MS

    def listen(self, listen: Listen | None) -> None:
        """Listen for `listen` from now on; None to stop listening. Speech under way belongs to the new turn, from its
        beginning, unless it began while nothing was listened for."""
        if self._listen is None or listen is None:
            self._recent.clear()
            self._segment = None
        self._listen = listen
        if self._segment is not None:
            self._start_segment([(frame, True) for frame in self._segment.frames[: self._segment.speech_end]])
        elif listen is not None and self._detector.in_speech:
            self._start_segment(self._speech_onset())

    def feed(self, mulaw: bytes) -> Utterance | None:
        """Take the next sound of the line, 8 kHz mu-law in pieces of any length; return the utterance that has just
        ended, or None."""
        sound = self._rest + mulaw
        whole = len(sound) - len(sound) % FRAME_BYTES
        self._rest = sound[whole:]
        samples = decode_mulaw(sound[:whole]).reshape(-1, FRAME_BYTES)
        utterance: Utterance | None = None
        for frame in samples:
            utterance = self._frame(frame) or utterance
        return utterance

    def _frame(self, frame: Samples) -> Utterance | None:
        speech = self._detector.feed(frame)
        self._recent.append((frame, speech))
        if self._listen is None:
            return None
        if self._segment is None:
            if speech:
                self._start_segment(self._speech_onset())
            return None
        self._segment.add(frame, speech)
        self._decode(self._segment)
        if not self._has_ended(self._segment, self._listen):
            return None
        segment, self._segment = self._segment, None
        self._recent.clear()
        return self._finish(segment, self._listen)

    def _speech_onset(self) -> list[tuple[Samples, bool]]:
        """The recent frames from a little before the present speech began."""
        recent = list(self._recent)
        began = len(recent)
        while began and recent[began - 1][1]:
            began -= 1
        return recent[max(0, began - LOUD_FRAMES - PADDING_BEFORE_MS // FRAME_MS) :]

    def _start_segment(self, frames: Iterable[tuple[Samples, bool]]) -> None:
        self._segment = _Segment([])
        for frame, speech in frames:
            self._segment.add(frame, speech)
        self._decode(self._segment)

    def _decode(self, segment: _Segment) -> None:
        """Feed the recogniser the frames there are, in whole steps, but no more silence than the segment will keep."""
        if self._listen is None or segment.speech_frames * FRAME_MS < MIN_SPEECH_MS:
            return
        while segment.length - segment.fed >= STEP_FRAMES:
            if segment.recogniser is None:
                grammar, alternatives = first_grammar(self._understanding, self._listen)
                segment.recogniser = acquire(self._model, grammar, alternatives)
            segment.recogniser.feed(segment.next_frames(STEP_FRAMES))
            partial = segment.recogniser.partial
            if partial != segment.partial:
                segment.partial, segment.partial_since = partial, len(segment.frames)

    def _has_ended(self, segment: _Segment, listen: Listen) -> bool:
        length_ms = len(segment.frames) * FRAME_MS
        stalled_ms = (len(segment.frames) - segment.partial_since) * FRAME_MS
        if length_ms >= MAX_SPEECH_MS or (segment.recogniser is not None and stalled_ms >= STALLED_MS):
            return True
        if segment.silence_ms < COMPLETE_SILENCE_MS:
            return False
        if segment.endpoint is None or segment.endpoint[0] != segment.partial:
            segment.endpoint = segment.partial, self._endpoint_silence_ms(listen, segment.partial)
        return segment.silence_ms >= segment.endpoint[1]

    def _endpoint_silence_ms(self, listen: Listen, partial: str) -> int:
        """The silence in milliseconds that ends the speech recognised so far."""
        if isinstance(listen, Digits):
            return COMPLETE_SILENCE_MS if is_complete_code(partial, listen.length) else CODE_SILENCE_MS
        if not self._understanding.is_complete(listen, partial):
            return INCOMPLETE_SILENCE_MS
        said = self._understanding.of_speech(listen, [Hypothesis(partial, 0.0)])
        return LIST_SILENCE_MS if said.items and isinstance(listen, Items | YesNo) else COMPLETE_SILENCE_MS

    def _finish(self, segment: _Segment, listen: Listen) -> Utterance | None:
        if segment.recogniser is None:
            return None
        if segment.length > segment.fed:
            segment.recogniser.feed(segment.next_frames(segment.length - segment.fed))
        first = segment.recogniser.finish()
        release(segment.recogniser)
        if not first:
            return None  # noise
        self._last = segment.frames[: segment.length]
        return decode(self._model, self._understanding, listen, bytes(segment.pcm), self._known, first)


def speech_segment(line: Samples) -> bytes:
    """The speech segment of a whole 8 kHz recording, as 16 kHz sound: from a little before its first speech to a little
    after its last, as a stream would be cut. Empty if nobody speaks."""
    frames = line[: len(line) - len(line) % FRAME_BYTES].reshape(-1, FRAME_BYTES)
    detector = SpeechDetector()
    spoken = [place for place, frame in enumerate(frames) if detector.feed(frame)]
    if not spoken:
        return b""
    begin = max(0, spoken[0] - LOUD_FRAMES - PADDING_BEFORE_MS // FRAME_MS)
    return Upsampler().feed(frames[begin : spoken[-1] + 1 + PADDING_AFTER_MS // FRAME_MS].ravel()).tobytes()
