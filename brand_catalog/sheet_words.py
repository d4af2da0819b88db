"""The headings and values of files in Chinese: read as well as the English ones, and written for people who read
Chinese."""

from __future__ import annotations

import tomllib
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any


def heading_of(text: str) -> str:
    """The English heading a file's heading stands for; one that is not known stays as it is."""
    return _headings().get(_key(text), text)


def value_of(column: str, text: str) -> str:
    """The English value a cell of this column stands for; one that is not known stays as it is."""
    return _values().get(column, {}).get(_key(text), text)


def chinese_heading(column: str) -> str:
    """The Chinese heading for an English one; one that has none stays as it is."""
    words: list[str] = _words()["headings"].get(column, [column])
    return words[0]


def chinese_value(column: str, value: object) -> object:
    """The Chinese value for an English one in this column; any other value stays as it is."""
    words = _words()["values"].get(column, {}).get(value) if isinstance(value, str) else None
    return words[0] if words else value


def chinese_choice(value: str) -> str:
    """The Chinese value for an English one of whatever column; one that has none stays as it is."""
    return next((words[value][0] for words in _words()["values"].values() if value in words), value)


def in_chinese(
    columns: Sequence[str], rows: Iterable[Sequence[object]], names: Mapping[str, str] | None = None
) -> tuple[list[str], Iterator[list[object]]]:
    """A table with its headings and values in Chinese. `names` has the columns whose heading is that of another one, as
    of a retailer's name."""
    headings = [chinese_heading((names or {}).get(column, column)) for column in columns]
    places = [place for place, column in enumerate(columns) if column in _words()["values"]]

    def translated() -> Iterator[list[object]]:
        for row in rows:
            cells = list(row)
            for place in places:
                cells[place] = chinese_value(columns[place], cells[place])
            yield cells

    return headings, translated()


def _key(text: str) -> str:
    """A text without its blanks, and with brackets, digits and letters of one width."""
    return unicodedata.normalize("NFKC", text).replace(" ", "").lower()


@cache
def _headings() -> dict[str, str]:
    return {_key(word): column for column, words in _words()["headings"].items() for word in (column, *words)}


@cache
def _values() -> dict[str, dict[str, str]]:
    return {
        column: {_key(word): value for value, words in values.items() for word in (value, *words)}
        for column, values in _words()["values"].items()
    }


@cache
def _words() -> dict[str, Any]:
    return tomllib.loads((Path(__file__).parent / "sheet_words.zh.toml").read_text(encoding="utf-8"))
