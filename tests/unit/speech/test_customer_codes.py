"""A spoken customer code: its digits from the words, and its retailer from all of its readings."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from speech.customer_codes import (
    KnownCodes,
    code_evidence,
    code_grammar,
    decide_code,
    digits_in,
    is_complete_code,
    reading_evidence,
)
from speech.hypotheses import Hypothesis

DEMO = tuple(f"4105021000{ending}" for ending in ("12", "29", "37", "45", "53", "61"))

codes = st.text("0123456789", min_size=12, max_size=12)


def words(digits: str, one: str = "一", zero: str = "零") -> str:
    return " ".join(f"{zero}{one}二三四五六七八九"[int(digit)] for digit in digits)


def one_pass(*readings: tuple[str, float]) -> list[Hypothesis]:
    return [Hypothesis(words(digits), score) for digits, score in readings]


@pytest.mark.parametrize(
    ("spoken", "digits"),
    [
        ("四 幺 零 五 零 二", "410502"),
        ("四 一 洞 五 洞 两", "410502"),
        ("拐 八 勾", "789"),
        ("三 个 零 幺 二", "00012"),
        ("一 三 个 零", "1000"),
        ("两 个 八 四 个 一", "881111"),
        ("四 十 一 零 五", "4105"),
        ("五 十 零 二", "5002"),
        ("十 二 五 十", "1250"),
        ("十", "10"),
        ("客户 编码 是 四 一 嗯 零 五", "4105"),
        ("一 个", "1"),
        ("", ""),
    ],
)
def test_digits_are_read_out_of_what_people_say(spoken: str, digits: str) -> None:
    assert digits_in(spoken.split()) == digits


@given(codes, st.sampled_from("一幺"), st.sampled_from("零洞"))
def test_every_code_said_digit_by_digit_comes_back(code: str, one: str, zero: str) -> None:
    assert digits_in(words(code, one, zero).split()) == code


def test_a_code_is_whole_when_it_has_all_its_digits() -> None:
    assert is_complete_code(words("410502100012"), 12)
    assert is_complete_code("四 一 零 五 零 二 一 三 个 零 一 二", 12)
    assert not is_complete_code(words("41050210001"), 12)


def test_the_grammar_knows_every_digit_and_every_way_of_saying_it() -> None:
    spoken = {word for sentence in code_grammar() for word in sentence.split()}
    assert spoken >= set("零洞一二两三四五六七拐八九勾十个")
    assert code_grammar() == code_grammar()


def test_what_several_passes_agree_on_is_likelier_than_what_one_prefers() -> None:
    readings = reading_evidence(
        [one_pass(("111111111111", 0.0), ("222222222222", -1.0)), one_pass(("222222222222", 0.0))]
    )
    assert max(readings, key=readings.__getitem__) == "222222222222"


def test_a_lost_twin_digit_finds_its_code() -> None:
    heard = decide_code([one_pass(("41050210012", 0.0))], 12, KnownCodes(DEMO))
    assert heard.codes[0] == "410502100012"
    assert heard.accepted


@pytest.mark.parametrize(("said", "misheard"), [("410502100012", "470502100012"), ("410502100061", "410502100091")])
def test_a_confused_digit_finds_its_code(said: str, misheard: str) -> None:
    heard = decide_code([one_pass((misheard, 0.0))], 12, KnownCodes(DEMO))
    assert (heard.codes[0], heard.accepted) == (said, True)


def test_between_two_near_codes_it_is_asked_again() -> None:
    known = KnownCodes([*DEMO, "410502100019"])
    heard = decide_code([one_pass(("410502100012", 0.0), ("410502100019", -0.5))], 12, known)
    assert set(heard.codes[:2]) == {"410502100012", "410502100019"}
    assert not heard.accepted


def test_whose_order_day_it_is_is_likelier() -> None:
    readings = {"410502100012": 0.0, "410502100019": 0.0}
    plain, expected = KnownCodes(readings), KnownCodes(readings, expected=["410502100019"])
    even = code_evidence(readings, plain)
    assert even["410502100012"] == pytest.approx(even["410502100019"])
    uneven = code_evidence(readings, expected)
    assert uneven["410502100012"] < uneven["410502100019"]


def test_a_code_that_is_nobody_s_is_not_taken_for_somebody_s() -> None:
    heard = decide_code([one_pass(("635907284316", 0.0))], 12, KnownCodes(DEMO))
    assert not heard.accepted


def test_without_known_codes_the_likeliest_of_the_right_length_come_first() -> None:
    heard = decide_code([one_pass(("41050210012", 0.0), ("410502100012", -1.0), ("910502100012", -0.9))], 12, None)
    assert heard.codes == ("410502100012", "910502100012"), "there is no province 91"


def test_no_retailers_and_no_sound_are_no_code() -> None:
    assert decide_code([one_pass(("410502100012", 0.0))], 12, KnownCodes(["no code"])).codes == ()
    assert decide_code([[]], 12, KnownCodes(DEMO)).codes == ()


@given(st.lists(codes, min_size=1, max_size=30, unique=True), st.data())
def test_a_code_heard_as_it_is_is_never_taken_for_another(known: list[str], data: st.DataObject) -> None:
    said = data.draw(st.sampled_from(known))
    heard = decide_code([one_pass((said, 0.0))], 12, KnownCodes(known))
    assert heard.codes[0] == said
