"""The understanding of typed words, keys and alternatives at each step."""

from __future__ import annotations

import pytest

from brand_catalog.catalog import Catalog, Spec
from brand_catalog.importing import make_catalog
from brand_catalog.spoken_names import derive_spoken_names
from speech.hypotheses import Hypothesis
from speech.language.parsing import Parse
from speech.language.semantics import Meaning
from speech.listening import Choice, Digits, Items, Listen, Option, QuantityOf, YesNo
from speech.understanding import Interpretation, Understanding
from speech.utterance import Item, Quantity, Utterance

NAMES = (
    "红塔山(硬经典)",
    "红塔山(新时代)",
    "玉溪(软)",
    "云烟(软大重九)",
    "云烟(紫)",
    "白沙(硬和气生财)",
    "白沙(和天下)",
    "利群(软蓝)",
)


def spec(number: int, name: str) -> Spec:
    brand = name.split("(")[0]
    return Spec(
        f"69{number:011}", name, brand, "某中烟", "一类", "", 10, 50, 20_000, False, 23_000, 1, f"{101 + number}"
    )  # fmt: skip


def catalog() -> Catalog:
    specs = [spec(number, name) for number, name in enumerate(NAMES)]
    return make_catalog(specs, derive_spoken_names(specs))


CATALOG = catalog()
UNDERSTANDING = Understanding(CATALOG)
CODES = {spec.name: barcode for barcode, spec in CATALOG.specs.items()}
CHOICE = Choice((Option("1", ("硬经典",)), Option("2", ("新时代",))))


def lines(heard: Utterance) -> list[tuple[str, tuple[str, ...], float | None]]:
    """The items as (action, spec names, cartons)."""
    found = []
    for item in heard.items:
        packs = item.quantity.packs(10, 50) if item.quantity else None
        names = tuple(CATALOG.specs[barcode].name for barcode in item.barcodes)
        found.append((item.action, names, None if packs is None else packs / 10))
    return found


def says(text: str, listen: Listen | None = None) -> Utterance:
    return UNDERSTANDING.of_text(listen or Items(), text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("玉溪软五条", [("add", ("玉溪(软)",), 5)]),
        ("给我来两件软玉溪吧", [("add", ("玉溪(软)",), 100)]),
        ("那个玉溪软，嗯，来半件", [("add", ("玉溪(软)",), 25)]),
        ("玉溪软12条", [("add", ("玉溪(软)",), 12)]),
        ("大重九十条", [("add", ("云烟(软大重九)",), 10)]),
        ("白沙硬和气生财和玉溪软各三条", [("add", ("白沙(硬和气生财)",), 3), ("add", ("玉溪(软)",), 3)]),
        ("紫云烟一条，白沙和天下两条", [("add", ("云烟(紫)",), 1), ("add", ("白沙(和天下)",), 2)]),
        ("玉溪软改成十条", [("change", ("玉溪(软)",), 10)]),
        ("不对，玉溪软要三条", [("change", ("玉溪(软)",), 3)]),
        ("玉溪软要三条不是五条", [("change", ("玉溪(软)",), 3)]),
        ("把玉溪软给我去掉", [("remove", ("玉溪(软)",), None)]),
        ("玉溪软换成紫云烟五条", [("remove", ("玉溪(软)",), None), ("add", ("云烟(紫)",), 5)]),
        ("玉溪软还有货吗", [("ask", ("玉溪(软)",), None)]),
        ("玉溪软三条，不对，五条", [("add", ("玉溪(软)",), 5)]),
        ("玉溪软三盒", [("add", ("玉溪(软)",), 0.3)]),
        ("玉溪软多来点，二十条吧", [("add", ("玉溪(软)",), 20)]),
        ("玉溪软不要那么多，改成两条", [("change", ("玉溪(软)",), 2)]),
        ("玉溪软算了，不要了", [("remove", ("玉溪(软)",), None)]),
        ("还有玉溪软吧", [("ask", ("玉溪(软)",), None)]),
    ],
)
def test_lines_are_understood_however_they_are_put(text: str, expected: list[object]) -> None:
    assert lines(says(text))[-len(expected) :] == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("紫云烟二十条，不对，是玉溪软二十条", [("add", ("玉溪(软)",), 20)]),
        ("紫云烟十条，不对，是玉溪软", [("add", ("玉溪(软)",), 10)]),
        ("紫云烟，不是，玉溪软，八条", [("add", ("玉溪(软)",), 8)]),
        ("紫云烟五条，错了，玉溪软三条", [("add", ("玉溪(软)",), 3)]),
        ("紫云烟五条，玉溪软四条，哦不，玉溪软二十条", [("add", ("云烟(紫)",), 5), ("add", ("玉溪(软)",), 20)]),
        ("紫云烟五条，玉溪软四条，不对，紫云烟两条", [("add", ("云烟(紫)",), 2), ("add", ("玉溪(软)",), 4)]),
        ("玉溪软六条，哦不，五条", [("add", ("玉溪(软)",), 5)]),
        ("玉溪软要八条，算了，三条吧", [("add", ("玉溪(软)",), 3)]),
        ("玉溪软要三条，哦不，要十一条", [("add", ("玉溪(软)",), 11)]),
        ("紫云烟五条，不，玉溪软三条", [("add", ("玉溪(软)",), 3)]),
        ("两条，玉溪软九条", [("add", (), 2), ("add", ("玉溪(软)",), 9)]),
        ("算了，四条吧", [("change", (), 4)]),
        ("不，四条", [("change", (), 4)]),
        ("不对，是玉溪软三条", [("change", ("玉溪(软)",), 3)]),
        ("玉溪软五条，紫云烟三条，玉溪软五条", [("add", ("玉溪(软)",), 5), ("add", ("云烟(紫)",), 3)]),
        ("除了紫云烟，玉溪软和白沙和天下都要三条", [("add", ("玉溪(软)",), 3), ("add", ("白沙(和天下)",), 3)]),
        ("我这边要五条玉溪软", [("add", ("玉溪(软)",), 5)]),
    ],
)
def test_a_correction_in_one_breath_counts(text: str, expected: list[object]) -> None:
    assert lines(says(text)) == expected
    assert says(text).command is None


