"""Errors in imported files in the visitor's language: the readers of the files give them in English."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from console.language import chosen

_PLACE = re.compile(r"\\\{(\w+)\\\}")


def localised_reason(reason: str) -> str:
    """The reason in the visitor's language; one without a translation stays as it is."""
    if chosen() == "en":
        return reason
    for pattern, words in _sentences():
        if (found := pattern.fullmatch(reason)) is not None:
            return words.format(**{name: text.strip("'\"") for name, text in found.groupdict().items()})
    return reason


@cache
def _sentences() -> tuple[tuple[re.Pattern[str], str], ...]:
    # The longest first, so that a sentence is not matched by a shorter pattern with the same beginning.
    text = (Path(__file__).parent / "problems.zh.toml").read_text(encoding="utf-8")
    known = sorted(tomllib.loads(text).items(), key=lambda one: -len(_PLACE.sub("", re.escape(one[0]))))
    return tuple((re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(english))), words) for english, words in known)
