"""Errors in imported files in the visitor's language: the readers of the files give them in English."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path

from brand_catalog.sheet_words import chinese_choice, chinese_heading
from console.language import chosen

_PLACE = re.compile(r"\\\{(\w+)\\\}")


def localised_reason(reason: str) -> str:
    """The reason in the visitor's language; one without a translation stays as it is."""
    if chosen() == "en":
        return reason
    for pattern, words in _sentences():
        if (found := pattern.fullmatch(reason)) is not None:
            return words.format(**{name: _in_words(name, text) for name, text in found.groupdict().items()})
    return reason


def localised_heading(column: str) -> str:
    """A column's heading in the visitor's language; one from the file itself stays as it is."""
    return column if chosen() == "en" else chinese_heading(column)


def _in_words(name: str, text: str) -> str:
    if name in ("choices", "result"):
        return "、".join(map(chinese_choice, text.split(", ")))
    return text.strip("'\"")


@cache
def _sentences() -> tuple[tuple[re.Pattern[str], str], ...]:
    # The longest first, so that a sentence is not matched by a shorter pattern with the same beginning.
    text = (Path(__file__).parent / "problems.zh.toml").read_text(encoding="utf-8")
    known = sorted(tomllib.loads(text).items(), key=lambda one: -len(_PLACE.sub("", re.escape(one[0]))))
    return tuple((re.compile(_PLACE.sub(r"(?P<\1>.+)", re.escape(english))), words) for english, words in known)
