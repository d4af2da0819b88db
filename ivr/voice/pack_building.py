"""Building a voice pack: what it lacks is rendered, piece by piece, and kept at once."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

import structlog

from ivr.voice.pack import VoicePack
from ivr.voice.rendering import RenderingFailed
from speech.sound.audio import LINE_RATE, Samples

FAILURES_MAX: Final = 20

log = structlog.get_logger(__name__)


class Voice(Protocol):
    """Whatever says the texts of pieces."""

    def render(self, text: str) -> Samples:
        """The sound of a text at 8 kHz, ready for the pack. RenderingFailed if there is none."""
        ...


@dataclass
class Built:
    """What building did: the number of pieces and the seconds of sound rendered, and the texts that failed."""

    pieces: int = 0
    seconds: float = 0.0
    failed: list[str] = field(default_factory=list)


def missing(pack: VoicePack, wanted: Mapping[str, str], voice: str = "") -> dict[str, str]:
    """The wanted pieces that the pack does not have yet; with a `voice`, those that it does not have in this voice,
    nor as recordings of one's own."""
    there = pack.pieces
    return {
        key: said
        for key, said in wanted.items()
        if key not in there or (voice and there[key].source == "pack" and there[key].voice != voice)
    }


def build(
    pack: VoicePack,
    lacking: Mapping[str, str],
    voice: Voice,
    voice_name: str,
    progress: Callable[[Iterable[tuple[str, str]]], Iterable[tuple[str, str]]] = iter,
) -> Built:
    """Render what is lacking and add it to the pack. It may be stopped at any moment: the next run goes on there.

    RenderingFailed if the voice fails again and again, PackUnwritable if nothing can be written.
    """
    built = Built()
    for key, said in progress(lacking.items()):
        try:
            sound = voice.render(said)
        except RenderingFailed as error:
            built.failed.append(key)
            log.warning("a piece of the voice pack could not be rendered", text=key, error=str(error))
            if len(built.failed) >= FAILURES_MAX and built.pieces < FAILURES_MAX:
                raise
            continue
        pack.add(key, voice_name, sound)
        built.pieces += 1
        built.seconds += len(sound) / LINE_RATE
    return built
