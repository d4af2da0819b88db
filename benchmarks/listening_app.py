"""The served line, which also keeps what it hears and says in each call, so that what is lost between it and the
telephone can be told.

In the folder `HEARD_FOLDER` each call has a file with its sound as it came from the exchange, and one beside it
(`.said`) with a line for each row of sentences that was begun: its time, of `time.time`, and the text. Another one
(`.played`) has a byte for each frame that was given to Asterisk to play.
"""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any, BinaryIO

from ivr.asterisk.leg import Leg
from speech.sound.audio import FRAME_BYTES
from tests.support.served_app import create_app, create_line_app

__all__ = ["HEARD_FOLDER", "create_app", "create_line_app"]

HEARD_FOLDER = "HEARD_FOLDER"

_hear, _say, _play, _close = Leg._hear, Leg.say, Leg._play, Leg.close
_files: dict[str, BinaryIO] = {}


def kept(folder: Path, call_key: str) -> tuple[bytes, int]:
    """The sound that the line has heard in a call, and the number of frames that it gave to be played."""
    heard, played = folder / call_key, folder / f"{call_key}.played"
    return heard.read_bytes() if heard.is_file() else b"", played.stat().st_size if played.is_file() else 0


def _keep(self: Leg, mulaw: bytes) -> None:
    if self.call_key not in _files:
        _files[self.call_key] = _path(self).open("ab")
    _files[self.call_key].write(mulaw)
    _hear(self, mulaw)


async def _write_down(self: Leg, sentences: Sequence[str], **how: Any) -> bool:
    if sentences:
        with _path(self).with_name(f"{self.call_key}.said").open("a", encoding="utf-8") as file:
            file.write(f"{time.time()} {''.join(sentences)}\n")
    return await _say(self, sentences, **how)


async def _count(self: Leg, sounds: AsyncIterator[bytes], *how: Any) -> bool:
    async def counted() -> AsyncIterator[bytes]:
        async for sound in sounds:
            with _path(self).with_name(f"{self.call_key}.played").open("ab") as file:
                file.write(bytes(-(-len(sound) // FRAME_BYTES)))
            yield sound

    return await _play(self, counted(), *how)


def _path(leg: Leg) -> Path:
    return Path(os.environ[HEARD_FOLDER]) / leg.call_key


async def _close_file(self: Leg) -> None:
    await _close(self)
    if self.call_key in _files:
        _files.pop(self.call_key).close()


Leg._hear = _keep  # type: ignore[method-assign]
Leg.say = _write_down  # type: ignore[method-assign]
Leg._play = _count  # type: ignore[method-assign]
Leg.close = _close_file  # type: ignore[method-assign]
