"""Whole calls in the caller's own words and keys, understood as the line understands them."""

from __future__ import annotations

import pytest

from speech.understanding import Understanding
from tests.support.desk_world import CHINA, CLASSIC, CRANE, ERA, LIQUN, PIN, SHOP, TAISHAN, World, catalog
from tests.support.dialogue import STRANGER, TypedDialogue


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding(catalog())


def test_an_order_in_everyday_words(world: World, understanding: Understanding) -> None:
    world.stock(LIQUN, 0)
    caller = TypedDialogue(world, understanding)
    assert caller.says("是的") == "请问您需要什么烟？"
    assert caller.says("红塔山来五条，硬中华两条") == "中华硬，好的，两条。红塔山有两种：硬经典、新时代，您要哪一种？"
    assert caller.says("新时代") == "红塔山新时代，好的，五条。还有吗？"
    assert caller.says("软蓝利群有没有") == "利群软蓝，您需要多少？"
    assert caller.says("三条").endswith("利群软蓝，对不起，您要的品种暂时无货，您看黄鹤楼软蓝品牌行吗？")
    assert caller.says("行") == "黄鹤楼软蓝，好的，三条。还有吗？"
    assert caller.says("泰山望岳") == "泰山望岳，您要几条？"
    assert caller.says("十来条") == "请您说一个准数，泰山望岳，您要几条？"
    assert caller.says("十条") == "泰山望岳，好的，十条。还有吗？"
    assert caller.says("硬中华改成一条") == "好的，中华硬改成一条。还有吗？"
    assert caller.says("就这些").startswith("好，现在我们核对一下您的订货。")
    assert "黄鹤楼软蓝，不要了。" in caller.says("不对，黄鹤楼软蓝不要了")
    assert caller.says("对的").endswith("谢谢您的合作，再见。")
    assert caller.call.saved_cartons == {CHINA: 1, ERA: 5, TAISHAN: 10}


@pytest.mark.parametrize("answer", ["第一种", "硬经典", "红塔山硬经典", "要硬经典的"])
def test_a_close_call_is_answered_as_callers_answer(world: World, understanding: Understanding, answer: str) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "红塔山五条", answer)
    assert caller.call.draft_cartons == {CLASSIC: 5}


def test_an_order_by_keys_alone(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding, caller=STRANGER, recogniser=False)
    caller.keys(f"{SHOP}#", f"{PIN}#")
    assert caller.keys("101*5#").startswith("红塔山硬经典，好的，五条。")
    assert caller.keys("104#") == "黄鹤楼软蓝，您要几条？请按条数和井号。"
    assert caller.keys("3#").startswith("黄鹤楼软蓝，好的，三条。")
    assert "每条" in caller.keys("9#")
    assert "红塔山硬经典，代码幺零幺" in caller.keys("4")
    caller.keys("2", "#")
    assert caller.keys("2").startswith("要改请按")
    assert "黄鹤楼软蓝，不要了。" in caller.keys("104*0#")
    assert "您的订货已经保存" in caller.keys("1")
    assert caller.call.saved_cartons == {CLASSIC: 5}


