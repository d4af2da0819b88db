"""PINs that are not to be given: those a guesser tries first.

Of all PINs people choose, 1234 alone is more than a tenth, and the twenty commonest are a quarter (DataGenetics, "PIN
number analysis", 2012): who tries two of them at every shop finds some that open.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import pairwise

PIN_LENGTH = 4
# One PIN for so many retailers of one file is a standard PIN, which every one of them knows.
SHARED_MAX = 20

# Patterns on the keypad, and numbers with a meaning in China: 1314 (一生一世), 5201 (我爱你), 1688 (一路发).
_COMMON = frozenset(
    [
        "0852",
        "2580",
        "1470",
        "3690",
        "1590",
        "3570",
        "7410",
        "9630",
        "1793",
        "1379",
        "1397",
        "1236",
        "3214",
        "4561",
        "7894",
        "7896",
        "1314",
        "3344",
        "5200",
        "5201",
        "5210",
        "1688",
        "1668",
        "8168",
        "6688",
        "8866",
        "0520",
        "0521",
        "1024",
        "1357",
        "2468",
        "1359",
        "2469",
        "0246",
        "0135",
        "1230",
        "4321",
    ]
)
_YEAR_OR_DATE = re.compile(r"19\d\d|20[0-3]\d|(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])")


def is_weak(pin: str, customer_code: str = "", phones: Iterable[str] = ()) -> bool:
    """True if this PIN is easily guessed: digits that repeat or count, a year, a day of the year, a pattern on the
    keypad, or the end of the retailer's own code or telephone number."""
    steps = {(int(right) - int(left)) % 10 for left, right in pairwise(pin)}
    return (
        len(set(pin)) < 3
        or steps in ({1}, {9}, {2}, {8})
        or pin == pin[::-1]
        or pin in _COMMON
        or _YEAR_OR_DATE.fullmatch(pin) is not None
        or any(number.endswith(pin) for number in (customer_code, *phones) if number)
    )
