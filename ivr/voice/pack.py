"""The voice pack: a folder of sounds made beforehand, and beside them the department's own recordings.

    index.jsonl      one line for each piece: its text, its voice, its file, its length
    pieces/          the sounds, 8 kHz mu-law WAV at the line's level
    own/             recordings of one's own, a WAV for each sentence, named after it or after its prompt

A sound is written beside its place and moved there, and its line is appended to the index after that: whoever reads
meanwhile, or is killed, finds no half of one. Several processes may add pieces at once.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, Literal

import structlog

from ivr.voice.joining import made_ready
from ivr.voice.tiling import piece_text
from ivr.voice.wav_files import mulaw_wav
from speech.sound.audio import LINE_RATE, AudioFileError, Samples, encode_mulaw, read_audio

INDEX: Final = "index.jsonl"
PIECES: Final = "pieces"
OWN: Final = "own"

PieceSource = Literal["pack", "own"]

log = structlog.get_logger(__name__)


class PackUnwritable(RuntimeError):
    """The pack's folder cannot be written to; the message says what to do."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A piece that there is sound for; `ms` is its length, 0 for a recording of one's own that was not read yet."""

    text: str
    voice: str
    path: Path
    ms: int
    source: PieceSource = "pack"


class VoicePack:
    """The pack in a folder, which need not exist yet. `prompt_texts` are the texts of the prompts by their keys: a
    recording of one's own may be named after either."""

    def __init__(self, folder: Path, prompt_texts: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self._prompt_texts = prompt_texts or {}
        self._state: tuple[object, ...] = ()
        self._pieces: Mapping[str, Piece] = {}
        self._voice = ""

    @property
    def voice(self) -> str:
        """The voice that was added to last; empty for a pack that nothing was added to yet."""
        return self._voice if self.pieces else ""

    @property
    def pieces(self) -> Mapping[str, Piece]:
        """What there is now, by text; a recording of one's own comes before a piece of the pack. The folder is read
        again when it has changed."""
        state = (_stamp(self.folder / INDEX), *map(_stamp, self._own_files()))
        if state != self._state:
            indexed = list(self._indexed())
            # Pieces in another voice than the last one fill its gaps.
            self._voice = indexed[-1].voice if indexed else ""
            found = {piece.text: piece for piece in sorted(indexed, key=lambda piece: piece.voice == self._voice)}
            found.update((piece.text, piece) for piece in self._own())
            self._pieces, self._state = found, state
        return self._pieces

    def sound(self, piece: Piece) -> Samples | None:
        """The sound of a piece at 8 kHz, trimmed and at the line's level; None if its file cannot be read."""
        try:
            sound = read_audio(piece.path, LINE_RATE)
        except AudioFileError as error:
            log.warning("a sound of the voice pack cannot be read", text=piece.text, error=str(error))
            return None
        return sound if piece.source == "pack" else made_ready(sound)

    def add(self, text: str, voice: str, sound: Samples) -> None:
        """Add the sound of a text in a voice, at 8 kHz, or replace it. PackUnwritable if the folder cannot be written
        to."""
        name = hashlib.sha256(f"{voice}\n{text}".encode()).hexdigest()[:24] + ".wav"
        entry = {"text": text, "voice": voice, "file": name, "ms": len(sound) * 1000 // LINE_RATE}
        line = (json.dumps(entry, ensure_ascii=False) + "\n").encode()
        try:
            (self.folder / PIECES).mkdir(parents=True, exist_ok=True)
            _write_whole(self.folder / PIECES / name, mulaw_wav(encode_mulaw(sound)))
            # One write of a short line to a file opened for appending is not mixed with another process's.
            with (self.folder / INDEX).open("ab+", buffering=0) as index:
                index.write(_line_end_before(index) + line)
        except OSError as error:
            raise PackUnwritable(
                f"The voice pack in {self.folder} cannot be written to ({error.strerror or error}): "
                "make room, or give the folder to the user of this process, or set VOICE_PACK to another one."
            ) from error

    def _indexed(self) -> Iterator[Piece]:
        try:
            lines = (self.folder / INDEX).read_bytes().splitlines()
        except OSError:
            return
        for line in lines:
            try:
                entry = json.loads(line)
                text, voice, name, ms = entry["text"], entry["voice"], entry["file"], int(entry["ms"])
            except (ValueError, KeyError, TypeError):
                # The line of a process that was killed while it wrote.
                continue
            yield Piece(text, voice, self.folder / PIECES / Path(name).name, ms)

    def _own(self) -> Iterator[Piece]:
        for path in self._own_files():
            text = piece_text(self._prompt_texts.get(path.stem, path.stem))
            yield Piece(text, "own", path, 0, "own")

    def _own_files(self) -> list[Path]:
        return sorted((self.folder / OWN).glob("*.wav"))


def _line_end_before(index: IO[bytes]) -> bytes:
    """What is missing at the end of the index, if a process was killed while it wrote there."""
    if not index.seek(0, os.SEEK_END):
        return b""
    index.seek(-1, os.SEEK_END)
    return b"" if index.read(1) == b"\n" else b"\n"


def _stamp(path: Path) -> object:
    try:
        found = path.stat()
    except OSError:
        return None
    return path, found.st_mtime_ns, found.st_size


def _write_whole(path: Path, content: bytes) -> None:
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as beside:
        try:
            beside.write(content)
            beside.flush()
            os.fsync(beside.fileno())
            os.chmod(beside.name, 0o644)
            os.replace(beside.name, path)
        except BaseException:
            Path(beside.name).unlink(missing_ok=True)
            raise
