"""Dialogues whose caller is a recording (synthetic voices), heard with the speech model by the step that listens."""

from __future__ import annotations

import pytest

from speech.decoding import decode
from speech.sound.audio import read_audio
from tests.support.desk_world import CLASSIC, World
from tests.support.dialogue import Dialogue, item, lines, signed_in
from tests.support.recorded_callers import AUDIO, demo_understanding, speech_model

pytestmark = [pytest.mark.speech, pytest.mark.timeout(600)]

FIVE_CARTONS = lines(item(CLASSIC, count=5))


def says(call: Dialogue, recording: str) -> None:
    """Let the caller say what is recorded."""
    sound = read_audio(AUDIO / f"{recording}.ulaw").tobytes()
    call.take_turn(decode(speech_model(), demo_understanding(), call.listens, sound))


@pytest.fixture
def after(world: World) -> Dialogue:
    """The second call of the demo shop, after one that saved five cartons."""
    call = signed_in(world, key="first")
    call.caller_says("红塔山硬经典五条，就这些", lines(item(CLASSIC, count=5), command="done"))
    call.caller_says("对")
    return signed_in(world)


def test_where_the_goods_are(after: Dialogue) -> None:
    says(after, "cmd_track_huodaonale_a")
    after.line_mentions("五条，已经保存，还没有扣款。")


def test_a_cancellation_is_said_back_and_taken_down(after: Dialogue) -> None:
    says(after, "cmd_cancel_quxiaodingdan_b")
    after.line_mentions("您要取消十一月二十三日星期一的订单，一共五条。")
    says(after, "cmd_yes_duide_a")
    after.line_mentions("好的，您要求取消订单，已经记下，等班长批准。")


def test_dropping_all_of_an_order_is_asked_about(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", FIVE_CARTONS)
    says(call, "cmd_cancel_quanbuquxiao_a")
    call.line_says("您订的一共五条，全部不要了吗？")
    says(call, "cmd_no_budui_a")
    assert call.draft_cartons == {CLASSIC: 5}


def test_the_whole_order_is_read_on_wish(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", FIVE_CARTONS)
    says(call, "cmd_read_all_congtou_b")
    call.line_mentions("您现在订的是：红塔山硬经典五条。")


def test_who_rings_again_later_hears_until_when_the_order_is_kept(world: World) -> None:
    call = signed_in(world)
    call.caller_says("红塔山硬经典五条", FIVE_CARTONS)
    says(call, "cmd_later_denghuier_b")
    call.line_mentions("货给您留到九点十五分。")
    call.line_hangs_up()
