"""A voice for tests: every sentence is one part."""

from __future__ import annotations

from collections.abc import Callable


class PlainVoice:
    """A voice whose sound of a sentence is whatever `sound` returns for it."""

    def __init__(self, sound: Callable[[str], bytes]) -> None:
        self.mulaw = sound

    def parts(self, sentence: str) -> list[str]:
        """The sentence, whole."""
        return [sentence]
