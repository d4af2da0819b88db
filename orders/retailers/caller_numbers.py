"""The numbers of callers. Callers who show none are of one kind, WITHHELD, whatever the carrier reports instead.

Carriers put a placeholder in the place of a number that is withheld or missing: a word (anonymous, restricted), the
word's keys on a telephone's keypad, written as if they were a number (+266696687 is ANONYMOUS), the same after a
country code (+86 56696 is 8656696, UNKNOWN), or zeros.
"""

from __future__ import annotations

import re
from typing import Final

WITHHELD: Final = "withheld"
"""The number of every caller who shows none."""

_WORDS: Final = (
    "anonymous",
    "blocked",
    "nocallerid",
    "nonumber",
    "notavailable",
    "outofarea",
    "private",
    "restricted",
    "unavailable",
    "unknown",
    "withheld",
)
_KEYPAD: Final = str.maketrans("abcdefghijklmnopqrstuvwxyz", "22233344455566677778889999")
_SPELT: Final = frozenset(word.translate(_KEYPAD) for word in _WORDS)
# The country codes before a spelt word: of the carriers' own country, and of the line's.
_COUNTRY_CODES: Final = ("", "1", "86")
# ITU-T E.164: the country code does not begin with 0, and all of it has at most fifteen digits.
_INTERNATIONAL: Final = re.compile(r"\+[1-9][0-9]{5,14}")
# North American numbers have an area code and an exchange of three digits, neither of which begins with 0 or 1.
_NORTH_AMERICAN: Final = re.compile(r"1[2-9][0-9]{2}[2-9][0-9]{6}")
# Nearly every caller has a Chinese mobile number, which is no placeholder and needs no closer look.
_MOBILE: Final = re.compile(r"\+861[3-9][0-9]{9}")


def caller_number(reported: str) -> str:
    """The number a carrier reports for a caller, as a URI or by itself, or WITHHELD where it shows none."""
    if _MOBILE.fullmatch(reported):
        return reported
    number = re.sub(r"^(?:sips?|tel):|@.*$", "", reported.strip().lower())
    letters = re.sub(r"[^a-z]", "", number)
    if letters:
        return WITHHELD if letters.startswith(_WORDS) else reported
    digits = re.sub(r"[^0-9]", "", number)
    if not digits.strip("0") or _is_spelt(digits):
        return WITHHELD
    if number.startswith("+") and not _may_exist(digits):
        return WITHHELD
    return reported


def is_dialable(number: str) -> bool:
    """True if a caller can be called back at this number."""
    return caller_number(number) != WITHHELD and _INTERNATIONAL.fullmatch(number) is not None


def _is_spelt(digits: str) -> bool:
    return any(digits.removeprefix(code) in _SPELT for code in _COUNTRY_CODES)


def _may_exist(digits: str) -> bool:
    """False for an international number that nobody can have."""
    if digits.startswith("1"):
        return _NORTH_AMERICAN.fullmatch(digits) is not None
    return not digits.startswith("0") and bool(digits.removeprefix("86").strip("0"))
