"""Texts that a spreadsheet program could take for a formula, and how they are written so that it does not."""

from __future__ import annotations

import re

# Full-width signs count as well where spreadsheet programs run in Chinese.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
# No other text needs a closer look, and an export has hundreds of thousands.
_SUSPECT_STARTS = frozenset((" ", *_FORMULA_STARTS))
_HARMLESS = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?|-|\+[0-9]+(\|\+[0-9]+)*")


def is_formula(text: str) -> bool:
    """True if a spreadsheet program could take this text for a formula. Numbers, and telephone numbers with `|` between
    them, are none."""
    if text[:1] not in _SUSPECT_STARTS:
        return False
    return text.lstrip(" ").startswith(_FORMULA_STARTS) and not _HARMLESS.fullmatch(text)


def as_text(text: str) -> str:
    """The text as it is written in a CSV file, with an apostrophe before what looks like a formula."""
    # Nearly every cell begins with a letter, a digit or a character, and needs no closer look.
    if text[:1].isalnum():
        return text
    return f"'{text}" if is_formula(text) else text


def of_text(cell: str) -> str:
    """The text of a cell of a CSV file, without such an apostrophe."""
    return cell[1:] if cell.startswith("'") and is_formula(cell[1:]) else cell