@pytest.mark.parametrize("text", ["玉溪软八条，呃，四条，四条", "玉溪软八条，玉溪软四条"])
def test_of_two_quantities_of_one_spec_the_caller_is_asked_which(text: str) -> None:
    (item,) = says(text).items
    assert item.quantity is not None
    assert {item.quantity.packs(10, 50), *(one.packs(10, 50) for one in item.other_quantities)} == {80, 40}


@pytest.mark.parametrize("text", ["玉溪软五条，再来玉溪软三条", "玉溪软五条，再加三条"])
def test_more_of_a_spec_is_not_the_same_again(text: str) -> None:
    assert [item.more for item in says(text).items] == [False, True]
    assert lines(says(text)) == [("add", ("玉溪(软)",), 5), ("add", ("玉溪(软)",), 3)]


@pytest.mark.parametrize("text", ["除了玉溪软都要五条", "除了玉溪软其他的都来五条", "除了紫云烟和玉溪软，剩下的都要"])
def test_everything_but_one_is_no_line_and_takes_none_off(text: str) -> None:
    heard = says(text)
    assert (heard.items, heard.command) == ((), "all_but")


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("就这些", "done"), ("没有了", "done"), ("对的", "yes"), ("不对", "no"), ("再说一遍", "repeat"),
        ("就要这么多", "done"), ("转人工", "operator"), ("跟上次一样", "usual"), ("有什么烟", "what_is_there"),
        ("就这吧", "done"), ("其他都不要了", "done"), ("中中", "yes"), ("没错没错", "yes"), ("不中", "no"),
        ("等等，不对", "no"), ("不要不要", "no"), ("你说啥", "repeat"), ("咋订", "help"),
        ("帮我转一下人工", "operator"),
        ("找个真人跟我说", "operator"), ("帮我接客服", "operator"), ("我不会弄，叫个人来", "operator"),
        ("上次订的再来一份", "usual"), ("这周有什么", "what_is_there"),
        ("还是上回那些", "usual"), ("跟上周一样来一份", "usual"), ("按上次的来一份", "usual"),
    ],
)  # fmt: skip
def test_commands_are_understood(text: str, command: str) -> None:
    assert says(text).command == command


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("玉溪软有没有", "is_there"),
        ("还有玉溪软吗", "is_there"),
        ("玉溪软多少钱", "price"),
        ("玉溪软什么价", "price"),
        ("软玉溪多少钱一条", "price"),
        ("玉溪软的价格多少", "price"),
        ("玉溪软怎么卖啊", "price"),
        ("玉溪软能订多少", "how_much_left"),
        ("玉溪软我还能订几条", "how_much_left"),
        ("软玉溪限量多少", "how_much_left"),
    ],
)
def test_questions_about_a_spec_are_distinguished(text: str, asked: str) -> None:
    heard = says(text)
    assert [(item.action, item.barcodes, item.asked) for item in heard.items] == [("ask", (CODES["玉溪(软)"],), asked)]
    assert heard.command is None


