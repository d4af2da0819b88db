"""A sentence is said in the longest pieces there are, and pauses where it has punctuation."""

from __future__ import annotations

import time

from hypothesis import given
from hypothesis import strategies as st

from callflows import speaking
from callflows.prompts import load_prompts
from ivr.voice.tiling import Tile, parts_before_gaps, piece_text, tile
from ivr.voice.wanted_pieces import number_pieces, prompt_pieces

PIECES = {"您要的是", "红塔山", "红塔山硬经典", "硬经典", "五条", "五", "条", "一", "对吗", "您要的是红"}


def texts(sentence: str, pieces: set[str] = PIECES) -> list[str]:
    return [f"<{one.text}>" if one.gap else one.text for one in tile(sentence, pieces)]


def test_as_few_pieces_as_there_can_be_say_a_sentence() -> None:
    assert texts("您要的是红塔山硬经典五条，对吗？") == ["您要的是", "红塔山硬经典", "五条", "对吗"]


def test_punctuation_is_a_pause_after_the_piece_before_it() -> None:
    assert tile("红塔山，五条。对吗？", PIECES) == [
        Tile("红塔山", 200),
        Tile("五条", 380),
        Tile("对吗", 380),
    ]
    assert tile("五条……对吗", PIECES)[0].pause_ms == 380, "marks in a row are one pause"


def test_a_piece_may_have_punctuation_within_it() -> None:
    assert texts("好的，接着订。五条", {"好的，接着订", "五条"}) == ["好的，接着订", "五条"]


def test_what_the_pack_lacks_is_one_gap() -> None:
    assert texts("您要的是软玉溪五条") == ["您要的是", "<软玉溪>", "五条"]


def test_a_name_is_not_taken_to_pieces_for_a_character_that_the_pack_has() -> None:
    assert texts("建设路一条街便民超市，五条") == ["<建设路一条街便民超市>", "五条"]


def test_what_the_pack_has_is_said_while_a_gap_is_being_made() -> None:
    assert parts_before_gaps("您要的是红塔山，软玉溪五条，红塔山五条，大前门。对吗？", PIECES) == [
        "您要的是红塔山，",
        "软玉溪五条，红塔山五条，",
        "大前门。对吗？",
    ]
    assert parts_before_gaps("您要的是红塔山五条。", PIECES) == ["您要的是红塔山五条。"], "without a gap it is whole"
    assert parts_before_gaps("大前门。", PIECES) == ["大前门。"]


@given(st.text("您要的是红塔山硬经典五条对吗大前门，。、"))
def test_the_parts_of_a_sentence_are_said_as_the_whole_of_it(sentence: str) -> None:
    parts = parts_before_gaps(sentence, PIECES)
    assert [one for part in parts for one in tile(part, PIECES)] == tile(sentence, PIECES)
    assert not any(one.gap for part in parts for one in tile(part, PIECES)[1:])


def test_there_may_be_nothing_to_say() -> None:
    assert tile("", PIECES) == []
    assert tile("。，", PIECES) == []
    assert texts("，五条") == ["五条"]


def test_a_piece_is_named_without_the_marks_around_it() -> None:
    assert piece_text("，好的，接着订。") == "好的，接着订"
    assert piece_text("。") == ""


def test_every_number_quantity_amount_and_day_has_its_pieces() -> None:
    pieces = {piece_text(text) for text in number_pieces(load_prompts())} - {""}
    said = [
        *(speaking.quantity(packs, 10, "条", "盒") for packs in range(1, 12_000, 7)),
        *(speaking.money(fen) for fen in range(1, 12_345_678, 9_173)),
        *(speaking.number(value) for value in range(10_000)),
        speaking.one_by_one("410502100012"),
        speaking.telephone("+8637255550000"),
        speaking.telephone("+8613800000012"),
    ]
    lacking = {one for one in said if any(part.gap for part in tile(one, pieces))}
    assert not lacking
    assert max(len(tile(one, pieces)) for one in said) <= 8


def test_every_prompt_without_placeholders_is_one_piece() -> None:
    prompts = load_prompts()
    pieces = {piece_text(text) for _, text in prompt_pieces(prompts)} - {""}
    for key, prompt in prompts.items():
        if not prompt.placeholders and not key.endswith("_said"):
            assert [one.text for one in tile(prompt.say, pieces)] in ([piece_text(prompt.say)], []), key


def test_a_long_sentence_is_divided_at_once() -> None:
    begun = time.perf_counter()
    assert len(tile("红塔山硬经典五条，" * 40, PIECES)) == 80
    assert time.perf_counter() - begun < 2
