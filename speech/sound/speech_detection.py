"""Speech detection: which frames of 20 ms hold the caller's speech.

A voice activity model tells voices from noise (hum, music, traffic); their level tells the caller, who holds the
telephone, from voices in the room (a television, other customers).
"""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from speech.sound.audio import FRAME_MS, LINE_RATE, Samples
from speech.sound.voice_activity import VoiceActivity

FRAME_SAMPLES: Final = LINE_RATE * FRAME_MS // 1000

# Levels are in decibels above the smallest step of 16 bit samples. Sound quieter than this is not speech into a
# telephone; sound less than this above the noise of the line, the minimum over `NOISE_MEMORY_FRAMES`, is not looked at
# closer.
MIN_SPEECH_DB: Final = 25.0
ABOVE_NOISE_DB: Final = 3.0
NOISE_MEMORY_FRAMES: Final = 2_500 // FRAME_MS
# The probability of a voice with which speech begins, and with which it goes on.
BEGIN_PROBABILITY: Final = 0.6
CONTINUE_PROBABILITY: Final = 0.5
# On a line whose noise is below this, sound this much above it counts as a voice, whatever the model says: it does not
# know all voices through a telephone, and missed a 好的 that was 35 dB above the noise.
QUIET_DB: Final = 38.0
CLEAR_DB: Final = 18.0
CLEAR_PROBABILITY: Final = 0.7
# Not so soon after a key, whose level is still in the smoothed one.
KEY_ECHO_FRAMES: Final = 5
# Speech begins when so many of the last frames hold the caller's voice: a click is shorter.
ONSET_FRAMES: Final = 4
ONSET_WINDOW_FRAMES: Final = 6
# Frames after which a stretch of speech without another one is over.
STRETCH_END_FRAMES: Final = 1_200 // FRAME_MS
# Voices in the room: the level that 90 % of the frames with a voice do not exceed, of the last 3 s in which the caller
# did not speak, if there are enough of them. The caller is this much louder when beginning to speak.
ROOM_MEMORY_FRAMES: Final = 3_000 // FRAME_MS
ROOM_PROBABILITY: Final = 0.3
ROOM_QUANTILE: Final = 0.9
MIN_ROOM_FRAMES: Final = 10
ABOVE_ROOM_DB: Final = 4.0
# What may yet become an onset is not counted to the room.
ROOM_DELAY_FRAMES: Final = 15
# The caller's own level: that which 85 % of the frames of the present stretch do not exceed. Frames this much quieter
# are not the caller's, nor those nearer to the level of the room.
CALLER_PERCENTILE: Final = 0.85
BELOW_CALLER_DB: Final = 20.0
ROOM_SHARE: Final = 0.8
# After a pause of so many frames it takes a level nearer to the caller's to go on.
PAUSE_FRAMES: Final = 160 // FRAME_MS
# Who speaks this much louder than everything else in a stretch so far, for `JUMP_FRAMES`, is the caller, and what was
# before was the room. Of 282 recordings of one caller alone, one has so large a step.
JUMP_DB: Final = 6.0
JUMP_FRAMES: Final = 10
JUMP_QUANTILE: Final = 0.8
MIN_BEFORE_JUMP_FRAMES: Final = 30
# Sound this much below the caller's own level does not keep a turn open for long, voice or not.
NEAR_DB: Final = 7.0

# The tones of a keypad (ITU-T Q.23): a landline sends them with the voice, and a keyed code is not speech. A key is
# down if a pair of them has this share of a frame's power, and each of the two at least that share. 3 of 93,000 frames
# of speech are taken for keys.
KEY_ROWS_HZ: Final = (697, 770, 852, 941)
KEY_COLUMNS_HZ: Final = (1209, 1336, 1477, 1633)
MIN_PAIR_SHARE: Final = 0.7
MIN_TONE_SHARE: Final = 0.1
# A key that is pressed is down for 40 ms at least (ITU-T Q.24): so many frames in a row.
MIN_KEY_FRAMES: Final = 2
_WAVES: Final = np.exp(
    -2j * np.pi * np.outer((*KEY_ROWS_HZ, *KEY_COLUMNS_HZ), np.arange(FRAME_SAMPLES) / LINE_RATE)
).astype(np.complex64)


def is_key_tone(frame: Samples) -> bool:
    """True if a key of the caller's telephone is down throughout this frame of 20 ms."""
    sound = frame.astype(np.float32)
    power = float(sound @ sound)
    if power == 0.0:
        return False
    shares = 2 * np.abs(_WAVES @ sound) ** 2 / (FRAME_SAMPLES * power)
    row, column = float(shares[:4].max()), float(shares[4:].max())
    return row + column > MIN_PAIR_SHARE and min(row, column) > MIN_TONE_SHARE


@dataclass
class _Stretch:
    """Speech in progress: the level of the room when it began, if there were voices in it, and of its own frames."""

    room: float | None
    levels: list[float] = field(default_factory=list)
    # The levels of the frames with the caller's voice, in ascending order.
    voiced: list[float] = field(default_factory=list)
    silence: int = 0

    @property
    def caller(self) -> float:
        return _quantile(self.voiced, CALLER_PERCENTILE)

    @property
    def least(self) -> float:
        """The least level of the caller's voice."""
        if not self.voiced:
            return MIN_SPEECH_DB
        least = max(MIN_SPEECH_DB, self.caller - BELOW_CALLER_DB)
        if self.room is None:
            return least
        between = ROOM_SHARE * self.room + (1 - ROOM_SHARE) * self.caller
        return max(least, between if self.silence >= PAUSE_FRAMES else min(self.room, between))

    def add(self, level: float, speech: bool) -> None:
        self.levels.append(level)
        self.silence = 0 if speech else self.silence + 1
        if speech:
            insort(self.voiced, level)

    @property
    def louder_since(self) -> bool:
        """True if the last frames are so much louder than all before that those before were not the caller's."""
        before, last = self.levels[:-JUMP_FRAMES], self.levels[-JUMP_FRAMES:]
        if len(before) < MIN_BEFORE_JUMP_FRAMES:
            return False
        return _quantile(sorted(last), JUMP_QUANTILE) > _quantile(sorted(before), ROOM_QUANTILE) + JUMP_DB


