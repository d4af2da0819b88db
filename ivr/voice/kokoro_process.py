"""Says texts with Kokoro-82M: a program of its own, run by the interpreter of the voice's own environment.

It imports nothing of the line. The argument is the folder with `model.onnx`, `vocabulary.json` and `voices`. Each line
of the input is a JSON object of `text` and `voice`; each is answered by a line with `rate`, in Hz, and `pcm`,
16 bit samples in base64, or with `error`.
"""

from __future__ import annotations

import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

RATE = 24_000
# The voices have a style for each number of phonemes up to this.
PHONEMES_MAX = 509


class Kokoro:
    """The model with its front end, which writes Mandarin as phonemes."""

    def __init__(self, folder: Path) -> None:
        from misaki import zh

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = max(1, os.cpu_count() or 1)
        providers = ["CPUExecutionProvider"]
        self._model = onnxruntime.InferenceSession(str(folder / "model.onnx"), options, providers=providers)
        self._vocabulary: dict[str, int] = json.loads((folder / "vocabulary.json").read_text())["vocab"]
        self._phonemes = zh.ZHG2P()
        self._folder = folder

    def say(self, text: str, voice: str) -> bytes:
        """The text as 16 bit samples. ValueError if it is too long, or there is nothing in it to be said."""
        written = self._phonemes(text)
        phonemes = written[0] if isinstance(written, tuple) else written
        tokens = [self._vocabulary[one] for one in phonemes if one in self._vocabulary]
        if not 0 < len(tokens) <= PHONEMES_MAX:
            raise ValueError(f"it has {len(tokens)} phonemes, and may have 1 to {PHONEMES_MAX}")
        styles = np.fromfile(self._folder / "voices" / f"{voice}.bin", np.float32).reshape(-1, 256)
        feed: dict[str, Any] = {
            "tokens": np.array([[0, *tokens, 0]], np.int64),
            "style": styles[min(len(tokens), len(styles) - 1)].reshape(1, 256),
            "speed": np.array([1.0], np.float32),
        }
        sound = np.asarray(self._model.run(None, feed)[0]).ravel()
        samples: bytes = (np.clip(sound, -1, 1) * 32_767).astype("<i2").tobytes()
        return samples


def main() -> None:
    """Answer one line after the other until the input ends."""
    # Calls come first, where the line runs on the same machine: it has the processors while nobody else wants them.
    if hasattr(os, "SCHED_IDLE"):
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
    else:
        os.nice(19)
    kokoro = Kokoro(Path(sys.argv[1]))
    for line in sys.stdin:
        asked = json.loads(line)
        try:
            sound = kokoro.say(asked["text"], asked["voice"])
            answer = {"rate": RATE, "pcm": base64.b64encode(sound).decode()}
        except Exception as error:  # one text that cannot be said is no reason to end
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
