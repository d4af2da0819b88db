"""Numbers as they are said: every spoken form of a number, the most usual first.

cn2an and similar libraries read 两三条 as 23; here a form exists only if it is actually said.
"""

from __future__ import annotations

from functools import cache

LARGEST = 99_999
# The largest number whose forms are listed one by one; larger ones are put together as they are said.
LARGEST_LISTED = 999

_DIGITS = "零一二三四五六七八九"


@cache
def number_words(number: int) -> tuple[str, ...]:
    """The spoken forms of a number from 1 to 99,999, without a unit; ValueError for any other number."""
    if not 1 <= number <= LARGEST:
        raise ValueError(f"{number} is not a number the order line takes; it takes 1 to {LARGEST:,}.")
    if number == 2:
        return ("两", "二")
    for unit, size in ((10_000, "万"), (1_000, "千")):
        count, rest = divmod(number, unit)
        if count:
            heads = ("两" + size, "二" + size) if count == 2 else (_DIGITS[count] + size,)
            return tuple(head + tail for tail in words_after(rest, unit) for head in heads)
    hundreds, rest = divmod(number, 100)
    if not hundreds:
        return _below_hundred(rest)
    heads = ("二百", "两百") if hundreds == 2 else (f"{_DIGITS[hundreds]}百",)
    return tuple(head + tail for tail in _after_hundreds(rest) for head in heads)


def _below_hundred(number: int) -> tuple[str, ...]:
    tens, ones = divmod(number, 10)
    end = _DIGITS[ones] if ones else ""
    if tens == 0:
        return (_DIGITS[ones],)
    if tens == 1:
        return (f"十{end}", f"一十{end}")
    return (f"{_DIGITS[tens]}十{end}",)


def _after_hundreds(rest: int) -> tuple[str, ...]:
    tens, ones = divmod(rest, 10)
    if rest == 0:
        return ("",)
    if tens == 0:
        return (f"零{_DIGITS[ones]}",)
    full = f"{_DIGITS[tens]}十{_DIGITS[ones] if ones else ''}"
    # 一百二 is 120, never 102; 一百十五 is said beside 一百一十五.
    short = (_DIGITS[tens],) if not ones else ()
    clipped = (f"十{_DIGITS[ones] if ones else ''}",) if tens == 1 and ones else ()
    return (full, *short, *clipped)


def words_after(rest: int, unit: int) -> tuple[str, ...]:
    """The forms of the rest after thousands (`unit` 1,000) or ten thousands: 一千五 is 1,500, 一千零五 is 1,005."""
    if not rest:
        return ("",)
    forms = tuple(f"零{form}" for form in number_words(rest)) if rest * 10 < unit else number_words(rest)
    digit, others = divmod(rest, unit // 10)
    return forms if others else (*forms, _DIGITS[digit])


def digit_words(number: int) -> tuple[str, ...]:
    """The forms of a quantity said digit by digit: 100 is 幺零零 or 一零零, 1,500 is 一五零零. Only numbers of three
    digits with a zero, and of more with two zeros at the end: 五六 and 三四五 are ranges, and 幺五 is 要五 by sound."""
    digits = str(number)
    if not (len(digits) == 3 and "0" in digits) and not (len(digits) > 3 and digits.endswith("00")):
        return ()
    said = "".join(_DIGITS[int(digit)] for digit in digits)
    return tuple(dict.fromkeys((said.replace("一", "幺"), said)))


def range_words(text: str, lowest: int) -> dict[str, int]:
    """The spoken forms of a range and of its tens, hundreds and teens (五六, 五六十, 五六百, 十五六, 二十五六), each
    with its lowest number; `text` is the range in single figures, 两 as it is said before a unit."""
    plain = text.replace("两", "二")
    found = {text: lowest}
    for form in (text, plain):
        found |= {f"{form}十": 10 * lowest, f"{form}百": 100 * lowest}
    for tens in range(1, 10):
        head = "十" if tens == 1 else f"{_DIGITS[tens]}十"
        found[head + plain] = 10 * tens + lowest
    return found


def figures_in_words(digits: str) -> str:
    """The spoken form of a number typed in figures: "35" -> 三十五; digit by digit if it is too long for a quantity."""
    number = int(digits)
    if 1 <= number <= LARGEST and not digits.startswith("0"):
        return number_words(number)[0]
    return "".join(_DIGITS[int(figure)] for figure in digits)
