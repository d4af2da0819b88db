"""A caller without a number is of one kind, whatever the carrier puts in the number's place."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.retailers.caller_numbers import WITHHELD, caller_number, is_dialable


@pytest.mark.parametrize(
    "reported",
    [
        "",
        "anonymous",
        "Anonymous",
        "ANONYMOUS CALLER",
        "restricted",
        "unavailable",
        "Private number",
        "unknown",
        "withheld",
        "no-caller-id",
        "sip:anonymous@anonymous.invalid",
        "anonymous@anonymous.invalid",
        "+266696687",
        "266696687",
        "+7378742833",
        "+2562533",
        "+8656696",
        "+86282452253",
        "+86266696687",
        "+867378742833",
        "+1266696687",
        "+17378742833",
        "+10000000000",
        "+1000",
        "+1000000",
        "+0000000000",
        "+8600000000000",
        "+86",
        "+",
        "0",
        "00000000",
    ],
)
def test_placeholders_of_callers_without_a_number(reported: str) -> None:
    assert caller_number(reported) == WITHHELD
    assert not is_dialable(reported)


@pytest.mark.parametrize(
    "number", ["+8613800000012", "+8637255550000", "+861012345678", "+8675512345678", "+12125550123", "+442079460000"]
)
def test_numbers_that_can_be_called_back(number: str) -> None:
    assert caller_number(number) == number
    assert is_dialable(number)


@pytest.mark.parametrize("name", ["client:web-phone", "sip:wang@shop.example.com", "13800000012", "8001"])
def test_names_and_extensions_are_no_placeholders_but_are_not_dialled(name: str) -> None:
    assert caller_number(name) == name
    assert not is_dialable(name)


@given(st.from_regex(r"\+86(1[3-9][0-9]{9}|[2-9][0-9]{9,10})", fullmatch=True))
def test_every_chinese_number_is_itself_unless_it_spells_a_placeholder(number: str) -> None:
    assert caller_number(number) in (number, WITHHELD)
    assert (caller_number(number) == WITHHELD) == (number in ("+867378742833", "+866622553743", "+8686282452253"))


@given(st.text(max_size=30))
def test_whatever_is_reported_is_a_number_or_withheld_and_stays_so(reported: str) -> None:
    once = caller_number(reported)
    assert once in (reported, WITHHELD)
    assert caller_number(once) == once
