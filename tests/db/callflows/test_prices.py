"""Specs wanted by their retail price: at the question for it, and whenever else a price is said."""

from __future__ import annotations

import pytest

from speech.understanding import Understanding
from tests.support.desk_world import CHINA, CLASSIC, CRANE, ERA, LIQUN, TAISHAN, World, catalog
from tests.support.dialogue import TypedDialogue

NAMES = {
    CHINA: "中华硬", TAISHAN: "泰山望岳", CRANE: "黄鹤楼软蓝", LIQUN: "利群软蓝", ERA: "红塔山新时代",
    CLASSIC: "红塔山硬经典"
}  # fmt: skip


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding(catalog())


# The packs cost 9, 10.56, 19.08, 19.71, 20.09 and 45.79 yuan.
@pytest.mark.parametrize("asked", [(), ("有什么烟",)])
@pytest.mark.parametrize(
    ("said", "named"),
    [
        ("两百块的", (TAISHAN, CRANE, LIQUN)),
        ("二十块钱一包的", (TAISHAN, CRANE, LIQUN)),
        ("二十块的烟有哪些", None),
        ("四百五十块一条的", (CHINA,)),
        ("有没有十块左右的", None),
        ("十块以下的", (CLASSIC,)),
        ("一百块以上的", (CHINA, TAISHAN, CRANE, LIQUN, ERA)),
        ("便宜点的", (CLASSIC,)),
        ("好点的", (CHINA,)),
    ],
)
def test_a_price_reads_out_what_has_it(
    world: World, understanding: Understanding, asked: tuple[str, ...], said: str, named: tuple[str, ...] | None
) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", *asked)
    heard = caller.says(said)
    assert caller.call.state.step == "browse_specs"
    if named is not None:
        assert {barcode for barcode, name in NAMES.items() if f"{name}" in heard} == set(named)


def test_cheaper_than_what_was_spoken_of(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "硬中华两条")
    assert "泰山望岳" in caller.says("便宜点的")
    assert "黄鹤楼软蓝，利群软蓝，红塔山新时代。" in caller.says("再便宜点的")
    assert "泰山望岳" in caller.says("贵一点的")
    caller.says("泰山望岳三条")
    assert caller.call.draft_cartons == {CHINA: 2, TAISHAN: 3}


def test_a_price_that_nothing_has_is_said_to_have_nothing(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says("九十块钱一包的").startswith("对不起，今天没有这个价位的。")
    assert caller.call.state.step == "choose_band"


def test_the_end_of_a_price_is_not_the_end_of_the_day(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "十块以下的")
    assert caller.says("好的") == "这个价位的就这些。请问您需要什么烟？"


@pytest.mark.parametrize(
    ("said", "step"),
    [
        *((said, "browse_specs") for said in ("继续", "接着听", "还要听", "好的", "对")),
        *((said, "take_items") for said in ("停", "不听了", "不要听了", "不要", "不用了")),
    ],
)
def test_listening_goes_on_or_stops_as_asked_for(
    world: World, understanding: Understanding, said: str, step: str
) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "有什么烟", "第三个")
    assert caller.call.state.step == "browse_specs"
    page = caller.says(said)
    assert (caller.call.state.step, "红塔山硬经典" in page) == (step, step == "browse_specs")


@pytest.mark.parametrize(
    "said", ["九块的红塔山来三条", "来三条九块的红塔山", "红塔山九块的来三条", "九十块一条的红塔山要三条"]
)
def test_of_a_brand_the_spec_of_that_price_is_taken(world: World, understanding: Understanding, said: str) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert caller.says(said) == "红塔山硬经典，好的，三条。还有吗？"
    assert caller.call.draft_cartons == {CLASSIC: 3}


def test_a_price_no_spec_of_the_brand_has_orders_nothing(world: World, understanding: Understanding) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的")
    assert "利群软蓝，批发价每条" in caller.says("四十块的利群来三条")
    assert caller.call.draft_cartons == {}


@pytest.mark.parametrize("quantity", ["十多条", "二十多条"])
def test_about_so_many_says_nothing_of_more(world: World, understanding: Understanding, quantity: str) -> None:
    caller = TypedDialogue(world, understanding)
    caller.says("是的", "红塔山硬经典五条")
    assert caller.says(f"红塔山硬经典{quantity}") == "请您说一个准数，红塔山硬经典，您要几条？"
