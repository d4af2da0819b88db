"""What may stand in a text that comes in by any way: a page, a file, a command, the order API, the carrier.

A control character makes a call's markup and a spreadsheet invalid, and PostgreSQL refuses NUL and a text longer than
its column: what is stored is checked once, here, and what was stored before there was a check is shown without it.
"""

from __future__ import annotations

import re

# Control characters but for tab and line ends, single surrogates, the characters that XML 1.0 has no place for, and
# those that turn the direction of writing, which make a page show another text than the one that is stored.
_UNFIT = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)
# Copied along from web pages and documents, and seen by nobody.
_INVISIBLE = re.compile("[\u00ad\u200b-\u200d\u2060\ufeff]")
_LINE_ENDS = re.compile("[\t\n\r\x85\u2028\u2029]+")


class UnfitText(ValueError):
    """A text that cannot be stored: `text`, and `most`, the characters it may have, or None if it is not its length
    but a control character."""

    def __init__(self, text: str, most: int | None) -> None:
        self.text = text
        self.most = most
        why = "has control characters" if most is None else f"is longer than {most} characters"
        super().__init__(f"{printable(text, 20)!r} {why}; nothing was saved.")


def check_text(text: str, most: int | None = None) -> None:
    """Raise UnfitText for a text with a control character, or with more than `most` characters. Tabs and line ends are
    not control characters."""
    if _UNFIT.search(text):
        raise UnfitText(text, None)
    if most is not None and len(text) > most:
        raise UnfitText(text, most)


def one_line(text: str) -> str:
    """The text trimmed and on one line, without characters of no width."""
    return _LINE_ENDS.sub(" ", _INVISIBLE.sub("", text)).strip()


def printable(text: str, most: int | None = None) -> str:
    """The text without what `check_text` refuses, cut to `most` characters with an ellipsis at the end: for texts that
    were stored before they were checked, or that are only shown."""
    clean = _UNFIT.sub("", text)
    return clean if most is None or len(clean) <= most else f"{clean[: most - 1]}…"
