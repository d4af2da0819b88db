"""A PIN is never to be read on the web phone's page, by whatever way it came."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from console.web_phone.pin_hiding import PinHiding, stars_as_dots, without_pin


class PhoneCall:
    """What the page sees of a call; `asks_pin` says if the line asks for the PIN now."""

    def __init__(self) -> None:
        self.asks_pin = False
        self._pins = PinHiding(lambda call_key: call_key == "CA1" and self.asks_pin)
        self._sees("CallPlaced", call_sid="CA1")

    def _sees(self, event: str, **facts: Any) -> dict[str, Any]:
        return asyncio.run(self._pins.hidden({"event": event, **facts}))

    def line_says(self, text: str, *, asks_pin: bool = False) -> bool:
        self.asks_pin = asks_pin
        return bool(self._sees("Said", text=text)["secret"])

    def caller_presses(self, keys: str) -> str:
        return "".join(self._sees("KeyPressed", key=key, taken=True)["key"] for key in keys)

    def caller_says(self, words: str) -> str:
        return str(self._sees("CallerSpoke", words=words)["words"])


def test_keys_are_dots_while_the_pin_is_asked_for_and_figures_before_and_after() -> None:
    call = PhoneCall()
    assert not call.line_says("请问您的客户代码是多少？")
    assert call.caller_presses("410502100012#") == "410502100012#"
    assert call.line_says("请按键输入四位密码。", asks_pin=True)
    assert call.caller_presses("246") == "•••"
    # The line has taken the PIN before the page is told of its last key.
    call.asks_pin = False
    assert call.caller_presses("8") == "•"
    assert not call.line_says("建设路便民超市，您好。")
    assert call.caller_presses("1203*5#") == "1203*5#"


def test_a_pin_keyed_before_its_question_was_heard_is_dots_as_well() -> None:
    call = PhoneCall()
    call.line_says("请问您的客户代码是多少？")
    call.asks_pin = True
    assert call.caller_presses("2468") == "••••"


def test_a_pin_that_is_said_is_dots() -> None:
    call = PhoneCall()
    call.line_says("请按键输入四位密码。", asks_pin=True)
    assert call.caller_says("二四六八") == "••••"
    call.line_says("请问您需要什么烟？")
    assert call.caller_says("红塔山硬经典五条") == "红塔山硬经典五条"


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("密码二四六八", "密码••••"),
        ("代码四一零五，密码是2 4 6 8", "代码四一零五，密码是••••"),
        ("密码不对", "密码不对"),
        ("玉溪二十条", "玉溪二十条"),
    ],
)
def test_what_follows_the_word_for_a_pin_is_dots(said: str, shown: str) -> None:
    assert without_pin(said) == shown


@pytest.mark.parametrize(("stored", "shown"), [("****", "••••"), ("1203*5", "1203*5"), ("", "")])
def test_a_stored_pin_is_dots_and_other_keys_are_figures(stored: str, shown: str) -> None:
    assert stars_as_dots(stored) == shown