def test_whoever_is_stuck_presses_a_zero(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.keys("0")
    caller.call.goes_to_operator("asked")


def test_what_is_said_beside_the_point_orders_nothing(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says("我家孩子上学去了").startswith("抱歉，我没听清楚，请您再说一遍。")
    assert caller.call.draft_cartons == {}


def test_a_star_says_it_again(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    asked = caller.says("是的")
    assert caller.keys("*") == asked


def test_bulk_said_in_one_go_is_taken_in_one_go(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "红塔山硬经典五条，红塔山新时代三条，黄鹤楼软蓝两条，泰山望岳四条，硬中华一条，就这些")
    assert caller.call.draft_cartons == {CLASSIC: 5, ERA: 3, CRANE: 2, TAISHAN: 4, CHINA: 1}
    assert caller.call.state.step == "read_back"


def test_a_caller_who_corrects_itself_gets_what_it_said_last(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says("硬中华五条，不对，是泰山望岳五条") == "泰山望岳，好的，五条。还有吗？"
    assert caller.says("算了，四条吧") == "好的，泰山望岳改成四条。还有吗？"
    assert caller.says("红塔山硬经典六条，哦不，五条") == "红塔山硬经典，好的，五条。还有吗？"
    assert caller.says("再加三条") == "红塔山硬经典品牌您已经订过，现在一共八条。还有吗？"
    assert caller.call.draft_cartons == {TAISHAN: 4, CLASSIC: 8}


def test_two_quantities_in_one_breath_are_asked_about(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says("红塔山硬经典八条，呃，四条") == "红塔山硬经典，八条还是四条？"
    assert caller.says("四条") == "红塔山硬经典，好的，四条。还有吗？"


@pytest.mark.parametrize("quantity", ["三四十条", "上百条", "十五六条", "二十条左右"])
def test_a_range_is_asked_about_and_never_rounded(world: World, understanding: Understanding, quantity: str) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says(f"红塔山硬经典{quantity}") == "请您说一个准数，红塔山硬经典，您要几条？"
    assert caller.call.draft_cartons == {}


def test_everything_but_one_takes_nothing_off(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "硬中华两条")
    assert caller.says("除了硬中华都要五条") == "请您要哪种报哪种，连数量一起报。还有吗？"
    assert caller.call.draft_cartons == {CHINA: 2}


def test_what_is_off_the_list_is_named_by_keys_as_by_voice(world: World, understanding: Understanding) -> None:
    world.limit(CHINA, 0)
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says("硬中华两条") == "对不起，中华硬这次没有分到您店里。请问您需要什么烟？"
    caller = TypedDialogue(world, understanding, caller=STRANGER, recogniser=False)
    caller.keys(f"{SHOP}#", f"{PIN}#")
    code = world.catalog.specs[CHINA].short_code
    assert caller.keys(f"{code}*2#").startswith("对不起，中华硬这次没有分到您店里。")
    assert caller.keys("999*2#").startswith("对不起，没有九九九这个代码。")


def test_wait_that_is_wrong_is_a_no(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "硬中华两条", "就这些")
    assert caller.says("等等，不对") == "您要改哪一样？"


@pytest.mark.parametrize(
    "answer", ["是我", "我是", "是的呀", "对呀", "没错就是我", "就是我", "对，是我", "是我们家", "我就是啊", "是"]
)
def test_who_is_asked_for_says_so_in_its_own_words(world: World, understanding: Understanding, answer: str) -> None:
    caller = TypedDialogue(world, understanding)
    assert caller.says(answer) == "请问您需要什么烟？"


@pytest.mark.parametrize("answer", ["不是我们家", "不是我", "我不是", "打错了", "不是", "不是的，不是我家"])
def test_somebody_else_is_asked_for_its_code(world: World, understanding: Understanding, answer: str) -> None:
    caller = TypedDialogue(world, understanding)
    assert caller.says(answer) == "请问您的客户代码是多少？"


@pytest.mark.parametrize(
    ("said", "count"), [("廿条", 20), ("幺零零条", 20), ("一百二", 20), ("十八条", 18), ("红塔山硬经典12条", 12)]
)
def test_numbers_are_taken_as_they_are_said(world: World, understanding: Understanding, said: str, count: int) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "红塔山硬经典", said)
    assert caller.call.draft_cartons == {CLASSIC: count}


@pytest.mark.parametrize(
    ("said", "packs"),
    [("一条半", "一条零五盒"), ("两条半", "两条零五盒"), ("俩半", "两条零五盒"), ("1.5条", "一条零五盒")],
)
def test_half_a_carton_is_five_packs(world: World, understanding: Understanding, said: str, packs: str) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says(f"红塔山硬经典{said}") == f"红塔山硬经典，好的，{packs}。还有吗？"


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("一千五条", "一千五百条"),
        ("三万条", "三万条"),
        ("九千九百九十九条", "九千九百九十九条"),
        ("9999条", "九千九百九十九条"),
        ("三十件", "一千五百条"),
        ("一五零零条", "一千五百条"),
    ],
)
def test_far_more_than_any_limit_is_asked_back_and_never_cut(
    world: World, understanding: Understanding, said: str, number: str
) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says(f"红塔山硬经典{said}") == f"{number}太多了，请您再报一遍，红塔山硬经典，您要几条？"
    assert caller.call.draft_cartons == {}
    assert caller.says("十五条") == "红塔山硬经典，好的，十五条。还有吗？"


@pytest.mark.parametrize("said", ["十万条", "123456条", "十一万五千条"])
def test_a_number_beyond_all_numbers_is_not_cut_to_a_digit_of_it(
    world: World, understanding: Understanding, said: str
) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", f"红塔山硬经典{said}")
    assert caller.call.draft_cartons == {}


def test_none_of_a_spec_takes_it_off_or_orders_nothing(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "硬中华两条")
    assert caller.says("硬中华零条") == "好的，中华硬不要了。请问您需要什么烟？"
    assert caller.says("红塔山硬经典") == "红塔山硬经典，您要几条？"
    assert caller.says("零条") == "好的，红塔山硬经典不订了。请问您需要什么烟？"
    assert caller.call.draft_cartons == {}


@pytest.mark.parametrize("said", ["我这边要五条红塔山硬经典", "我这边要红塔山硬经典五条", "俺这边来红塔山硬经典五条"])
def test_for_here_is_an_order_and_no_refusal(world: World, understanding: Understanding, said: str) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", said)
    assert caller.call.draft_cartons == {CLASSIC: 5}


@pytest.mark.parametrize("said", ["还是上回那些", "跟上周一样来一份", "跟上周一样"])
def test_the_same_as_last_time_in_other_words(world: World, understanding: Understanding, said: str) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert "没有查到您上次的订货。" in caller.says(said)


@pytest.mark.parametrize("said", ["我不会弄，叫个人来", "叫个人来"])
def test_who_wants_a_person_gets_one(world: World, understanding: Understanding, said: str) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", said)
    caller.call.goes_to_operator("asked")
