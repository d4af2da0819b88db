"""After the order: who has ordered already, or may not order now, is served and not sent away."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from callflows import conversation
from callflows.replies import ListenFor
from orders.book import order_changes
from orders.book.models import OrderChange, OrderRow
from orders.day_end.deliveries import Delivery, record_deliveries
from orders.day_end.models import SettlementBatch, SettlementLine
from speech.understanding import Understanding
from tests.support.desk_world import CARTON, CHINA, CLASSIC, ERA, LIQUN, PIN, SHOP, World, catalog
from tests.support.dialogue import STRANGER, TypedDialogue, add, item, lines, pick, remove, signed_in

ORDERED = "您今天已经订过货了，您已经订了八条。"
MENU = "您可以问货到哪了、订了什么、余额多少，也可以改订单、取消订单。请问您要办什么？"
MORE = "还有别的事吗？"
WHICH = "您十一月二十三日星期一订的八条，"


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding(catalog())


@pytest.fixture
def ordered(world: World) -> World:
    """The demo shop has ordered five cartons of 红塔山硬经典 and three of 中华硬 today."""
    call = signed_in(world, key="first")
    call.caller_says(
        "红塔山硬经典五条，硬中华三条，就这些", lines(item(CLASSIC, count=5), item(CHINA, count=3), command="done")
    )
    call.caller_says("对")
    call.caller_hangs_up()
    return world


def set_order(world: World, **values: object) -> None:
    with world.session() as session:
        order = session.scalars(select(OrderRow).where(OrderRow.number.is_not(None))).one()
        for name, value in values.items():
            setattr(order, name, value)


def number_of(world: World) -> str:
    with world.session() as session:
        return str(session.scalars(select(OrderRow.number).where(OrderRow.number.is_not(None))).one())


def hand_over(world: World) -> None:
    set_order(world, state="handed_over", handed_over_at=world.clock())


def send_to_bank(world: World) -> None:
    with world.session() as session:
        order = session.scalars(select(OrderRow).where(OrderRow.number.is_not(None))).one()
        batch = SettlementBatch(
            business_day=order.business_day, number=1, created_at=world.clock(), created_by="the clerk"
        )
        session.add(batch)
        session.flush()
        session.add(SettlementLine(batch_id=batch.id, order_id=order.id, amount_fen=order.amount_fen))


def report(world: World, result: str, day: date, note: str = "") -> None:
    with world.session() as session:
        delivery = Delivery(number_of(world), result, day, note)  # type: ignore[arg-type]
        record_deliveries(session, [delivery], by="the clerk", now=world.clock())


def requests(world: World) -> list[tuple[str, dict[str, int]]]:
    with world.session() as session:
        rows = session.scalars(select(OrderChange).order_by(OrderChange.id)).all()
        return [(row.state, {barcode: packs // CARTON for barcode, packs in row.lines.items()}) for row in rows]


def decide(world: World, *, approve: bool, note: str = "") -> None:
    with world.session() as session:
        change = session.scalars(select(OrderChange).where(OrderChange.state == "requested")).one()
        order_changes.decide(session, change.id, approve=approve, by="the leader", now=world.clock(), note=note)


class TestWhereItStands:
    def test_saved_with_what_has_to_be_paid_in(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.line_says(ORDERED, "您下一个订货日是十一月三十日星期一。", MENU)
        call.caller_says("我的货到哪了")
        call.line_says(
            WHICH,
            "已经保存，还没有扣款。",
            "您卡内余额一千元，需再存五百一十九元八角。",
            MORE,
        )

    def test_at_the_bank(self, ordered: World) -> None:
        send_to_bank(ordered)
        call = signed_in(ordered)
        call.caller_says("我的货到哪了")
        call.line_says(WHICH, "银行正在扣款。", MORE)
        call.caller_says("我要取消订单")
        call.line_mentions("银行正在扣款，现在不能改订单。")

    def test_on_hold_with_what_to_do(self, ordered: World) -> None:
        set_order(ordered, on_hold=True)
        call = signed_in(ordered)
        call.caller_says("我的货到哪了")
        call.line_mentions("扣款没有成功，订单暂缓，先不送货。")
        call.line_mentions("请您再存五百一十九元八角，存好了告诉订货员，我们再扣一次。")

    def test_on_hold_and_paid_in_meanwhile(self, ordered: World) -> None:
        set_order(ordered, on_hold=True)
        ordered.change_retailer(balance_fen=2_000_00)
        call = signed_in(ordered)
        call.caller_says("我的货到哪了")
        call.line_mentions("您卡内余额两千元，已经够了，请您告诉订货员，我们再扣一次。")

    def test_debited(self, ordered: World) -> None:
        set_order(ordered, state="settled")
        call = signed_in(ordered)
        call.caller_says("我的货到哪了")
        call.line_says(WHICH, "已经扣款一千五百一十九元八角，还没有交给配送。", MORE)

    def test_handed_to_delivery_delivered_and_received(self, ordered: World) -> None:
        hand_over(ordered)
        call = signed_in(ordered)
        call.caller_says("我的货到哪了")
        call.line_says(WHICH, "已经扣款，十一月二十三日星期一交给配送，正在送货。", MORE)
        ordered.clock.move(days=1)
        report(ordered, "not_delivered", date(2026, 11, 24), "店里没有人")
        call.caller_says("我的货到哪了")
        call.line_mentions("十一月二十四日星期二送货没有送到，原因是店里没有人。要另外约时间，请说转人工。")
        report(ordered, "delivered", date(2026, 11, 24))
        call.caller_says("我的货到哪了")
        call.line_says(WHICH, "十一月二十四日星期二已经送到。", MORE)
        report(ordered, "received", date(2026, 11, 24))
        call.caller_says("我的货到哪了")
        call.line_says(WHICH, "十一月二十四日星期二已经签收。", MORE)

    def test_on_another_day_and_by_a_caller_who_may_order_again(self, ordered: World) -> None:
        hand_over(ordered)
        ordered.clock.move(days=7)
        ordered.supply()
        call = signed_in(ordered)
        call.caller_says("我的货到哪了")
        call.line_says(WHICH, "已经扣款，十一月二十三日星期一交给配送，正在送货。", "请问您需要什么烟？")

    def test_nothing_ordered_yet(self, world: World) -> None:
        world.change_retailer(status="suspended")
        call = signed_in(world)
        call.caller_says("我的货到哪了")
        call.line_says("没有查到您的订单。", MORE)
        call.caller_says("我要取消订单")
        call.line_says("没有查到您的订单。", MORE)


class TestWhatWasOrdered:
    def test_is_read_back_on_wish(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("从头念一遍")
        call.line_says(
            "您十一月二十三日星期一订的是：红塔山硬经典五条，中华硬三条。",
            "一共八条，金额一千五百一十九元八角。",
            MORE,
        )

    def test_the_last_order_is_the_one_before_todays(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("上次订了什么")
        call.line_says("没有查到您上次的订货。", MORE)
        ordered.clock.move(days=1)
        call = signed_in(ordered)
        call.caller_says("上次订了什么")
        call.line_mentions("您十一月二十三日星期一订的是")

    def test_the_balance_and_an_operator(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("余额多少")
        call.line_says("您卡内余额一千元。", MORE)
        call.caller_says("转人工")
        call.goes_to_operator("asked")


class TestACancellation:
    def test_is_a_request_which_another_person_approves(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("我要取消订单")
        call.line_says("您要取消十一月二十三日星期一的订单，一共八条。要班长批准才取消，批准以前订单不变。对吗？")
        assert requests(ordered) == []
        call.caller_says("对")
        call.line_says("好的，您要求取消订单，已经记下，等班长批准。", MORE)
        assert requests(ordered) == [("requested", {})]
        with ordered.session() as session:
            change = session.scalars(select(OrderChange)).one()
            assert (change.requested_by, change.channel, change.call_key, change.lines_before) == (
                "店12",
                "phone",
                "call-1",
                {CLASSIC: 50, CHINA: 30},
            )
        call.caller_says("我的货到哪了")
        call.line_mentions("您要求取消这张订单，正在等班长批准，批准以前订单不变。")
        decide(ordered, approve=True)
        ordered.check_books()
        call.caller_says("我的货到哪了")
        call.line_says("您十一月二十三日星期一的订单已经取消了。", MORE)
        call.caller_says("从头念一遍")
        call.line_says("您十一月二十三日星期一的订单已经取消了。", MORE)
        again = signed_in(ordered, key="again")
        again.line_says("请问您需要什么烟？")

    def test_is_dropped_on_a_no(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("我要取消订单")
        call.caller_says("不对")
        call.line_says("好的，订单不变。", MORE)
        assert requests(ordered) == []

    def test_that_is_refused_is_told_with_the_reason(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("我要取消订单")
        call.caller_says("对")
        decide(ordered, approve=False, note="货已经装车")
        call = signed_in(ordered, key="again")
        call.caller_says("我的货到哪了")
        call.line_mentions("您要求的改动没有批准，订单不变，原因是货已经装车。")

    @pytest.mark.parametrize(
        ("state", "why"),
        [("settled", "您的订单已经扣款，不能改了。"), ("handed_over", "您的货已经交给配送，不能改了。")],
    )
    def test_comes_too_late_for_what_is_debited(self, ordered: World, state: str, why: str) -> None:
        set_order(ordered, state=state)
        call = signed_in(ordered)
        call.line_mentions("您可以问货到哪了、订了什么、余额多少。请问您要办什么？")
        for words, heard in (
            ("我要取消订单", lines(command="cancel")),
            ("红塔山改成三条", add(CLASSIC, 3)),
            ("改", pick(4)),
        ):
            call.caller_says(words, heard)
            call.line_mentions(why)
        assert requests(ordered) == []

    def test_is_not_taken_down_if_the_order_is_debited_before_the_yes(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("我要取消订单")
        set_order(ordered, state="settled")
        call.caller_says("对")
        call.line_says("您的订单已经扣款，不能改了。要帮忙，可以找订货员。", MORE)
        assert requests(ordered) == []


class TestAChange:
    def test_is_said_back_with_the_new_totals_and_taken_down(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("红塔山改成三条", lines(item(CLASSIC, ERA, count=3, action="change", said="红塔山")))
        call.line_says(
            "您要红塔山硬经典从五条改成三条。",
            "改完总条数是六条，总金额为一千三百六十九元八角。",
            "要班长批准才改，批准以前订单不变。对吗？",
        )
        call.caller_says("对")
        call.line_says("好的，您要求的改动已经记下，等班长批准。", MORE)
        assert requests(ordered) == [("requested", {CLASSIC: 3, CHINA: 3})]
        assert call.saved_cartons == {CLASSIC: 5, CHINA: 3}
        decide(ordered, approve=True)
        assert call.saved_cartons == {CLASSIC: 3, CHINA: 3}
        ordered.check_books()
        call.caller_says("我的货到哪了")
        call.line_mentions("您要求的改动已经改好了。")

    def test_may_add_a_spec_and_take_one_off(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("再加两条软蓝利群，硬中华不要了", lines(item(LIQUN, count=2), *remove(CHINA).items))
        call.line_mentions("您要中华硬不要了，加利群软蓝两条。")
        call.line_mentions("改完总条数是七条")
        call.caller_says("对")
        decide(ordered, approve=True)
        assert call.saved_cartons == {CLASSIC: 5, LIQUN: 2}
        ordered.check_books()

    @pytest.mark.parametrize(
        ("words", "cartons"),
        [
            ("红塔山硬经典再来两条", 7),
            ("红塔山硬经典三条", 3),
            ("红塔山硬经典改成四条", 4),
            ("红塔山硬经典十来条", None),
        ],
    )
    def test_adds_only_where_more_is_said(
        self, ordered: World, understanding: Understanding, words: str, cartons: int | None
    ) -> None:
        caller = TypedDialogue(ordered, understanding)
        said = caller.says("是的", words)
        if cartons is None:
            assert said == "请您说一个准数，红塔山硬经典，您要改成几条？"
            said, cartons = caller.says("六条"), 6
        assert dict(caller.call.state.requested_lines or ()) == {CLASSIC: cartons * CARTON, CHINA: 3 * CARTON}
        assert said.startswith("您要红塔山硬经典从五条改成")

    def test_is_asked_for_line_by_line(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("改订单", pick(4))
        call.line_says("您要改哪一样？")
        call.caller_says("红塔山硬经典", add(CLASSIC))
        call.line_says("红塔山硬经典，您要改成几条？")
        call.caller_says("四条", add(CLASSIC, 4))
        call.line_mentions("您要红塔山硬经典从五条改成四条。")
        call.caller_says("不对")
        call.line_says("您要改哪一样？")
        call.caller_says("就这些")
        call.line_says("好的，订单不变。", MORE)
        assert requests(ordered) == []

    def test_of_a_brand_with_several_specs_asks_which(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("再来两条红塔山新时代", add(ERA, 2))
        call.caller_says("对")
        decide(ordered, approve=True)
        call.caller_says("红塔山改成一条", lines(item(CLASSIC, ERA, count=1, action="change", said="红塔山")))
        call.line_says("红塔山硬经典、红塔山新时代，您要改哪一种？")
        call.caller_says("新时代", pick(2))
        call.line_mentions("您要红塔山新时代从两条改成一条。")

    def test_is_no_more_than_the_limit_leaves(self, ordered: World) -> None:
        ordered.limit(CLASSIC, 7)
        call = signed_in(ordered)
        call.caller_says("红塔山硬经典改成十条", lines(item(CLASSIC, count=10, action="change")))
        call.line_mentions("对不起，红塔山硬经典您最多能订七条。您要红塔山硬经典从五条改成七条。")

    def test_said_later_takes_the_place_of_the_one_before_and_keeps_it(self, ordered: World) -> None:
        call = signed_in(ordered)
        for barcode in (CLASSIC, CHINA):
            call.caller_says("改成一条", lines(item(barcode, count=1, action="change")))
            call.caller_says("对")
        assert requests(ordered) == [
            ("withdrawn", {CLASSIC: 1, CHINA: 3}),
            ("requested", {CLASSIC: 1, CHINA: 1}),
        ]

    def test_back_to_what_was_ordered_withdraws_the_request(self, ordered: World) -> None:
        call = signed_in(ordered)
        call.caller_says("红塔山改成三条", lines(item(CLASSIC, count=3, action="change")))
        call.caller_says("对")
        call.caller_says("红塔山改成五条", lines(item(CLASSIC, count=5, action="change")))
        call.line_says("好的，不改了，您的订单不变。", MORE)
        assert [state for state, _ in requests(ordered)] == ["withdrawn"]


def test_a_request_that_is_taken_down_is_not_taken_back(ordered: World) -> None:
    call = signed_in(ordered)
    call.caller_says("我要取消订单")
    with ordered.desk() as desk:
        assert conversation.go_back(call.state, conversation.draft_lines(call.state, desk), ordered.clock(), desk)
    call.caller_says("对")
    with ordered.desk() as desk:
        assert not conversation.go_back(call.state, conversation.draft_lines(call.state, desk), ordered.clock(), desk)


def test_nobody_is_sent_away(ordered: World) -> None:
    call = signed_in(ordered)
    for words in ("今天天气真不错", "和上次一样", "有什么烟", "重复一遍", "怎么订", "好的"):
        call.caller_says(words)
        assert isinstance(call.reply.then, ListenFor)
    call.caller_says("没有了")
    call.line_says("谢谢您的合作，再见。")
    call.line_hangs_up()


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("我的货到哪了", "已经保存，还没有扣款"),
        ("货什么时候送到", "已经保存，还没有扣款"),
        ("我要取消订单", "您要取消"),
        ("红塔山改成三条", "您要红塔山硬经典从五条改成三条"),
        ("硬中华不要了", "您要中华硬不要了"),
        ("余额多少", "您卡内余额一千元"),
        ("上次订了什么", "没有查到您上次的订货"),
        ("我订了什么", "红塔山硬经典五条"),
        ("从头念一遍", "红塔山硬经典五条"),
        ("改订单", "您要改哪一样"),
        ("喂", "抱歉，我没听清楚"),
        ("我家孩子上学去了", "抱歉，我没听清楚"),
    ],
)
def test_the_callers_own_words(ordered: World, understanding: Understanding, words: str, answer: str) -> None:
    caller = TypedDialogue(ordered, understanding)
    caller.says("是的")
    assert answer in caller.says(words)
    assert isinstance(caller.call.reply.then, ListenFor)


def test_by_keys_alone(ordered: World, understanding: Understanding) -> None:
    caller = TypedDialogue(ordered, understanding, caller=STRANGER, recogniser=False)
    menu = caller.keys(f"{SHOP}#", f"{PIN}#")
    assert menu.endswith(
        "查货到哪了请按一，听订了什么请按二，查余额请按三，改订单请按四，取消订单请按五，要人工请按零。没有别的事，您可以挂断了。"
    )
    assert "还没有扣款" in caller.keys("1")
    assert "红塔山硬经典五条" in caller.keys("2")
    assert "您卡内余额一千元" in caller.keys("3")
    assert caller.keys("4").startswith("要改请按烟的代码、星号、新的条数、井号")
    assert "您要红塔山硬经典从五条改成三条。" in caller.keys("101*3#")
    assert "已经记下" in caller.keys("1")
    assert "您要取消" in caller.keys("5")
    assert "订单不变" in caller.keys("2")
    caller.keys("0")
    caller.call.goes_to_operator("asked")


changes: st.SearchStrategy[list[tuple[str, int, str]]] = st.lists(
    st.tuples(
        st.sampled_from([CLASSIC, CHINA, LIQUN]), st.integers(0, 25), st.sampled_from(["add", "change", "remove"])
    ),
    min_size=1,
    max_size=4,
)


@given(said=changes)
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_said_back_is_what_is_approved(ordered: World, said: list[tuple[str, int, str]]) -> None:
    before = {CLASSIC: 5, CHINA: 3}
    with ordered.session() as session:
        row = session.scalars(select(OrderRow).where(OrderRow.number.is_not(None))).one()
        order_changes.set_lines(session, row, {barcode: count * CARTON for barcode, count in before.items()})
        row.state = "confirmed"
    call = signed_in(ordered)
    call.caller_says("…", lines(*(item(barcode, count=count, action=action) for barcode, count, action in said)))  # type: ignore[arg-type]
    if call.state.step == "confirm_request":
        wanted = {barcode: packs // CARTON for barcode, packs in call.state.requested_lines or ()}
        call.caller_says("对")
        decide(ordered, approve=True)
        with ordered.session() as session:
            row = session.scalars(select(OrderRow).where(OrderRow.number.is_not(None))).one()
            assert {line.barcode: line.granted_packs // CARTON for line in row.lines} == wanted
            assert row.state == ("confirmed" if wanted else "cancelled")
    else:
        assert call.state.step in ("after_order", "change_saved")
    ordered.check_books()
