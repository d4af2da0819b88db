"""Numbers the line may call: who sends a premium number as its own earns nothing by a callback."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orders.retailers.caller_numbers import WITHHELD
from orders.retailers.dialling import may_be_dialled


@pytest.mark.parametrize(
    "number", ["+8613800000012", "+8619912345678", "+861012345678", "+8637255550000", "+8675512345678"]
)
def test_telephones_and_mobiles_of_the_country_are_dialled(number: str) -> None:
    assert may_be_dialled(number, ("+86",))


@pytest.mark.parametrize(
    ("number", "what"),
    [
        ("+8616012345", "an information service, 160"),
        ("+8616812345", "an information service, 168"),
        ("+864001234567", "a shared-cost number"),
        ("+8695588", "a bank's service number"),
        ("+8696168", "a service number"),
        ("+19005551234", "a premium number"),
        ("+881612345678", "a satellite telephone"),
        ("+979123456789", "an international premium number"),
        ("+25255512345", "another country"),
        ("+85212345678", "Hong Kong"),
        ("8613800000012", "not as carriers write it"),
        (WITHHELD, "no number"),
        ("sip:+8613800000012@example.org", "not a number"),
        ("+8613800000012,,9", "keys after it"),
    ],
)
def test_nothing_else_is(number: str, what: str) -> None:
    assert not may_be_dialled(number, ("+86",)), what


def test_other_countries_are_dialled_where_the_settings_name_them_but_no_premium_numbers_there() -> None:
    assert may_be_dialled("+12125550123", ("+86", "+1"))
    assert not may_be_dialled("+19005551234", ("+86", "+1"))
    assert not may_be_dialled("+12125550123", ())


@given(st.text(max_size=20))
def test_any_text_is_answered(text: str) -> None:
    assert may_be_dialled(text, ("+86",)) in (True, False)
    assert not may_be_dialled(text, ("+999",)) or text.startswith("+999")
