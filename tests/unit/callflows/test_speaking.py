"""Numbers as the line speaks them."""

from __future__ import annotations

from datetime import date, datetime

import cn2an
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callflows import speaking
from tests.support.keypad_caller import fen_said


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (0, "零"),
        (2, "二"),
        (10, "十"),
        (12, "十二"),
        (102, "一百零二"),
        (250, "二百五十"),
        (1_010, "一千零一十"),
        (2_000, "两千"),
        (12_000, "一万两千"),
        (22_222, "两万两千二百二十二"),
        (120_000, "十二万"),
        (-5, "负五"),
    ],
)
def test_a_number_in_words(value: int, said: str) -> None:
    assert speaking.number(value) == said


@given(st.integers(0, 99_999_999))
def test_a_number_is_heard_as_it_was_meant(value: int) -> None:
    assert cn2an.cn2an(speaking.number(value).replace("两", "二"), "smart") == value


@pytest.mark.parametrize(
    ("packs", "said"), [(50, "五条"), (20, "两条"), (120, "十二条"), (35, "三条零五盒"), (2, "两盒"), (0, "零条")]
)
def test_a_quantity_in_cartons_and_packs(packs: int, said: str) -> None:
    assert speaking.quantity(packs, 10, "条", "盒") == said


@pytest.mark.parametrize(
    ("fen", "said"),
    [
        (0, "零元"),
        (5, "五分"),
        (20, "两角"),
        (25, "两角五分"),
        (1_00, "一元"),
        (2_00, "两元"),
        (2_50, "两元五角"),
        (10_00, "十元"),
        (164_30, "一百六十四元三角"),
        (1_200_05, "一千二百元零五分"),
        (3_637_44, "三千六百三十七元四角四分"),
        (20_002_00, "两万零二元"),
        (100_000_00, "十万元"),
        (-12_30, "负十二元三角"),
    ],
)
def test_an_amount_of_money(fen: int, said: str) -> None:
    assert speaking.money(fen) == said


@given(st.integers(0, 9_999_999_99))
def test_an_amount_is_heard_to_the_fen(fen: int) -> None:
    said = speaking.money(fen)
    assert fen_said(said) == fen
    assert "点" not in said


@given(st.integers(0, 9_999_999))
def test_whole_yuan_are_heard(yuan: int) -> None:
    assert cn2an.cn2an(speaking.money(yuan * 100).removesuffix("元").replace("两", "二"), "smart") == yuan


def test_a_code_is_said_digit_by_digit_with_a_breath_between() -> None:
    assert speaking.one_by_one("410502100012") == "四幺零五，零二幺零，零零幺二"
    assert speaking.one_by_one("1203") == "幺二零三"


def test_a_day_is_named_as_on_the_telephone() -> None:
    assert speaking.day(date(2026, 11, 22)) == "十一月二十二日星期日"
    assert speaking.day(date(2026, 2, 2)) == "二月二日星期一"


@pytest.mark.parametrize(
    ("hour", "minute", "said"),
    [(8, 0, "八点"), (2, 30, "两点半"), (12, 5, "十二点零五分"), (17, 45, "十七点四十五分"), (0, 0, "零点")],
)
def test_a_time_is_said_as_on_the_telephone(hour: int, minute: int, said: str) -> None:
    assert speaking.time_of_day(datetime(2026, 11, 23, hour, minute)) == said


def test_places_are_counted_from_one() -> None:
    assert [speaking.ordinal(place) for place in (1, 2, 12)] == ["第一", "第二", "第十二"]
