"""Lists that are narrowed down, sorted and taken as files: what their address asks for."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import date
from urllib.parse import urlencode

from flask import request

TEXT_MAX_CHARS = 40


@dataclass(frozen=True, slots=True)
class Sorting:
    """The column a list is sorted by, and the direction; `?sort=amount`, or `?sort=-amount` from the largest down."""

    column: str
    descending: bool

    def address(self, column: str) -> str:
        """The address of the list sorted by another column, the largest first, or by this one the other way round."""
        down = not self.descending if column == self.column else True
        return address(sort=f"{'-' if down else ''}{column}", page=None)

    def aria(self, column: str) -> str:
        """The value of `aria-sort` for the heading of a column."""
        if column != self.column:
            return "none"
        return "descending" if self.descending else "ascending"


def requested_sorting(columns: Collection[str], usual: str) -> Sorting:
    """The sorting in the request; by the `usual` column from the latest down where it has none that is possible."""
    asked = request.args.get("sort", "")
    column = asked.removeprefix("-")
    return Sorting(column, asked.startswith("-")) if column in columns else Sorting(usual, descending=True)


def requested_text() -> str:
    """The text to search for."""
    return request.args.get("q", "").strip()[:TEXT_MAX_CHARS]


def address(path: str | None = None, **changed: str | None) -> str:
    """The address of the list, or of `path`, with what the request asks for and some of it changed; None leaves a value
    out."""
    asked = {name: value for name, value in request.args.items() if value} | changed
    return f"{path or request.path}?{urlencode({name: value for name, value in asked.items() if value is not None})}"


def file_name(of: str, first: date, last: date) -> str:
    """The name of the file of a list of these days, without its ending: calls-2026-11-02-2026-11-06."""
    return f"{of}-{first}" if first == last else f"{of}-{first}-{last}"
