"""Telephones as callers have them: what they do in a call besides speaking and pressing keys."""

from __future__ import annotations

import time

import numpy as np
import pytest

from ivr.turns.serialisation import reply_from_json
from speech.sound.audio import LINE_RATE, encode_mulaw
from tests.pbx.test_orders import CODE, sign_in
from tests.support.exchange import TRUNK_ADDRESS, Exchange
from tests.support.exchange_line import SILENT_S, Dialogue, ExchangeLine, dialogue, wait_until
from tests.support.ports import free_port
from tests.support.recorded_callers import line_noise, speech_only
from tests.support.rtp import Media
from tests.support.sip_telephone import Refused, Sound, calling

pytestmark = pytest.mark.speech

ITEMS, UNDERSTOOD = "items_liqunxinban_5_yunyanzi_3_a", "利群新版五条，云烟紫三条"
# The tones of a key, by row and column (ITU-T Q.23), in Hz.
ROWS, COLUMNS = (697, 770, 852, 941), (1209, 1336, 1477)
KEYPAD = ("123", "456", "789", "*0#")


def tones(seconds: float, *frequencies: int) -> bytes:
    moments = np.arange(int(seconds * LINE_RATE)) / LINE_RATE
    return encode_mulaw(sum(6_000 * np.sin(2 * np.pi * hz * moments) for hz in frequencies).astype(np.int16))


def tones_of(key: str) -> bytes:
    """A key as a telephone of the old kind sends it: two tones."""
    row = next(place for place, keys in enumerate(KEYPAD) if key in keys)
    return tones(0.12, ROWS[row], COLUMNS[KEYPAD[row].index(key)])


def assert_is_understood(caller: Dialogue) -> None:
    """Check that the line still hears this caller, and is heard."""
    caller.says(ITEMS)
    assert UNDERSTOOD in caller.asked


def offer(types: str, *names: str) -> str:
    """A description that offers these payload types."""
    return "\n".join([
        "v=0",
        f"o=telephone 1 1 IN IP4 {TRUNK_ADDRESS}",
        "s=-",
        f"c=IN IP4 {TRUNK_ADDRESS}",
        "t=0 0",
        f"m=audio {{port}} RTP/AVP {types}",
        *(f"a=rtpmap:{name}" for name in names),
    ])  # fmt: skip


def test_a_shop_that_has_another_call_waiting_is_asked_again_afterwards(exchange: Exchange, line: ExchangeLine) -> None:
    with dialogue(exchange, line) as caller:
        sign_in(caller)
        turn, asked, media = caller.turn, caller.asked, caller.call.media
        # In the middle of the question, and a moment after it.
        for after_s in (0.5, 4.0):
            time.sleep(after_s)
            caller.call.hold()
            time.sleep(0.3)
            held = time.monotonic()
            # The other conversation of the shop, or its music on hold.
            media.say(speech_only(ITEMS))
            time.sleep(5)
            assert media.loud_from(held) is None
            caller.call.resume()
            media.wait_for_sound(within_s=3)
            assert (caller.turn, caller.asked) == (turn, asked)
        assert_is_understood(caller)


def test_an_order_that_is_read_back_while_the_shop_is_away_is_read_back_again(
    exchange: Exchange, line: ExchangeLine
) -> None:
    with dialogue(exchange, line) as caller:
        sign_in(caller)
        caller.presses("198*5#", interrupting=True)
        caller.presses("#", interrupting=True)
        assert "总条数是五条" in caller.asked
        caller.call.hold("inactive")
        time.sleep(3)
        caller.call.resume()
        caller.call.media.wait_for_sound(within_s=3)
        caller.presses("1")
        caller.call.wait_until_ended(within_s=60)
    assert [order.state for order in line.orders(CODE)] == ["confirmed"]


def test_a_telephone_that_changes_its_codec_in_mid_call_is_heard(exchange: Exchange, line: ExchangeLine) -> None:
    with dialogue(exchange, line) as caller:
        sign_in(caller)
        before = caller.call.description
        caller.call.renegotiate(before.replace("AVP 0 ", "AVP 8 ").replace("rtpmap:0 PCMU", "rtpmap:8 PCMA"))
        caller.call.media.codec = "PCMA"
        assert_is_understood(caller)


@pytest.mark.parametrize("is_told", [True, False], ids=["told by the telephone", "by its router alone"])
def test_a_telephone_whose_sound_comes_from_another_port_is_heard(
    exchange: Exchange, line: ExchangeLine, is_told: bool
) -> None:
    """As when a mobile goes to another network, or a router forgets a connection."""
    with dialogue(exchange, line) as caller:
        sign_in(caller)
        before, port = caller.call.media, free_port()
        there = before.remote
        before.close()
        caller.call.media = Media(TRUNK_ADDRESS, port)
        try:
            if is_told:
                caller.call.renegotiate(caller.call.description.replace(str(before.port), str(port)))
            else:
                assert there is not None
                caller.call.media.connect(*there)
                # The exchange trusts another address once the first one has been silent.
                caller.call.media.wait_for_sound(within_s=15)
            assert_is_understood(caller)
            caller.call.hang_up()
        finally:
            caller.call.media.close()


