"""The stream recogniser on real sound in simulated time: its utterances, their timing, and the sound it ignores."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from simulator.mulaw import key_tone
from speech.customer_codes import KnownCodes
from speech.decoding import decode
from speech.listening import Digits, Items, Listen, QuantityOf, YesNo
from speech.recogniser import Recogniser
from speech.sound.audio import FRAME_BYTES, FRAME_MS, decode_mulaw, encode_mulaw, upsample
from speech.stream_recogniser import (
    COMPLETE_SILENCE_MS,
    GOES_ON_WITHIN_MS,
    INCOMPLETE_SILENCE_MS,
    LIST_SILENCE_MS,
    MAX_SPEECH_MS,
    StreamRecogniser,
    speech_segment,
)
from speech.utterance import Utterance
from tests.support.recorded_callers import demo_understanding, line_noise, recording, speech_model, speech_only

pytestmark = pytest.mark.speech

# The recogniser works in steps of 200 ms, so the last word may be recognised that much later.
A_STEP_MS = 200


@pytest.fixture
def recogniser() -> StreamRecogniser:
    return StreamRecogniser(speech_model(), demo_understanding())


def utterances_on(recogniser: StreamRecogniser, line: bytes, piece: int = FRAME_BYTES) -> list[tuple[int, Utterance]]:
    """The utterances recognised on the line, each with its moment in ms."""
    found = []
    for place in range(0, len(line), piece):
        utterance = recogniser.feed(line[place : place + piece])
        if utterance is not None:
            found.append(((place + piece) * FRAME_MS // FRAME_BYTES, utterance))
    return found


def ms(sound: bytes) -> int:
    return len(sound) * FRAME_MS // FRAME_BYTES


def cartons(utterance: Utterance) -> list[int]:
    return [item.quantity.halves // 2 for item in utterance.items if item.quantity is not None]


@pytest.mark.parametrize("pause_ms", [300, 600, 900])
def test_a_name_and_its_quantity_are_one_utterance_however_the_caller_breathes(
    recogniser: StreamRecogniser, pause_ms: int
) -> None:
    recogniser.listen(Items())
    line = (
        line_noise(800)
        + speech_only("item_hongtashan_noqty_b")
        + line_noise(pause_ms)
        + speech_only("qty_5_b")
        + line_noise(2_000)
    )
    [(_, utterance)] = utterances_on(recogniser, line)
    assert cartons(utterance) == [5]


def test_a_list_read_with_breaths_is_one_utterance(recogniser: StreamRecogniser) -> None:
    recogniser.listen(Items())
    breath = line_noise(LIST_SILENCE_MS - 200)
    line = line_noise(800) + speech_only("items_liqunxinban_5_yunyanzi_3_a") + breath
    line += (
        speech_only("item_hongtashan_yingjingdian_5_a") + breath + speech_only("item_ruanyuxi_2_a") + line_noise(2_000)
    )
    [(_, utterance)] = utterances_on(recogniser, line)
    assert cartons(utterance) == [5, 3, 5, 2]


@pytest.mark.parametrize(
    ("name", "listen", "silence_ms"),
    [
        ("cmd_yes_duide_a", YesNo(), COMPLETE_SILENCE_MS),
        ("cmd_done_jiuzhexie_a", Items(), COMPLETE_SILENCE_MS),
        ("item_hongtashan_yingjingdian_5_a", Items(), LIST_SILENCE_MS),
        ("item_hongtashan_noqty_b", Items(), INCOMPLETE_SILENCE_MS),
    ],
)
def test_the_end_of_speech_comes_as_soon_as_the_answer_is_whole(
    recogniser: StreamRecogniser, name: str, listen: Listen, silence_ms: int
) -> None:
    recogniser.listen(listen)
    speech = line_noise(800) + speech_only(name)
    [(at, _)] = utterances_on(recogniser, speech + line_noise(2_500))
    assert silence_ms <= at - ms(speech) + 60 <= silence_ms + A_STEP_MS + 60


def test_a_line_nobody_speaks_on_says_nothing(recogniser: StreamRecogniser) -> None:
    recogniser.listen(Items())
    growing = line_noise(5_000, 20) + line_noise(5_000, 60) + line_noise(5_000, 200) + line_noise(5_000, 20)
    assert utterances_on(recogniser, growing) == []
    assert not recogniser.speaking


def test_a_click_is_nothing(recogniser: StreamRecogniser) -> None:
    recogniser.listen(Items())
    click = encode_mulaw(decode_mulaw(line_noise(40, 8_000)))
    assert utterances_on(recogniser, line_noise(800) + click + line_noise(2_000)) == []


@pytest.mark.parametrize("listen", [Items(), Digits(12), YesNo()])
def test_keys_pressed_on_a_landline_are_not_taken_for_speech(recogniser: StreamRecogniser, listen: Listen) -> None:
    recogniser.listen(listen)
    tones = b"".join(key_tone(key, 90) + line_noise(110) for key in "410502100012#198*5#")
    for place in range(0, len(tones), FRAME_BYTES):
        assert recogniser.feed(tones[place : place + FRAME_BYTES]) is None
        assert not recogniser.speaking
    line = speech_only("cmd_yes_duide_a" if listen == YesNo() else "item_ruanyuxi_2_a") + line_noise(2_000)
    assert listen == Digits(12) or len(utterances_on(recogniser, line)) == 1


@pytest.mark.parametrize("name", ["none_cough", "none_babble_4s", "none_wait_call_b"])
def test_what_is_not_for_us_changes_nothing(recogniser: StreamRecogniser, name: str) -> None:
    recogniser.listen(Items())
    line = line_noise(800) + recording(name) + line_noise(2_000)
    assert all(utterance.is_nothing for _, utterance in utterances_on(recogniser, line))


def test_who_speaks_while_nothing_is_listened_for_is_not_heard(recogniser: StreamRecogniser) -> None:
    assert utterances_on(recogniser, line_noise(500) + speech_only("item_ruanyuxi_2_a") + line_noise(2_000)) == []
    recogniser.listen(Items())
    recogniser.listen(None)
    assert utterances_on(recogniser, speech_only("item_ruanyuxi_2_a") + line_noise(2_000)) == []
    recogniser.listen(Items())
    assert utterances_on(recogniser, line_noise(2_000)) == [], "nor is it heard later"


def test_who_began_to_speak_before_the_turn_opened_is_heard_from_the_beginning(recogniser: StreamRecogniser) -> None:
    recogniser.listen(YesNo())
    speech = speech_only("item_hongtashan_yingjingdian_5_a")
    half = len(speech) // 2
    assert utterances_on(recogniser, line_noise(800) + speech[:half]) == []
    recogniser.listen(Items())
    [(_, utterance)] = utterances_on(recogniser, speech[half:] + line_noise(2_000))
    assert cartons(utterance) == [5]


def test_it_is_known_that_the_caller_speaks_until_the_end(recogniser: StreamRecogniser) -> None:
    recogniser.listen(Items())
    utterances_on(recogniser, line_noise(800))
    assert not recogniser.speaking
    utterances_on(recogniser, speech_only("item_hongtashan_noqty_b") + line_noise(COMPLETE_SILENCE_MS))
    assert recogniser.speaking
    utterances_on(recogniser, line_noise(INCOMPLETE_SILENCE_MS))
    assert not recogniser.speaking


PAUSE_MS = 600  # longer than the silence that ends an answer


def turns_on(recogniser: StreamRecogniser, line: bytes, then: Listen) -> list[Utterance]:
    """The utterances recognised on the line, after each of which `then` is listened for."""
    found = []
    for place in range(0, len(line), FRAME_BYTES):
        utterance = recogniser.feed(line[place : place + FRAME_BYTES])
        if utterance is not None:
            found.append(utterance)
            recogniser.listen(then)
    return found


def with_pause(first: bytes, second: bytes, pause_ms: int = PAUSE_MS) -> bytes:
    return line_noise(800) + first + line_noise(pause_ms) + second + line_noise(2_500)


def halves(name: str, cut_ms: int) -> tuple[bytes, bytes]:
    speech = speech_only(name)
    return speech[: cut_ms * FRAME_BYTES // FRAME_MS], speech[cut_ms * FRAME_BYTES // FRAME_MS :]


def test_who_goes_on_with_a_list_after_the_answer_is_heard_as_one(recogniser: StreamRecogniser) -> None:
    recogniser.listen(Items())
    line = with_pause(*halves("items_liqunxinban_5_yunyanzi_3_a", 1_180))
    first, both = turns_on(recogniser, line, Items())
    assert (cartons(first), first.continues) == ([5], False)
    assert (cartons(both), both.continues) == ([5, 3], True)
    assert both.continuation is not None
    assert cartons(both.continuation) == [3]
    assert not both.continuation.continues
    assert ms(recogniser.sound) > ms(speech_only("items_liqunxinban_5_yunyanzi_3_a")) + PAUSE_MS


def test_who_goes_on_with_a_number_has_said_one_number(recogniser: StreamRecogniser) -> None:
    """百合二十……五条 is twenty-five, and 五条 alone is no line."""
    recogniser.listen(Items())
    first, _rest = halves("heard/127", 2_760)
    twenty, twenty_five = turns_on(recogniser, with_pause(first, speech_only("qty_5_b"), 550), Items())
    assert cartons(twenty) == [15, 20]
    assert (cartons(twenty_five), twenty_five.continues) == ([15, 25], True)
    assert twenty_five.continuation is not None
    assert twenty_five.continuation.is_nothing


def test_a_quantity_after_a_brand_that_was_asked_about_is_heard_with_the_brand(recogniser: StreamRecogniser) -> None:
    recogniser.listen(Items())
    line = with_pause(speech_only("item_hongtashan_noqty_b"), speech_only("qty_5_b"), INCOMPLETE_SILENCE_MS + 300)
    brand, line_of_both = turns_on(recogniser, line, QuantityOf("6901028300000"))
    assert [item.quantity for item in brand.items] == [None]
    assert line_of_both.continues
    assert (cartons(line_of_both), line_of_both.items[0].barcodes) == ([5], brand.items[0].barcodes)


def test_who_corrects_a_line_twice_is_heard_from_the_first_word_each_time(recogniser: StreamRecogniser) -> None:
    recogniser.listen(Items())
    line = with_pause(
        speech_only("item_hongtashan_yingjingdian_5_a") + line_noise(PAUSE_MS) + speech_only("item_ruanyuxi_2_a"),
        speech_only("change_no_hongtashan_3_a"),
    )
    found = turns_on(recogniser, line, Items())
    assert [(cartons(utterance), utterance.continues) for utterance in found] == [
        ([5], False),
        ([5, 2], True),
        ([3, 2], True),
    ]


@pytest.mark.parametrize(
    ("first", "second", "pause_ms"),
    [
        ("cmd_yes_duide_a", "item_ruanyuxi_2_a", PAUSE_MS),
        ("item_hongtashan_yingjingdian_5_a", "cmd_yes_duide_a", PAUSE_MS),
        ("item_hongtashan_yingjingdian_5_a", "cmd_done_jiuzhexie_a", PAUSE_MS),
        ("item_hongtashan_yingjingdian_5_a", "none_weather_a", PAUSE_MS),
        ("item_hongtashan_yingjingdian_5_a", "item_ruanyuxi_2_a", LIST_SILENCE_MS + GOES_ON_WITHIN_MS + 200),
    ],
)
def test_an_answer_after_a_yes_or_with_no_new_line_or_later_is_an_answer_of_its_own(
    recogniser: StreamRecogniser, first: str, second: str, pause_ms: int
) -> None:
    recogniser.listen(Items())
    line = with_pause(speech_only(first), speech_only(second), pause_ms)
    answers = turns_on(recogniser, line, Items())
    assert [utterance.continues for utterance in answers] == [False, False]


@pytest.mark.parametrize("listen", [Items(), YesNo(or_items=True), Digits(12)])
def test_speech_is_decoded_with_what_was_built_before_it(
    recogniser: StreamRecogniser, listen: Listen, monkeypatch: pytest.MonkeyPatch
) -> None:
    recogniser.listen(listen)
    built = []

    class Counted(Recogniser):
        def __init__(self, model: Any, grammar: Sequence[str] | None, alternatives: int) -> None:
            built.append(grammar)
            super().__init__(model, grammar, alternatives)

    monkeypatch.setattr("speech.recogniser.Recogniser", Counted)
    utterances_on(recogniser, line_noise(800) + speech_only("item_hongtashan_noqty_b"))
    assert recogniser.speaking
    assert built == []


def test_pieces_of_any_length_are_heard_alike() -> None:
    line = line_noise(800) + speech_only("item_ruanyuxi_2_a") + line_noise(1_500)
    results = []
    for piece in (FRAME_BYTES, 37, 1_000):
        recogniser = StreamRecogniser(speech_model(), demo_understanding())
        recogniser.listen(Items())
        results.append([utterance for _, utterance in utterances_on(recogniser, line, piece)])
    assert results[0]
    assert results[0] == results[1] == results[2]


@pytest.mark.parametrize(
    "speech",
    [
        lambda: speech_only("items_liqunxinban_5_yunyanzi_3_a"),
        lambda: speech_only("item_hongtashan_noqty_b") + line_noise(600) + speech_only("qty_5_b"),
    ],
    ids=["without a pause", "with a pause"],
)
def test_a_call_hears_what_a_recording_of_it_hears(recogniser: StreamRecogniser, speech: Callable[[], bytes]) -> None:
    line = line_noise(800) + speech() + line_noise(2_000)
    recogniser.listen(Items())
    [(_, live)] = utterances_on(recogniser, line)
    assert live == decode(speech_model(), demo_understanding(), Items(), speech_segment(decode_mulaw(line)))


def test_a_recording_nobody_speaks_in_has_no_stretch() -> None:
    assert speech_segment(decode_mulaw(line_noise(2_000))) == b""


def test_who_never_stops_is_answered_all_the_same(recogniser: StreamRecogniser) -> None:
    recogniser.listen(Items())
    talk = speech_only("none_weather_a") + speech_only("none_wait_call_b")
    line = line_noise(500) + talk * (1 + (MAX_SPEECH_MS + 2_000) // ms(talk))
    assert utterances_on(recogniser, line)


def test_a_code_read_in_groups_is_one_code() -> None:
    codes = KnownCodes([f"4105021000{ending}" for ending in ("12", "29", "37", "45", "53", "61")])
    recogniser = StreamRecogniser(speech_model(), demo_understanding(), codes)
    recogniser.listen(Digits(12))
    speech = speech_only("code_410502100012_yao_a")
    # Its longest pause, between two groups of digits, is extended to a second.
    frames = [speech[place : place + FRAME_BYTES] for place in range(0, len(speech), FRAME_BYTES)]
    place = min(
        range(30, len(frames) - 30), key=lambda at: sum(abs(decode_mulaw(f)).sum() for f in frames[at : at + 8])
    )
    line = (
        line_noise(800)
        + b"".join(frames[: place + 4])
        + line_noise(1_000)
        + b"".join(frames[place + 4 :])
        + line_noise(2_500)
    )
    [(_, utterance)] = utterances_on(recogniser, line)
    assert utterance.digits == ("410502100012",)


def test_at_the_code_s_step_an_operator_can_be_had() -> None:
    recogniser = StreamRecogniser(speech_model(), demo_understanding(), KnownCodes(["410502100012"]))
    recogniser.listen(Digits(12))
    [(_, utterance)] = utterances_on(
        recogniser, line_noise(800) + speech_only("cmd_operator_zhuanrengong_a") + line_noise(2_500)
    )
    assert utterance.command == "operator"


def test_the_sound_of_an_utterance_is_the_stretch_it_was_heard_in(recogniser: StreamRecogniser) -> None:
    assert recogniser.sound == b""
    recogniser.listen(Items())
    line = line_noise(2_000) + speech_only("item_hongtashan_yingjingdian_5_a") + line_noise(3_000)
    [(_, utterance)] = utterances_on(recogniser, line)
    assert recogniser.sound in encode_mulaw(decode_mulaw(line))
    assert ms(speech_only("item_hongtashan_yingjingdian_5_a")) <= ms(recogniser.sound) <= ms(line) - 3_000
    again = decode(speech_model(), demo_understanding(), Items(), upsample(decode_mulaw(recogniser.sound)).tobytes())
    assert cartons(again) == cartons(utterance) == [5]
