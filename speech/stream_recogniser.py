"""The streaming recogniser of one call: it is fed with the line's sound and returns each utterance when it has ended.

The clock is the sound itself, 20 ms a frame, so recognition is deterministic and tests need not wait. Sound is decoded
only while a turn listens and somebody speaks. Endpointing is ours: a short silence ends a complete answer, a longer one
an incomplete one, so that "红塔山……五条" is never cut in two.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

import numpy as np

from speech.customer_codes import KnownCodes, is_complete_code
from speech.decoding import decode, first_grammar, prepare
from speech.hypotheses import Hypothesis
from speech.listening import Digits, Items, Listen, YesNo
from speech.recogniser import acquire, release
from speech.segment import PADDING_AFTER_MS, Earlier, Segment
from speech.sound.audio import FRAME_BYTES, FRAME_MS, Samples, Upsampler, decode_mulaw, encode_mulaw
from speech.sound.speech_detection import JUMP_FRAMES, ONSET_WINDOW_FRAMES, SpeechDetector
from speech.understanding import Understanding, is_bare_answer
from speech.utterance import Utterance

# The silence that ends a complete answer; a list, which may go on after a breath; an incomplete answer; and a code,
# which is read off a card in groups.
COMPLETE_SILENCE_MS: Final = 300
LIST_SILENCE_MS: Final = 450
INCOMPLETE_SILENCE_MS: Final = 1_200
CODE_SILENCE_MS: Final = 1_600
# In a pause of this length the speech so far is decoded as if it were all: if it is, the answer is ready when the pause
# has been long enough. If speech goes on, it is decoded anew from its beginning, so often at most. What seems
# incomplete will probably go on, and is decoded later.
PREPARE_SILENCE_MS: Final = 200
PREPARE_INCOMPLETE_SILENCE_MS: Final = 440
MAX_PREPARED: Final = 3
# Speech longer than this is ended and answered.
MAX_SPEECH_MS: Final = 30_000
# A noisy line may never fall silent: if the partial result has not changed for so long, the caller has finished.
STALLED_MS: Final = 2_500
# Who speaks within this time after an utterance was returned had not finished: no reply to it can have been heard yet.
GOES_ON_WITHIN_MS: Final = 700
# Less speech than this is a click or a cough.
MIN_SPEECH_MS: Final = 120
# Sound kept before the first speech frame, so that soft onsets are not lost.
PADDING_BEFORE_MS: Final = 300
# Speech under way when a turn opens is recognised from its beginning, up to this long ago.
BUFFER_MS: Final = 3_000
# The recogniser decodes every 200 ms whatever it is fed: fed in the same steps, a stream gives exactly the same result
# as a recording.
STEP_FRAMES: Final = 200 // FRAME_MS


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
        self._segment: Segment | None = None
        self._earlier: Earlier | None = None
        self._last: list[Samples] = []

    @property
    def sound(self) -> bytes:
        """The segment of the line that holds the last utterance, 8 kHz mu-law."""
        return encode_mulaw(np.concatenate(self._last)) if self._last else b""

    @property
    def speaking(self) -> bool:
        """True while the caller is speaking, pauses for breath included. May be read while the recogniser is fed: it is
        known before the first sound is decoded."""
        segment = self._segment
        return segment is not None and segment.speech_frames * FRAME_MS >= MIN_SPEECH_MS

    @property
    def since_key_ms(self) -> int | None:
        """The milliseconds of sound since a key's tone was heard; None if none was. Not every line carries the tones
        of keys with the voice."""
        frames = self._detector.frames_since_key
        return None if frames is None else frames * FRAME_MS

    def listen(self, listen: Listen | None) -> None:
        """Listen for `listen` from now on; None to stop listening. Speech under way belongs to the new turn, from its
        beginning, unless it began while nothing was listened for."""
        if self._listen is None or listen is None:
            self._recent.clear()
            self._segment = self._earlier = None
        self._listen = listen
        if listen is not None:
            prepare(self._model, self._understanding, listen)
        if self._segment is not None:
            frames = [(frame, True) for frame in self._segment.frames[: self._segment.speech_end]]
            self._start_segment(frames, self._segment)
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
        self._await_more(frame, speech)
        if self._detector.begins_anew:
            self._start_segment(self._before(JUMP_FRAMES))
            return None
        if self._segment is None:
            if speech:
                self._start_segment(self._speech_onset())
            return None
        self._segment.add(frame, speech, self._detector.near)
        self._decode(self._segment)
        if not self._has_ended(self._segment, self._listen):
            return None
        segment, self._segment = self._segment, None
        self._recent.clear()
        utterance = self._finish(segment, self._listen)
        understood = utterance is not None and not utterance.is_nothing
        self._detector.finished(understood)
        return utterance

    def _await_more(self, frame: Samples, speech: bool) -> None:
        """Keep the frames after an utterance while the caller goes on, or may yet go on, with it."""
        if self._earlier is None:
            return
        self._earlier.frames.append((frame, speech))
        since_ms = (len(self._earlier.frames) - self._earlier.returned) * FRAME_MS
        if self._segment is None and since_ms > GOES_ON_WITHIN_MS + ONSET_WINDOW_FRAMES * FRAME_MS:
            self._earlier = None

    def _speech_onset(self) -> list[tuple[Samples, bool]]:
        """The recent frames from a little before the present speech began."""
        recent = list(self._recent)
        began = len(recent)
        while began and recent[began - 1][1]:
            began -= 1
        return self._before(len(recent) - began + ONSET_WINDOW_FRAMES)

    def _before(self, speech: int) -> list[tuple[Samples, bool]]:
        """The recent frames, the last `speech` of which are the caller's, from a little before these."""
        recent = list(self._recent)
        spoken = max(0, len(recent) - speech)
        padding = recent[max(0, spoken - PADDING_BEFORE_MS // FRAME_MS) : spoken]
        return [(frame, False) for frame, _ in padding] + [(frame, True) for frame, _ in recent[spoken:]]

    def _start_segment(self, frames: Sequence[tuple[Samples, bool]], instead_of: Segment | None = None) -> None:
        """Begin a segment with these frames, for another step than the one it is `instead_of`, if any."""
        segment = Segment([], noisy=self._detector.room_has_voices)
        if instead_of is not None:
            segment.earlier, segment.begins = instead_of.earlier, instead_of.begins
        elif self._earlier is not None:
            silence = len(self._earlier.frames) - sum(speech for _, speech in frames) - self._earlier.returned
            if silence * FRAME_MS <= GOES_ON_WITHIN_MS:
                segment.earlier, segment.begins = self._earlier, len(self._earlier.frames) - len(frames)
        self._segment = segment
        for frame, speech in frames:
            segment.add(frame, speech, speech)
        self._decode(segment)

    def _decode(self, segment: Segment) -> None:
        """Feed the recogniser the frames there are, in whole steps, but no more silence than the segment will keep."""
        if self._listen is None or segment.speech_frames * FRAME_MS < MIN_SPEECH_MS:
            return
        if segment.first is not None:
            if segment.speech_end <= segment.fed:
                return
            segment.restart()
        self._decode_steps(segment, self._listen)
        if segment.silence_ms < PREPARE_SILENCE_MS or segment.preparations >= MAX_PREPARED:
            return
        seems_complete = self._awaited_silence_ms(segment, self._listen) <= LIST_SILENCE_MS
        if seems_complete or segment.silence_ms >= PREPARE_INCOMPLETE_SILENCE_MS:
            self._prepare(segment, self._listen)

    def _decode_steps(self, segment: Segment, listen: Listen) -> None:
        """Decode the whole steps there are with the step's grammar, and beside it with the garbage model."""
        while segment.ready - segment.fed >= STEP_FRAMES:
            if segment.recogniser is None:
                grammar, alternatives = first_grammar(self._understanding, listen)
                segment.recogniser = acquire(self._model, grammar, alternatives)
            segment.recogniser.feed(segment.next_frames(STEP_FRAMES))
            partial = segment.recogniser.partial
            if partial != segment.partial:
                segment.partial, segment.partial_since = partial, len(segment.frames)
            if not isinstance(listen, Digits):
                self._feed_garbage(segment)

    def _feed_garbage(self, segment: Segment) -> None:
        """Feed the garbage model what is new to it: after a pause it goes on where it was."""
        if segment.garbage_recogniser is None:
            segment.garbage_recogniser = acquire(self._model, self._understanding.garbage_model(), 1)
        if len(segment.pcm) > segment.garbage_fed:
            segment.garbage_recogniser.feed(bytes(segment.pcm[segment.garbage_fed :]))
            segment.garbage_fed = len(segment.pcm)

    def _finish_garbage(self, segment: Segment) -> None:
        if segment.garbage is None and segment.garbage_recogniser is not None:
            self._feed_garbage(segment)
            segment.garbage = segment.garbage_recogniser.finish()
            release(segment.garbage_recogniser)
            segment.garbage_recogniser = None

    def _prepare(self, segment: Segment, listen: Listen) -> None:
        """Decode the speech up to the present pause; what is no answer yet only in the first pass, as more will
        probably follow. Where that has a quantity and yet is no complete answer, the second pass may find one."""
        segment.preparations += 1
        if not self._finish_first_pass(segment):
            return
        segment.endpoint = segment.partial, self._endpoint_silence_ms(segment, listen, segment.first or ())
        is_complete = segment.endpoint[1] <= LIST_SILENCE_MS
        if is_complete or self._has_quantity(segment, listen):
            segment.prepared = self._utterance(segment, listen)
            if not is_complete and segment.prepared is not None and _is_whole_list(segment.prepared):
                segment.endpoint = segment.partial, LIST_SILENCE_MS

    def _has_quantity(self, segment: Segment, listen: Listen) -> bool:
        """True if a quantity was heard in the first pass."""
        if isinstance(listen, Digits) or not segment.first:
            return False
        said = self._understanding.of_speech(listen, segment.first)
        return any(item.quantity is not None for item in said.items)

    def _has_ended(self, segment: Segment, listen: Listen) -> bool:
        length_ms = len(segment.frames) * FRAME_MS
        stalled_ms = (len(segment.frames) - segment.partial_since) * FRAME_MS
        if length_ms >= MAX_SPEECH_MS or (segment.fed and stalled_ms >= STALLED_MS):
            return True
        if segment.silence_ms < COMPLETE_SILENCE_MS:
            return False
        return segment.silence_ms >= self._awaited_silence_ms(segment, listen)

    def _awaited_silence_ms(self, segment: Segment, listen: Listen) -> int:
        """The silence in milliseconds that ends the segment, as far as is known so far."""
        if segment.endpoint is None or segment.endpoint[0] != segment.partial:
            heard = [Hypothesis(segment.partial, 0.0)]
            segment.endpoint = segment.partial, self._endpoint_silence_ms(segment, listen, heard)
        return segment.endpoint[1]

    def _endpoint_silence_ms(self, segment: Segment, listen: Listen, heard: Sequence[Hypothesis]) -> int:
        """The silence in milliseconds that ends the speech recognised so far, by itself or with what it goes on with,
        whichever is complete."""
        alone = self._silence_after_ms(listen, heard)
        if segment.earlier is None:
            return alone
        before = segment.earlier.utterance.text
        joined = [replace(hypothesis, text=f"{before} {hypothesis.text}") for hypothesis in heard]
        return min(alone, self._silence_after_ms(segment.earlier.listen, joined))

    def _silence_after_ms(self, listen: Listen, heard: Sequence[Hypothesis]) -> int:
        if isinstance(listen, Digits):
            complete = bool(heard) and is_complete_code(heard[0].text, listen.length)
            return COMPLETE_SILENCE_MS if complete else CODE_SILENCE_MS
        if not self._understanding.is_complete(listen, heard):
            return INCOMPLETE_SILENCE_MS
        said = self._understanding.of_speech(listen, heard)
        return LIST_SILENCE_MS if said.items and isinstance(listen, Items | YesNo) else COMPLETE_SILENCE_MS

    def _finish_first_pass(self, segment: Segment) -> bool:
        """True if there is a first pass, which is then finished."""
        if segment.first is None and segment.recogniser is not None:
            if segment.length > segment.fed:
                segment.recogniser.feed(segment.next_frames(segment.length - segment.fed))
            segment.first = segment.recogniser.finish()
            release(segment.recogniser)
            segment.recogniser = None
        return segment.first is not None

    def _utterance(self, segment: Segment, listen: Listen) -> Utterance | None:
        if not segment.first:
            return None  # noise
        self._finish_garbage(segment)
        pcm = bytes(segment.pcm)
        alone = decode(self._model, self._understanding, listen, pcm, self._known, segment.first, segment.garbage)
        if segment.earlier is None or is_bare_answer(alone):
            return alone
        joined = Segment([], noisy=segment.noisy or segment.earlier.noisy)
        for frame, speech in segment.with_earlier:
            joined.add(frame, speech, speech)
        pcm = joined.next_frames(joined.length)
        both = decode(self._model, self._understanding, segment.earlier.listen, pcm, self._known)
        if _goes_on(segment.earlier.utterance, both, alone):
            return replace(both, continues=True, continuation=alone)
        return alone

    def _finish(self, segment: Segment, listen: Listen) -> Utterance | None:
        if not self._finish_first_pass(segment):
            return None
        utterance = segment.prepared or self._utterance(segment, listen)
        if utterance is None:
            return None
        frames, noisy = list(zip(segment.frames, segment.spoken, strict=True)), segment.noisy
        if utterance.continues and segment.earlier is not None:
            listen, frames, noisy = segment.earlier.listen, segment.with_earlier, noisy or segment.earlier.noisy
        kept = len(frames) - (len(segment.frames) - segment.length)
        self._last = [frame for frame, _ in frames[:kept]]
        may_go_on = not (utterance.is_nothing or is_bare_answer(utterance) or isinstance(listen, Digits))
        if may_go_on and len(frames) * FRAME_MS < MAX_SPEECH_MS:
            self._earlier = Earlier(utterance, listen, frames, len(frames), noisy)
        else:
            self._earlier = None
        return utterance


def _is_whole_list(utterance: Utterance) -> bool:
    """True if all that was said are lines with their brands and quantities."""
    lines = utterance.items
    return bool(lines) and not utterance.incomplete and all(line.barcodes and line.quantity for line in lines)


def _goes_on(earlier: Utterance, both: Utterance, later: Utterance) -> bool:
    """True if an utterance and what was said right after it are to be taken as one: together they give other lines than
    the utterance alone, without doubt. Sound that is nothing by itself is a part of them only if all is understood."""
    if not both.items or both.items == earlier.items or both.choice != earlier.choice or both.confirm:
        return False
    return not (later.is_nothing and both.incomplete)


def speech_segment(line: Samples) -> bytes:
    """The speech segment of a whole 8 kHz recording, as 16 kHz sound: from a little before its first speech to a little
    after its last, as a stream would be cut. Empty if nobody speaks."""
    frames = line[: len(line) - len(line) % FRAME_BYTES].reshape(-1, FRAME_BYTES)
    detector = SpeechDetector()
    spoken = [place for place, frame in enumerate(frames) if detector.feed(frame)]
    if not spoken:
        return b""
    begin = max(0, spoken[0] - ONSET_WINDOW_FRAMES - PADDING_BEFORE_MS // FRAME_MS)
    return Upsampler().feed(frames[begin : spoken[-1] + 1 + PADDING_AFTER_MS // FRAME_MS].ravel()).tobytes()