def test_a_telephone_that_has_a_codec_of_ours_among_others_is_answered_in_it(
    exchange: Exchange, line: ExchangeLine
) -> None:
    port = free_port()
    names = ("9 G722/8000", "18 G729/8000", "96 opus/48000/2", "8 PCMA/8000", "101 telephone-event/8000")
    described = offer("96 9 18 8 101", *names).format(port=port)
    with calling(exchange, "4001", caller="+8613900000077", description=described) as call:
        call.wait_until_answered()
        there = call.media.remote
        call.media.close()
        call.media = Media(TRUNK_ADDRESS, port, codec="PCMA")
        try:
            assert there is not None
            call.media.connect(*there)
            call.media.wait_for_sound(within_s=10)
            assert {packet.payload_type for packet in call.media.received} == {8}
            caller = Dialogue(line, call)
            sign_in(caller)
            assert_is_understood(caller)
            call.hang_up()
        finally:
            call.media.close()


@pytest.mark.parametrize("name", ["18 G729/8000", "96 opus/48000/2", "9 G722/8000"])
def test_a_telephone_without_a_codec_of_ours_is_refused(exchange: Exchange, line: ExchangeLine, name: str) -> None:
    described = offer(name.partition(" ")[0], name).format(port=free_port())
    with (
        calling(exchange, "4001", caller="+8613900000077", description=described) as call,
        pytest.raises(Refused) as refused,
    ):
        call.wait_until_answered()
    assert refused.value.code == 488
    assert line.latest_call() is None


def test_keys_that_come_as_tones_are_keys(exchange: Exchange, line: ExchangeLine) -> None:
    """Of a gateway that cannot send them apart from the sound."""
    with calling(exchange, "4001", caller="+8613900000077", sound=Sound(sends_keys=False)) as call:
        call.wait_until_answered()
        call.media.wait_for_sound(within_s=10)
        caller = Dialogue(line, call)
        for row, expected in ((CODE + "#", "请按键输入四位密码"), ("2468", "您需要什么烟")):
            turn = caller.turn
            for key in row:
                call.media.say(tones_of(key))
                call.media.pause(0.12)
            wait_until(lambda before=turn: caller.turn > before, "the keys were not taken")  # type: ignore[misc]
            assert expected in caller.asked
        (code, pin) = line.turn_inputs()
        assert (code["keyed"], code["digits"], pin["keyed"]) == (True, [CODE], True)


def test_keys_are_taken_on_a_noisy_line_over_the_prompt(exchange: Exchange, line: ExchangeLine) -> None:
    """With the tones of the keys in the sound, too: each is one key."""
    with dialogue(exchange, line) as caller:
        media = caller.call.media
        for row, expected in ((CODE, "请按键输入四位密码"), ("2468", "您需要什么烟")):
            turn = caller.turn
            for key in row:
                media.say(line_noise(300, level=600))
                media.say(tones_of(key)[:320])
                media.press(key)
            media.say(line_noise(1000, level=600))
            wait_until(lambda before=turn: caller.turn > before, "the keys were not taken")  # type: ignore[misc]
            assert expected in caller.asked


def test_the_tone_of_a_call_that_waits_is_no_answer(exchange: Exchange, line: ExchangeLine) -> None:
    with dialogue(exchange, line) as caller:
        sign_in(caller)
        caller.call.media.wait_for_silence(lasting_s=SILENT_S, within_s=60)
        turn = caller.turn
        for _ in range(2):
            caller.call.media.say(tones(0.4, 450))
            caller.call.media.pause(2)
        time.sleep(4)
        assert caller.turn == turn
        assert_is_understood(caller)


def test_two_telephones_of_one_shop_at_once_make_one_order(exchange: Exchange, line: ExchangeLine) -> None:
    with dialogue(exchange, line, caller="+8613900000077") as first:
        sign_in(first)
        first.presses("198*5#", interrupting=True)
        with dialogue(exchange, line, caller="+8613900000078") as second:
            sign_in(second)
            second.presses("194*2#", interrupting=True)
            second.presses("#", interrupting=True)
            second.presses("1")
            second.call.wait_until_ended(within_s=60)
        # The one who was slower is told so, and served on.
        for keys in ("#", "1"):
            pressed = first.call.media.press(keys)
            first.call.media.wait_for_sound(within_s=10, since=pressed)
            first.call.media.wait_for_silence(lasting_s=SILENT_S, within_s=60)
        replies = [reply_from_json(call.reply) for call in line.calls()]
        assert "您今天已经订过货了，您已经订了两条" in "".join(replies[0].say)
        first.call.hang_up()
    assert {order.state: list(order.lines) for order in line.orders(CODE)}["confirmed"] == ["玉溪(软)"]
    assert [order.state for order in line.orders(CODE)].count("confirmed") == 1
