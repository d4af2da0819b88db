"""The first letters of a shop's name, by which it is found without an input method."""

from __future__ import annotations

from functools import lru_cache


@lru_cache(maxsize=10_000)
def first_letters(name: str) -> str:
    """The first letter of each syllable of a name, digits and Latin letters as they are: 建设路超市 is jslcs."""
    # Its tables take a moment to load, and most processes never write a name.
    from pypinyin import Style, lazy_pinyin

    return "".join(lazy_pinyin("".join(c for c in name if c.isalnum()), style=Style.FIRST_LETTER)).lower()