class SpeechDetector:
    """A detector of the caller's speech for frames of 20 ms, which follows the noise of the line and the voices in the
    room as they change."""

    def __init__(self) -> None:
        self._voice = VoiceActivity()
        self._levels: deque[float] = deque(maxlen=NOISE_MEMORY_FRAMES)
        self._smooth = 0.0
        self._since_key = KEY_ECHO_FRAMES
        self._key_frames = 0
        self._onset: deque[bool] = deque(maxlen=ONSET_WINDOW_FRAMES)
        # The levels of the last frames without the caller, None where there was no voice.
        self._room: deque[float | None] = deque(maxlen=ROOM_MEMORY_FRAMES + ROOM_DELAY_FRAMES)
        self._stretch: _Stretch | None = None
        self.in_speech = False
        # The frames since a key was down, None before the first.
        self.frames_since_key: int | None = None
        # True in the frame in which the speech so far turns out to have been the room's, and the caller's to begin.
        self.begins_anew = False
        # True if the frame is about as loud as the caller speaks.
        self.near = False

    def feed(self, frame: Samples) -> bool:
        """True if the caller is speaking in this frame of 20 ms."""
        level = float(10 * np.log10(np.mean(frame.astype(np.float32) ** 2) + 1.0))
        # Smoothed with the frame before, because the shortest dips of the noise are not its level.
        self._smooth = level if not self._levels else 0.5 * (self._smooth + level)
        self._levels.append(self._smooth)
        noise = min(self._levels)
        sounds = self._smooth > max(noise + ABOVE_NOISE_DB, MIN_SPEECH_DB)
        wanted = sounds or self._stretch is not None
        # To the model a key's tone is silence, or it would be deaf to the voice that follows.
        key = wanted and is_key_tone(frame)
        voice = self._voice.feed(np.zeros_like(frame) if key else frame, wanted)
        self._since_key = 0 if key else self._since_key + 1
        self._note_key(key)
        if (
            self._since_key > KEY_ECHO_FRAMES
            and noise < QUIET_DB
            and self._smooth > max(noise, MIN_SPEECH_DB) + CLEAR_DB
        ):
            voice = max(voice, CLEAR_PROBABILITY)
        self.begins_anew = False
        self.in_speech = self._begins(voice) if self._stretch is None else self._goes_on(self._stretch, voice)
        self.near = self._stretch is not None and self.in_speech and self._smooth > self._stretch.caller - NEAR_DB
        return self.in_speech

    def _note_key(self, key: bool) -> None:
        self._key_frames = self._key_frames + 1 if key else 0
        if self._key_frames >= MIN_KEY_FRAMES:
            self.frames_since_key = 0
        elif self.frames_since_key is not None:
            self.frames_since_key += 1

    @property
    def room_has_voices(self) -> bool:
        """True if there were other voices in the room when the present speech began."""
        return self._stretch is not None and self._stretch.room is not None

    def finished(self, understood: bool) -> None:
        """The present speech is over. If it was not `understood`, it may not have been the caller's: for a few seconds
        who is to be taken for the caller has to be louder."""
        if self._stretch is not None and not understood:
            self._room.extend(self._stretch.levels)
        self._end()

    def _end(self) -> None:
        self._stretch = None
        self._onset.clear()
        self.in_speech = False

    def _begins(self, voice: float) -> bool:
        self._room.append(self._smooth if voice > ROOM_PROBABILITY else None)
        room = None
        loud = voice > BEGIN_PROBABILITY
        if loud:
            room = self._room_level()
            loud = room is None or self._smooth > room + ABOVE_ROOM_DB
        self._onset.append(loud)
        if sum(self._onset) < ONSET_FRAMES:
            return False
        self._stretch = _Stretch(room)
        self._stretch.add(self._smooth, True)
        # What may have been the onset is not the room.
        for _ in range(min(ROOM_DELAY_FRAMES, len(self._room))):
            self._room.pop()
        return True

    def _goes_on(self, stretch: _Stretch, voice: float) -> bool:
        speech = voice > CONTINUE_PROBABILITY and self._smooth > stretch.least
        stretch.add(self._smooth, speech)
        if speech and stretch.louder_since:
            before, since = stretch.levels[:-JUMP_FRAMES], stretch.levels[-JUMP_FRAMES:]
            self._room.extend(before)
            self._stretch = _Stretch(_quantile(sorted(before), ROOM_QUANTILE), since, sorted(since))
            self.begins_anew = True
        elif stretch.silence >= STRETCH_END_FRAMES:
            self._end()
        return speech

    def _room_level(self) -> float | None:
        """The level of the voices in the room, or None if there are none."""
        voices = sorted(level for level in list(self._room)[:-ROOM_DELAY_FRAMES] if level is not None)
        return _quantile(voices, ROOM_QUANTILE) if len(voices) >= MIN_ROOM_FRAMES else None


def _quantile(ascending: Sequence[float], share: float) -> float:
    return ascending[int(share * (len(ascending) - 1))]
