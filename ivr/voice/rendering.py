"""Texts said by Kokoro-82M in a process of its own, as sound for the pack."""

from __future__ import annotations

import base64
import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final

import numpy as np

from ivr.voice.joining import made_ready
from ivr.voice.kokoro_files import interpreter
from ivr.voice.tiling import piece_text
from speech.sound.audio import LINE_RATE, Samples, resample

# Not imported: what it needs is no part of the line.
PROGRAM: Final = Path(__file__).with_name("kokoro_process.py")
# Whatever takes less or more time for a character is not what was to be said.
CHARACTER_MS: Final = (90, 900)


class RenderingFailed(RuntimeError):
    """The voice could not say a text, or said something that cannot be it; the message says which and why."""


@contextmanager
def started_renderer(folder: Path, voice: str) -> Iterator[Renderer]:
    """Kokoro in a process that runs until the context ends; `folder` is what `kokoro_files.fetch_voice` returned."""
    command = [str(interpreter(folder)), str(PROGRAM), str(folder)]
    with (
        tempfile.TemporaryFile("w+") as said,
        subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=said, text=True, encoding="utf-8"
        ) as process,
    ):
        try:
            yield Renderer(process, said, voice)
        finally:
            process.kill()


class Renderer:
    """A process of Kokoro's, what it says on its error output, and the voice it is to speak in."""

    def __init__(self, process: subprocess.Popen[str], said: IO[str], voice: str) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._asked, self._answers = process.stdin, process.stdout
        self._said = said
        self._voice = voice

    def render(self, text: str) -> Samples:
        """The sound of a piece's text at 8 kHz, trimmed and at the line's level. RenderingFailed if there is none."""
        characters = len(piece_text(text))
        # A single character comes out as itself more often with an end to it.
        ready = made_ready(self._say(f"{text}。" if len(text) == 1 else text))
        ms = len(ready) * 1000 // LINE_RATE
        least, most = CHARACTER_MS
        if not characters * least <= ms <= characters * most + most:
            raise RenderingFailed(f"{text!r} came out {ms} ms long, which cannot be {characters} characters")
        return ready

    def _say(self, text: str) -> Samples:
        answer = self._ask({"text": text, "voice": self._voice})
        if "error" in answer:
            raise RenderingFailed(f"{text!r} could not be said: {answer['error']}")
        samples = np.frombuffer(base64.b64decode(answer["pcm"]), dtype="<i2").astype(np.int16)
        return resample(samples, int(answer["rate"]), LINE_RATE)

    def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        try:
            self._asked.write(json.dumps(request) + "\n")
            self._asked.flush()
            line = self._answers.readline()
        except OSError:
            line = ""
        if not line:
            self._said.seek(0)
            last = self._said.read().strip().splitlines()[-1:] or ["no reason given"]
            raise RenderingFailed(f"the voice's process ended ({last[0]}); run `make voice`, then build again")
        answer: dict[str, Any] = json.loads(line)
        return answer
