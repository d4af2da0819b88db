"""Numbers in spoken Chinese, so that no synthetic voice has to guess how to read figures."""

from __future__ import annotations

import re
from datetime import date, datetime

from cn2an import an2cn

_CODE_DIGITS = str.maketrans("0123456789", "零幺二三四五六七八九")
_WEEKDAYS = "一二三四五六日"
# Codes are said as they are printed on the card and as callers say them back: four digits, then a pause.
_DIGITS_IN_A_BREATH = 4

COUNTRY = "+86"

# 两千, 两万 and 一万两千, but 十二万 and 一百零二.
_TWO_AS_LIANG = re.compile(r"(?<![十百零])二(?=[千万亿])")


def number(value: int) -> str:
    """A whole number in words: 1234 is 一千二百三十四."""
    if value < 0:
        return "负" + number(-value)
    return _TWO_AS_LIANG.sub("两", an2cn(value, "low"))


def ordinal(place: int) -> str:
    """第一, 第二, counted from 1."""
    return "第" + number(place)


def counted(value: int, unit: str) -> str:
    """A number with its measure word: 2 条 is 两条."""
    return ("两" if value == 2 else number(value)) + unit


def quantity(packs: int, packs_per_carton: int, carton: str, pack: str) -> str:
    """A quantity in cartons, and in packs where it is no whole number of cartons: 五条, 三条零五盒, 五盒."""
    cartons, rest = divmod(packs, packs_per_carton)
    if not rest:
        return counted(cartons, carton)
    return f"{counted(cartons, carton)}零{counted(rest, pack)}" if cartons else counted(rest, pack)


def money(fen: int) -> str:
    """An amount of money as it is said, 元 and all: 363744 fen is 三千六百三十七元四角四分, 120005 fen is
    一千二百元零五分, 50 fen is 五角."""
    if fen < 0:
        return "负" + money(-fen)
    whole, rest = divmod(fen, 100)
    jiao, single = divmod(rest, 10)
    if not rest:
        return counted(whole, "元")
    if not whole:
        return (counted(jiao, "角") if jiao else "") + (number(single) + "分" if single else "")
    small = (number(jiao) + "角" if jiao else "零") + (number(single) + "分" if single else "")
    return counted(whole, "元") + small


def seat(name: str) -> str:
    """The seat of a hotline as it is said: 1 is 一; whatever is no number is said as it stands."""
    return number(int(name)) if name.isdecimal() else name


def one_by_one(code: str) -> str:
    """A code digit by digit, 一 as 幺, with a pause after every four: 四幺零五，零二幺零，零零幺二."""
    groups = (code[start : start + _DIGITS_IN_A_BREATH] for start in range(0, len(code), _DIGITS_IN_A_BREATH))
    return "，".join(group.translate(_CODE_DIGITS) for group in groups)


def telephone(number: str) -> str:
    """A telephone number as it is dialled in the country: +8637255550000 is 零三七二，五五五五，零零零零, and
    +8613800000012 is 幺三八零，零零零零，零幺二."""
    national = number.removeprefix(COUNTRY)
    is_mobile = len(national) == 11 and national.startswith("1")
    if national != number and not is_mobile:
        # A landline's area code has three digits, or two where it begins with 1 or 2.
        area = 2 if national[:1] in ("1", "2") else 3
        return f"零{national[:area].translate(_CODE_DIGITS)}，{one_by_one(national[area:])}"
    return one_by_one(national.removeprefix("+"))


def time_of_day(moment: datetime) -> str:
    """A time as it is said: 八点, 八点半, 十九点零五分."""
    hour = counted(moment.hour, "点")
    if moment.minute in (0, 30):
        return hour + ("半" if moment.minute else "")
    return f"{hour}{'零' if moment.minute < 10 else ''}{number(moment.minute)}分"


def day(moment: date) -> str:
    """A day as it is said: 十一月二十四日星期二."""
    return f"{number(moment.month)}月{number(moment.day)}日星期{_WEEKDAYS[moment.weekday()]}"
