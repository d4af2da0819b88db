"""Spoken changes of an order, by price too, and answers to who is calling (synthetic voices, Kokoro-82M)."""

from __future__ import annotations

from typing import Any

import pytest

from callflows.prompts import load_prompts
from speech.decoding import decode
from speech.listening import Choice, Items, Listen, Option
from speech.sound.audio import read_audio
from speech.utterance import Price, Utterance
from tests.support.recorded_callers import AUDIO, demo_understanding, speech_model

pytestmark = [pytest.mark.speech, pytest.mark.timeout(300)]


def heard(name: str, listen: Listen) -> Utterance:
    return decode(speech_model(), demo_understanding(), listen, read_audio(AUDIO / f"{name}.ulaw").tobytes())


def barcode(name: str) -> str:
    return demo_understanding().catalog.by_name_or_barcode[name].barcode


def with_order() -> Items:
    """The question for more, with 红塔山(硬经典) on the order."""
    return Items(ordered=(barcode("红塔山(硬经典)"),))


@pytest.mark.parametrize(
    ("name", "action", "cartons", "flags"),
    [
        ("reduce_jiandiao_2_a", "reduce", 2, {}),
        ("reduce_shaolai_2_a", "reduce", 2, {}),
        ("reduce_hongtashan_3_b", "reduce", 3, {}),
        ("more_duolai_2_a", "add", 2, {"more": True}),
        ("set_jiuyao_5_a", "add", 5, {"in_all": True}),
    ],
)
def test_less_more_and_in_all_are_heard_as_such(name: str, action: str, cartons: int, flags: dict[str, Any]) -> None:
    [item] = heard(name, with_order()).items
    assert item.quantity is not None
    assert (item.action, item.quantity.halves) == (action, 2 * cartons)
    assert all(getattr(item, flag) == value for flag, value in flags.items())


def test_a_little_less_is_heard_as_a_question_of_how_many() -> None:
    [item] = heard("reduce_alittle_b", with_order()).items
    assert item.action == "reduce"
    assert item.quantity is not None
    assert item.quantity.vague


@pytest.mark.parametrize("name", ["reduce_jiandiao_2_a", "reduce_shaolai_2_a", "more_duolai_2_a", "reduce_alittle_b"])
def test_before_anything_is_ordered_they_order_nothing(name: str) -> None:
    assert heard(name, Items()).is_nothing


@pytest.mark.parametrize(
    ("name", "cartons"), [("item_ruanyuxi_1500_a", 1500), ("item_ruanyuxi_100_a", 100), ("item_here_ruanyuxi_5_a", 5)]
)
def test_numbers_are_heard_whole(name: str, cartons: int) -> None:
    [item] = heard(name, Items()).items
    assert item.barcodes == (barcode("玉溪(软)"),)
    assert item.quantity is not None
    assert item.quantity.halves == 2 * cartons


@pytest.mark.parametrize(
    ("name", "price"), [("price_20_a", Price(20, per="pack")), ("price_cheaper_a", Price(bound="cheaper"))]
)
def test_a_price_is_heard(name: str, price: Price) -> None:
    said = heard(name, Items())
    assert (said.command, said.price) == ("of_price", price)


def test_who_does_not_know_how_and_wants_a_person_is_heard() -> None:
    assert heard("cmd_operator_person_a", Items()).command == "operator"


@pytest.mark.parametrize(("name", "place"), [("who_itself_a", 0), ("who_not_ours_a", 1)])
def test_who_is_speaking_is_heard(name: str, place: int) -> None:
    prompts = load_prompts()
    said = (prompts["confirm_caller.itself_said"].say, prompts["confirm_caller.else_said"].say)
    options = tuple(Option(str(key), tuple(words.split())) for key, words in enumerate(said, 1))
    assert heard(name, Choice(options)).choice == place
