"""Long lists in pages: the page asked for, and the addresses of its neighbours."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlencode

from flask import request

ROWS_ON_PAGE = 100


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list: its number, counted from 1, the rows on a page, and the rows of the whole list."""

    number: int
    size: int
    count: int

    @property
    def first(self) -> int:
        """The rows before the page."""
        return (self.number - 1) * self.size

    @property
    def shown_from(self) -> int:
        """The place of its first row in the list, counted from 1; 0 where the list is empty."""
        return min(self.first + 1, self.count)

    @property
    def shown_to(self) -> int:
        """The place of its last row in the list."""
        return min(self.first + self.size, self.count)

    @property
    def last(self) -> int:
        """The number of the last page."""
        return max(1, -(-self.count // self.size))

    def address(self, number: int) -> str:
        """The address of another page of the same list, narrowed down and sorted in the same way."""
        asked = [(name, value) for name, value in request.args.items(multi=True) if name != "page"]
        return f"{request.path}?{urlencode([*asked, ('page', number)])}"


def requested_page(count: int, size: int = ROWS_ON_PAGE) -> Page:
    """The page of a list of `count` rows that the request asks for by `page`: the first one where it names none, the
    last one where the list has become shorter."""
    number = request.args.get("page", 1, type=int)
    page = Page(1, size, count)
    return Page(min(max(1, number), page.last), size, count)
