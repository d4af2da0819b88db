"""PINs that a guesser tries first are not given."""

from __future__ import annotations

import pytest

from orders.retailers.pins import is_weak


@pytest.mark.parametrize(
    "pin",
    [
        "1234",
        "0123",
        "9876",
        "4321",
        "0000",
        "8888",
        "1212",
        "1122",
        "1221",
        "7778",
        "2580",
        "0852",
        "1314",
        "1688",
        "5200",
        "1999",
        "2026",
        "1987",
        "0101",
        "1231",
        "3690",
        "1357",
    ],
)
def test_what_a_guesser_tries_first_is_weak(pin: str) -> None:
    assert is_weak(pin)


@pytest.mark.parametrize("pin", ["7394", "4096", "9275", "3816", "6047"])
def test_others_are_not(pin: str) -> None:
    assert not is_weak(pin)


def test_the_end_of_ones_own_code_or_number_is_weak() -> None:
    assert is_weak("7394", customer_code="410502107394")
    assert is_weak("7394", phones=["+8613800000012", "+8613812347394"])
    assert not is_weak("7394", "410502100012", ["+8613800000012"])


def test_most_pins_are_left() -> None:
    assert 8_000 < sum(not is_weak(f"{pin:04}") for pin in range(10_000)) < 9_000