@pytest.mark.parametrize(
    ("text", "command"),
    [("多少钱", "price"), ("一条多少钱", "price"), ("余额多少", "balance"), ("卡里多少钱", "balance"),
     ("一共多少钱", "balance"), ("还能订多少", "how_much_left")],
)  # fmt: skip
def test_a_price_asked_without_a_brand_is_no_question_about_the_account(text: str, command: str) -> None:
    heard = says(text)
    assert (heard.items, heard.command) == ((), command)


def test_a_quantity_belongs_to_the_spec_just_named() -> None:
    about = Items(about=CODES["玉溪(软)"])
    assert lines(says("来五条", about)) == [("add", ("玉溪(软)",), 5)]
    assert lines(says("紫云烟两条", about)) == [("add", ("云烟(紫)",), 2)]
    assert says("不对，改成三条", about).items[0].barcodes == ()
    assert UNDERSTANDING.is_complete(about, [Hypothesis("来五条", 0.0)])
    assert not UNDERSTANDING.is_complete(Items(), [Hypothesis("来五条", 0.0)])


def test_a_line_and_a_command_in_one_breath_are_both_heard() -> None:
    heard = says("玉溪软五条，就这些")
    assert lines(heard) == [("add", ("玉溪(软)",), 5)]
    assert heard.command == "done"


def test_a_brand_with_several_specs_is_a_question_between_them() -> None:
    assert lines(says("红塔山五条")) == [("add", ("红塔山(硬经典)", "红塔山(新时代)"), 5)]


def test_what_may_be_ordered_now_settles_a_question() -> None:
    assert lines(says("红塔山五条", Items((CODES["红塔山(新时代)"],)))) == [("add", ("红塔山(新时代)",), 5)]


def test_what_is_usually_bought_settles_a_question() -> None:
    assert lines(says("红塔山五条", Items(usual=(CODES["红塔山(新时代)"],)))) == [("add", ("红塔山(新时代)",), 5)]


@pytest.mark.parametrize("text", ["玉溪软几条", "玉溪软来十来条", "玉溪软两箱"])
def test_a_quantity_that_is_not_clear_is_kept_as_such(text: str) -> None:
    (item,) = says(text).items
    assert item.quantity is not None
    assert item.quantity.packs(10, 50) is None


@pytest.mark.parametrize("text", ["今天天气真不错", "等一下我接个电话", "", "？！", "abc"])
def test_talk_that_is_not_for_the_line_is_nothing(text: str) -> None:
    assert says(text).is_nothing


def test_a_number_answers_the_question_how_many() -> None:
    heard = says("五条", QuantityOf(CODES["玉溪(软)"]))
    assert lines(heard) == [("add", ("玉溪(软)",), 5)]


def test_an_option_is_chosen_by_name_and_by_place() -> None:
    assert [says(text, CHOICE).choice for text in ("硬经典", "新时代", "第二种", "最后一种")] == [0, 1, 1, 1]


@pytest.mark.parametrize(
    ("listen", "keys", "command"),
    [
        (Items(), "#", "done"), (Items(), "0", "operator"), (Items(), "*", "repeat"), (Items(), "8#", "usual"),
        (Items(), "9#", "what_is_there"), (YesNo(), "1", "yes"), (YesNo(), "2", "no"), (Digits(12), "0#", "operator"),
    ],
)  # fmt: skip
def test_keys_are_commands(listen: Listen, keys: str, command: str) -> None:
    assert UNDERSTANDING.of_keys(listen, keys).command == command


def test_lines_are_keyed_as_code_and_quantity() -> None:
    heard = UNDERSTANDING.of_keys(Items(), "103*5*104*2#")
    assert lines(heard) == [("add", ("玉溪(软)",), 5), ("add", ("云烟(软大重九)",), 2)]
    assert heard.keyed


