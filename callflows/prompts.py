"""The prompt catalogue: every sentence the line says, by key, with its placeholders filled in."""

from __future__ import annotations

import string
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

CATALOGUE = Path(__file__).with_name("prompts.zh.toml")


class PromptError(LookupError):
    """A prompt that does not exist, or one with a placeholder left unfilled."""


@dataclass(frozen=True, slots=True)
class Prompt:
    """One sentence: as it is said to a caller who may speak, and, where it differs, to one who has only keys."""

    say: str
    keys: str | None = None

    @property
    def placeholders(self) -> frozenset[str]:
        """The names to be filled in."""
        texts = (self.say, self.keys or "")
        return frozenset(name for text in texts for _, name, _, _ in string.Formatter().parse(text) if name)


class Prompts(Mapping[str, Prompt]):
    """All prompts of one catalogue, by `section.name`."""

    def __init__(self, prompts: Mapping[str, Prompt]) -> None:
        self._prompts = dict(prompts)

    def __getitem__(self, key: str) -> Prompt:
        return self._prompts[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._prompts)

    def __len__(self) -> int:
        return len(self._prompts)

    def text(self, key: str, /, *, by_keys: bool = False, **fill: str) -> str:
        """The sentence filled in; `by_keys` for a caller who has only keys. PromptError if that cannot be done."""
        prompt = self._prompts.get(key)
        if prompt is None:
            raise PromptError(f"The prompt catalogue has no {key!r}; add it to {CATALOGUE.name}.")
        text = prompt.keys if by_keys and prompt.keys is not None else prompt.say
        try:
            return text.format_map(fill)
        except KeyError as missing:
            raise PromptError(f"The prompt {key!r} needs {missing} filled in; give it where it is said.") from None


def read_prompts(path: Path) -> Prompts:
    """The catalogue in a TOML file: one section per step, a string or a `{say, keys}` per prompt."""
    with path.open("rb") as file:
        return Prompts(dict(_flatten(tomllib.load(file))))


@cache
def load_prompts() -> Prompts:
    """The catalogue in use, read once."""
    return read_prompts(CATALOGUE)


def _flatten(sections: dict[str, Any]) -> Iterator[tuple[str, Prompt]]:
    for section, prompts in sections.items():
        for name, value in prompts.items():
            yield f"{section}.{name}", Prompt(value) if isinstance(value, str) else Prompt(**value)
