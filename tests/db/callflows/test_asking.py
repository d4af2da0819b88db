"""Questions during the call - prices, quantities left, the account, the last order - and the new specs of the day."""

from __future__ import annotations

from dataclasses import replace

import pytest

from speech.listening import Items
from speech.understanding import Understanding
from tests.support.desk_world import CHINA, CLASSIC, CRANE, ERA, LIQUN, PIN, SHOP, World, catalog
from tests.support.dialogue import (
    STRANGER,
    Dialogue,
    TypedDialogue,
    add,
    asks_if_available,
    item,
    lines,
    pick,
    quantity_only,
    question_about,
    signed_in,
)


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding(catalog())


class TestThePriceOfASpec:
    def test_it_is_told_with_how_many_may_be_ordered(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("软蓝利群多少钱", question_about("price", LIQUN))
        call.line_says("利群软蓝，批发价每条一百五十九元。", "利群软蓝您还能订二十条。", "请问您需要什么烟？")
        assert call.draft_cartons == {}
        assert world.demand() == []

    def test_an_interpolated_one_is_told_as_such(self, world: World) -> None:
        specs = dict(world.catalog.specs)
        specs[CRANE] = replace(specs[CRANE], wholesale_estimated=True)
        world.catalog = replace(world.catalog, specs=specs)
        call = signed_in(world)
        call.caller_says("软蓝黄鹤楼什么价", question_about("price", CRANE))
        call.line_mentions("黄鹤楼软蓝，批发价每条一百六十四元三角，这是演示用的推算价。")

    def test_five_of_it_may_be_ordered_without_naming_it_again(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("软蓝利群多少钱", question_about("price", LIQUN))
        call.caller_says("来五条", quantity_only(5))
        call.line_says("利群软蓝，好的，五条。", "还有吗？")
        assert call.draft_cartons == {LIQUN: 5}

    def test_only_straight_after(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("软蓝利群多少钱", question_about("price", LIQUN))
        call.caller_says("硬中华两条", add(CHINA, 2))
        call.caller_says("来五条", quantity_only(5))
        call.line_says("您要的是什么烟？请您连烟名和数量一起报。", "还有吗？")
        assert call.draft_cartons == {CHINA: 2}

    def test_a_brand_with_few_specs_is_told_spec_by_spec(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山什么价", question_about("price", CLASSIC, ERA, said="红塔山"))
        call.line_says(
            "红塔山硬经典，批发价每条七十五元。",
            "红塔山硬经典您还能订二十条。",
            "红塔山新时代，批发价每条八十八元。",
            "红塔山新时代您还能订二十条。",
            "请问您需要什么烟？",
        )
        call.caller_says("来五条", quantity_only(5))
        assert call.draft_cartons == {}

    def test_of_a_brand_with_many_it_is_asked_which(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("软蓝什么价", question_about("price", CLASSIC, ERA, LIQUN, CRANE, said="软蓝"))
        call.line_mentions("您要哪一种？")
        call.caller_says("第三种", pick(3))
        call.line_says("利群软蓝，批发价每条一百五十九元。", "利群软蓝您还能订二十条。", "请问您需要什么烟？")
        assert call.draft_cartons == {}

    def test_of_what_is_out_it_is_told_too(self, world: World) -> None:
        world.stock(LIQUN, 0)
        call = signed_in(world)
        call.caller_says("软蓝利群多少钱", question_about("price", LIQUN))
        call.line_says(
            "利群软蓝，批发价每条一百五十九元。", "利群软蓝，对不起，您要的品种暂时无货。", "请问您需要什么烟？"
        )
        call.caller_says("来五条", quantity_only(5))
        call.line_mentions("您看黄鹤楼软蓝品牌行吗？")
        assert world.demand() == [(LIQUN, 50, 0, "out_of_stock")]

    def test_a_question_that_is_open_stays_open(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("软蓝利群有没有", asks_if_available(LIQUN))
        call.line_says("利群软蓝，您需要多少？")
        call.caller_says("多少钱")
        call.line_says("利群软蓝，批发价每条一百五十九元。", "利群软蓝您还能订二十条。", "利群软蓝呢，您要几条？")
        call.caller_says("软蓝利群什么价", question_about("price", LIQUN))
        call.line_mentions("利群软蓝，您需要多少？")
        call.caller_says("五条", quantity_only(5))
        assert call.draft_cartons == {LIQUN: 5}

    def test_the_substitutes_price_may_be_asked_before_it_is_taken(self, world: World) -> None:
        world.stock(LIQUN, 0)
        call = signed_in(world)
        call.caller_says("软蓝利群五条", add(LIQUN, 5))
        for words, meaning in (("多少钱", None), ("软蓝黄鹤楼多少钱", question_about("price", CRANE))):
            call.caller_says(words, meaning)
            call.line_mentions("黄鹤楼软蓝，批发价每条一百六十四元三角。")
            call.line_mentions("您看黄鹤楼软蓝品牌行吗？")
        call.caller_says("好的")
        assert call.draft_cartons == {CRANE: 5}

    def test_the_rest_is_still_on_offer_after_its_price(self, world: World) -> None:
        world.stock(CLASSIC, 3)
        call = signed_in(world)
        call.caller_says("红塔山硬经典五条", add(CLASSIC, 5))
        call.caller_says("红塔山硬经典多少钱", question_about("price", CLASSIC))
        call.line_mentions("红塔山硬经典只有三条，您要吗？")
        call.caller_says("好的")
        assert call.draft_cartons == {CLASSIC: 3}

    def test_at_the_read_back_it_changes_nothing(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("红塔山硬经典五条，就这些", lines(item(CLASSIC, count=5), command="done"))
        call.caller_says("硬中华多少钱", question_about("price", CHINA))
        call.line_says("中华硬，批发价每条三百八十一元六角。", "中华硬您还能订二十条。", "对吗？")
        call.caller_says("对")
        assert call.saved_cartons == {CLASSIC: 5}

    def test_without_a_brand_anybody_spoke_of_it_is_asked_which(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("多少钱")
        call.line_says("您问的是什么烟？请您连烟名一起问。", "请问您需要什么烟？")

    def test_a_doubtful_question_is_said_back_as_one(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("软蓝利群多少钱", replace(question_about("price", LIQUN), confirm=True))
        call.line_says("您要的是利群软蓝的价钱，对吗？")
        call.caller_says("对")
        call.line_mentions("利群软蓝，批发价每条一百五十九元。")
        assert call.draft_cartons == {}


class TestHowMuchMayBeOrdered:
    def test_of_one_spec_it_is_what_limit_stock_and_department_leave(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("硬中华能订多少", question_about("how_much_left", CHINA))
        call.line_says("中华硬您还能订二十条。", "请问您需要什么烟？")
        world.limit(CHINA, 8)
        call.caller_says("硬中华限量多少", question_about("how_much_left", CHINA))
        call.line_mentions("中华硬您还能订八条。")
        world.stock(CHINA, 6)
        call.caller_says("硬中华限量多少", question_about("how_much_left", CHINA))
        call.line_mentions("中华硬您还能订六条。")
        world.department_rule("band_max_cartons_3", 4)
        call.caller_says("硬中华限量多少", question_about("how_much_left", CHINA))
        call.line_mentions("中华硬您还能订四条。")
        call.caller_says("来三条", quantity_only(3))
        call.caller_says("我还能订多少")
        call.line_says("中华硬您还能订一条。", "还有吗？")

    def test_nothing_more_is_told_in_words_and_not_as_no_cartons(self, world: World) -> None:
        world.limit(CHINA, 2)
        call = signed_in(world)
        call.caller_says("硬中华两条", add(CHINA, 2))
        call.caller_says("我还能订多少")
        call.line_says("对不起，中华硬您这次最多能订两条，已经订了两条。", "还有吗？")

    def test_of_what_is_not_supplied_it_is_told(self, world: World) -> None:
        world.no_supply(CHINA)
        call = signed_in(world)
        call.caller_says("硬中华能订多少", question_about("how_much_left", CHINA))
        call.line_says("中华硬，对不起，您要的品种暂时无货。", "请问您需要什么烟？")

    def test_without_a_brand_the_specs_are_counted(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("我还能订多少")
        call.line_says("您今天能订六个品种。问哪一种能订多少，请连烟名一起说。", "请问您需要什么烟？")

    def test_a_day_with_nothing_left_is_told_as_such(self, world: World) -> None:
        for barcode in world.catalog.specs:
            world.stock(barcode, 0)
        call = signed_in(world)
        call.caller_says("我还能订多少")
        call.line_says("对不起，今天能订的品种都订完了。", "请问您需要什么烟？")


class TestTheAccount:
    def test_the_balance_is_told(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("余额多少")
        call.line_says("您卡内余额一千元。", "请问您需要什么烟？")

    def test_and_what_the_order_comes_to_so_far(self, world: World) -> None:
        call = signed_in(world)
        call.caller_says("硬中华两条", add(CHINA, 2))
        call.caller_says("余额多少")
        call.line_says("您现在订了两条，金额七百六十三元二角。", "您卡内余额一千元。", "还有吗？")


class TestWhatIsNewToday:
    def test_it_is_named_once_before_the_first_question_and_orders_nothing(self, world: World) -> None:
        world.introduce(ERA, "new")
        call = signed_in(world)
        call.line_says("今天新到红塔山新时代。", "请问您需要什么烟？")
        call.caller_says("今天天气真不错")
        call.line_does_not_say("新到")
        call.caller_is_silent()
        call.line_does_not_say("新到")
        call.caller_says("硬中华两条", add(CHINA, 2))
        call.caller_says("硬中华不要了", lines(item(CHINA, action="remove")))
        call.line_says("好的，中华硬不要了。", "请问您需要什么烟？")
        assert call.draft_cartons == {}

    def test_five_cartons_straight_after_are_of_the_one_that_was_named(self, world: World) -> None:
        world.introduce(ERA, "new")
        call = signed_in(world)
        assert isinstance(call.listens, Items)
        assert call.listens.about == ERA
        call.caller_says("来五条", quantity_only(5))
        call.line_says("红塔山新时代，好的，五条。", "还有吗？")
        assert call.draft_cartons == {ERA: 5}

    def test_of_two_that_were_named_it_is_asked_which(self, world: World) -> None:
        world.introduce(ERA, "new")
        world.introduce(CHINA, "key")
        call = signed_in(world)
        call.line_says("今天新到红塔山新时代。", "今天重点推荐中华硬。", "请问您需要什么烟？")
        call.caller_says("来五条", quantity_only(5))
        call.line_says("您要的是什么烟？请您连烟名和数量一起报。", "请问您需要什么烟？")
        assert call.draft_cartons == {}

    def test_no_more_than_two_are_named(self, world: World) -> None:
        for barcode in (CLASSIC, ERA, CHINA):
            world.introduce(barcode, "new")
        call = signed_in(world)
        call.line_says("今天新到红塔山硬经典、红塔山新时代。", "请问您需要什么烟？")

    def test_what_this_retailer_may_not_order_is_not_named(self, world: World) -> None:
        for barcode in (ERA, CHINA):
            world.introduce(barcode, "new")
        world.limit(ERA, 0)
        world.stock(CHINA, 0)
        signed_in(world).line_says("请问您需要什么烟？")

    def test_who_goes_on_with_an_order_is_not_told_again(self, world: World) -> None:
        world.introduce(ERA, "new")
        call = signed_in(world)
        call.caller_says("硬中华两条", add(CHINA, 2))
        call.caller_hangs_up()
        again = signed_in(world, key="call-2")
        again.caller_says("对")
        again.line_says("好的，接着订。", "还有吗？")

    def test_its_code_is_said_to_who_has_only_keys(self, world: World, understanding: Understanding) -> None:
        world.introduce(ERA, "new")
        caller = TypedDialogue(world, understanding, caller=STRANGER, recogniser=False)
        caller.keys(f"{SHOP}#")
        assert "今天新到红塔山新时代，代码幺零二。" in caller.keys(f"{PIN}#")

    def test_its_price_may_be_asked_in_two_words(self, world: World) -> None:
        world.introduce(ERA, "new")
        call = signed_in(world)
        call.caller_says("多少钱")
        call.line_says("红塔山新时代，批发价每条八十八元。", "红塔山新时代您还能订二十条。", "请问您需要什么烟？")


def test_it_is_all_understood_in_the_callers_own_words(world: World, understanding: Understanding) -> None:
    week_ago(world)
    world.introduce(ERA, "new")
    caller = TypedDialogue(world, understanding)
    assert caller.says("是的") == "今天新到红塔山新时代。请问您需要什么烟？"
    assert caller.says("来五条") == "红塔山新时代，好的，五条。还有吗？"
    assert caller.says("软蓝利群多少钱").startswith("利群软蓝，批发价每条一百五十九元。利群软蓝您还能订二十条。")
    assert caller.says("那来两条") == "利群软蓝，好的，两条。还有吗？"
    assert caller.says("硬中华限量多少") == "中华硬您还能订二十条。还有吗？"
    assert caller.says("上次订了什么") == "您上次订的是：红塔山硬经典五条，中华硬两条，一共七条。还有吗？"
    assert caller.says("余额多少") == "您现在订了七条，金额七百五十八元。您卡内余额一千元。还有吗？"
    assert caller.says("和上次一样").startswith("好的，照上次的订。好，现在我们核对一下您的订货。")
    assert caller.call.draft_cartons == {ERA: 5, LIQUN: 2, CLASSIC: 5, CHINA: 2}


def test_the_same_as_last_time_by_key(world: World, understanding: Understanding) -> None:
    week_ago(world)
    caller = TypedDialogue(world, understanding, caller=STRANGER, recogniser=False)
    caller.keys(f"{SHOP}#", f"{PIN}#")
    assert "红塔山硬经典，五条。中华硬，两条。" in caller.keys("8")
    caller.keys("1")
    assert caller.call.saved_cartons == {CLASSIC: 5, CHINA: 2}


def week_ago(world: World) -> None:
    call: Dialogue = signed_in(world, key="a week ago")
    both = lines(item(CLASSIC, count=5), item(CHINA, count=2), command="done")
    call.caller_says("红塔山硬经典五条，硬中华两条，就这些", both)
    call.caller_says("对")
    world.clock.move(days=7)
    world.supply()
