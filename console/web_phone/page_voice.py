"""The line's own voice on the page of the web phone: what the hotline says comes with the address of its sound."""

from __future__ import annotations

import re
from typing import Any

from ivr.voice.robot_voice import is_installed
from ivr.voice.sentence_sounds import SentenceSounds

# The simulator reports a file that it plays by its address.
_PLAYED = re.compile(r"\[(.*\.wav)\]")


class PageVoice:
    """Adds to what is said `sound`, the path of its sound, and `whole`, true if the voice pack says all of it. Without
    a robot voice on this machine, what the pack cannot say whole has no sound."""

    def __init__(self, sounds: SentenceSounds) -> None:
        self._sounds = sounds
        self._robot = is_installed()

    @property
    def speaks(self) -> bool:
        """True if there is any sound to be had."""
        return self._robot or bool(self._sounds.voice.piece_count)

    def with_sound(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event of a sentence with its sound; where the carrier was told to play a sentence, with its text too."""
        text = event["text"]
        if played := _PLAYED.fullmatch(text):
            sentence = self._sounds.sentence(played[1])
            if sentence is None:
                return event
            text = sentence
        whole = not self._sounds.voice.gaps(text)
        sound = self._sounds.path(text) if whole or self._robot else ""
        return event | {"text": text, "sound": sound, "whole": whole}