def test_a_line_is_keyed_off_with_no_quantity() -> None:
    assert lines(UNDERSTANDING.of_keys(Items(), "103*0#")) == [("remove", ("玉溪(软)",), None)]


def test_a_code_without_a_quantity_is_asked_for_it() -> None:
    assert lines(UNDERSTANDING.of_keys(Items(), "103#")) == [("add", ("玉溪(软)",), None)]


@pytest.mark.parametrize("keys", ["999*5#", "103*5*999*1#"])
def test_a_code_no_spec_has_is_named_and_voids_the_others(keys: str) -> None:
    [item] = UNDERSTANDING.of_keys(Items(), keys).items
    assert (item.said, item.not_carried, item.barcodes) == ("999", True, ())


def test_a_brand_of_elsewhere_is_understood_as_one_the_catalogue_lacks() -> None:
    [item] = UNDERSTANDING.of_text(Items(), "骆驼两条").items
    assert (item.said, item.not_carried, item.quantity) == ("骆驼", True, Quantity(4))


@pytest.mark.parametrize("keys", ["99*5#", "103*5*104#*", "A", "", "103**5#"])
def test_one_wrong_key_makes_nothing_of_all_of_them(keys: str) -> None:
    assert UNDERSTANDING.of_keys(Items(), keys).is_nothing


def test_digits_are_keyed_whole_or_not_at_all() -> None:
    assert UNDERSTANDING.of_keys(Digits(12), "410502100012#").digits == ("410502100012",)
    assert UNDERSTANDING.of_keys(Digits(12), "41050210001#").is_nothing


@pytest.mark.parametrize(
    ("text", "whole"),
    [
        ("玉溪 软", False),
        ("玉溪 软 五条", True),
        ("五条", False),
        ("就 这些", True),
        ("玉溪 软 五条 红塔 山", False),
        ("", False),
    ],
)
def test_an_answer_is_whole_when_every_line_has_its_quantity(text: str, whole: bool) -> None:
    assert UNDERSTANDING.is_complete(Items(), [Hypothesis(text, 0.0)]) is whole


def test_the_better_alternative_wins_and_shares_its_belief() -> None:
    found = UNDERSTANDING.interpret(Items(), [Hypothesis("玉溪 软 四条", 100.0), Hypothesis("玉溪 软 十条", 99.0)])
    assert [f.meaning.items[0].quantity for f in found[:2]] == [Quantity(8), Quantity(20)]
    assert found[0].posterior > found[1].posterior
    assert sum(f.posterior for f in found) == pytest.approx(1.0)


def test_a_near_name_is_guessed_only_where_nothing_likelier_can_be_read_as_it_stands() -> None:
    whole, near = "玉 溪 软 五 条", "白 沙 硬 和 气 三 台 五 条"
    for likelier, guessed in ((whole, False), (near, True)):
        alternatives = [Hypothesis(text, 10.0 if text == likelier else 9.0) for text in (whole, near)]
        found = UNDERSTANDING.interpret(Items(), alternatives)
        assert any(interpretation.hypothesis.text == near for interpretation in found) is guessed


def test_a_word_of_a_template_is_itself_before_it_is_a_homophone_of_another() -> None:
    ninety, just_ten = (Hypothesis(f"玉 溪 软 {heard} 十 条", 0.0) for heard in ("九", "就"))
    for heard, cartons in ((ninety, 90), (just_ten, 10)):
        found = UNDERSTANDING.interpret(Items(), [heard])
        assert lines(UNDERSTANDING.utterance(Items(), found[0], 1.0)) == [("add", ("玉溪(软)",), cartons)]
        assert found[0].posterior > 0.7


def test_a_brand_in_no_catalogue_is_no_quantity_of_the_spec_spoken_of() -> None:
    asked = QuantityOf(CODES["玉溪(软)"])
    camel, two = Item("add", (), Quantity(4), "骆驼", not_carried=True), Item("add", (), Quantity(4))
    for item, barcodes in ((camel, ()), (two, (asked.barcode,))):
        meaning = Interpretation(Meaning((item,)), Hypothesis("骆驼 两条", 0.0), Parse(0.0, ()), 0.0, 0.0)
        assert UNDERSTANDING.utterance(asked, meaning, 1.0).items[0].barcodes == barcodes
