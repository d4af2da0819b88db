"""Every post of the carrier is answered with something a caller can hear."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from callflows.replies import HangUp, ListenFor
from callflows.state import Silence
from speech.listening import Choice, Digits, Items, Listen, Option, QuantityOf, YesNo
from speech.utterance import NOTHING, Utterance
from storage import SessionFactory
from tests.support.carrier_client import Telephone, is_speakable
from tests.support.line_world import LineWorld


@pytest.fixture
def world(sessions: SessionFactory) -> LineWorld:
    return LineWorld(sessions)


@pytest.fixture
def phone(world: LineWorld) -> Telephone:
    return world.telephone()


def keyed(*keys: str) -> list[Utterance]:
    return [Utterance(digits=(key,), keyed=True, text=key) for key in keys]


def test_a_call_is_led_by_the_addresses_in_its_answers(world: LineWorld, phone: Telephone) -> None:
    first = phone.dial()
    assert first.said == ["turn 1"]
    second = phone.request(first.action, Digits="1203*5", FinishedOnKey="#")
    assert second.said == ["turn 2"]
    third = phone.request(second.action, Digits="0")
    assert (third.said, third.turn_number) == (["turn 3"], 3)
    assert world.conversation.heard == keyed("1203*5", "0")


class TestWhatHasToBeHeardOut:
    """A read-back in two sentences and its question."""

    @pytest.fixture(autouse=True)
    def read_back(self, world: LineWorld) -> None:
        world.conversation.first = ("五" * 40, "一共" * 10)
        world.conversation.then = ListenFor(YesNo(or_items=True), hear_out=True)

    def test_a_key_pressed_into_it_is_told_as_early(self, world: LineWorld, phone: Telephone) -> None:
        answer = phone.dial()
        assert answer.said == ["五" * 40, "一共" * 10, "turn 1"]
        reading, asking = answer.xml.findall("Gather")
        assert [say.text for say in reading] == ["五" * 40, "一共" * 10]
        assert (reading.attrib["numDigits"], reading.attrib["finishOnKey"]) == ("1", "")
        phone.request(reading.attrib["action"], Digits="1", FinishedOnKey="")
        assert world.conversation.heard == [replace(keyed("1")[0], early=True)]
        assert "early" not in asking.attrib["action"]

    def test_a_key_pressed_at_its_question_is_an_answer(self, world: LineWorld, phone: Telephone) -> None:
        _, asking = phone.dial().xml.findall("Gather")
        phone.request(asking.attrib["action"], Digits="1", FinishedOnKey="")
        assert world.conversation.heard == keyed("1")

    def test_a_key_in_the_pause_before_its_question_is_no_early_one(self, world: LineWorld, phone: Telephone) -> None:
        reading, _ = phone.dial().xml.findall("Gather")
        world.now += timedelta(seconds=13)
        phone.request(reading.attrib["action"], Digits="1", FinishedOnKey="")
        assert world.conversation.heard == keyed("1")

    def test_a_hash_does_not_skip_it(self, world: LineWorld, phone: Telephone) -> None:
        reading, _ = phone.dial().xml.findall("Gather")
        phone.request(reading.attrib["action"], Digits="#", FinishedOnKey="")
        assert world.conversation.heard == [replace(keyed("#")[0], early=True)]

    def test_the_wait_for_an_answer_is_one_and_is_then_over(self, world: LineWorld, phone: Telephone) -> None:
        _, asking = phone.dial().xml.findall("Gather")
        assert asking.attrib["timeout"] == "6"
        phone.request(asking.attrib["action"], Digits="", FinishedOnKey="")
        assert world.conversation.heard == [Silence()]


def test_prompts_are_spoken_in_the_voice_and_language_of_the_settings(sessions: SessionFactory) -> None:
    phone = LineWorld(sessions, say_voice="Google.cmn-CN-Standard-A", say_language="cmn-TW").telephone()
    assert phone.dial().attributes("Say") == {"voice": "Google.cmn-CN-Standard-A", "language": "cmn-TW"}


def test_a_lone_hash_is_an_answer_and_a_time_out_is_not(world: LineWorld, phone: Telephone) -> None:
    first = phone.dial()
    assert phone.request(first.action, Digits="", FinishedOnKey="").said == []
    assert phone.request(first.action, Digits="", FinishedOnKey="#").said == ["turn 2"]
    assert world.conversation.heard == keyed("#")


def test_a_wait_goes_on_in_silence_until_the_reply_s_patience_is_used_up(world: LineWorld, phone: Telephone) -> None:
    world.conversation.silence_ms = 12_000
    answer = phone.dial()
    waited = 0
    while not world.conversation.heard:
        waited += sum(int(gather.attrib["timeout"]) for gather in answer.xml.findall("Gather"))
        answer = phone.request(answer.action, Digits="", FinishedOnKey="")
    assert waited == 12
    assert world.conversation.heard == [Silence()]


def test_without_the_carrier_s_empty_result_the_wait_goes_on_all_the_same(phone: Telephone) -> None:
    first = phone.dial()
    assert phone.request(first.redirect).said == []


@pytest.mark.parametrize(
    ("listen", "keys", "finish"),
    [
        (Digits(12), "12", "#"),
        (Digits(4, "pin"), "4", "#"),
        (YesNo(or_items=True), "1", ""),
        (Choice((Option("1", ("硬经典",)), Option("2", ("新时代",)))), "1", ""),
        (Choice(tuple(Option(str(n), ("一",)) for n in range(1, 12))), None, ""),
        (QuantityOf("6901028000000"), None, ""),
    ],
)
def test_an_answer_of_known_length_ends_without_a_hash(
    world: LineWorld, phone: Telephone, listen: Digits, keys: str | None, finish: str
) -> None:
    world.conversation.listen = listen
    gather = phone.dial().attributes("Gather")
    assert gather.get("numDigits") == keys
    assert gather["finishOnKey"] == finish


@pytest.mark.parametrize(
    ("listen", "silence_ms", "timeouts"),
    [
        (Digits(4, "pin"), 12_000, ["5", "5", "2"]),
        (Digits(12), 8_000, ["5", "3"]),
        (YesNo(), 6_000, ["6"]),
        (YesNo(), 12_000, ["12"]),
        (Items(), 6_000, ["3"]),
    ],
)
def test_a_wait_is_one_document_as_keys_between_two_are_lost(
    world: LineWorld, phone: Telephone, listen: Listen, silence_ms: int, timeouts: list[str]
) -> None:
    world.conversation.listen, world.conversation.silence_ms = listen, silence_ms
    gathers = phone.dial().xml.findall("Gather")
    assert [gather.attrib["timeout"] for gather in gathers] == timeouts
    assert [gather.get("actionOnEmptyResult") for gather in gathers] == [None] * (len(gathers) - 1) + ["true"]


class TestALoneHash:
    """Twilio posts FinishedOnKey and does not document it."""

    def test_where_the_carrier_does_not_name_it_the_hash_is_a_key(self, world: LineWorld, phone: Telephone) -> None:
        first = phone.dial()
        second = phone.request(first.action, Digits="1203*5#")
        assert second.attributes("Gather")["finishOnKey"] == ""
        world.now += timedelta(seconds=3)
        phone.request(second.action, Digits="#")
        assert world.conversation.heard == keyed("1203*5#", "#")

    def test_where_the_carrier_names_it_the_hash_ends_the_keys_at_once(
        self, world: LineWorld, phone: Telephone
    ) -> None:
        second = phone.request(phone.dial().action, Digits="1203*5#", FinishedOnKey="")
        assert [gather.attrib["finishOnKey"] for gather in second.xml.findall("Gather")] == ["#"]
        world.now += timedelta(seconds=3)
        phone.request(second.action, Digits="", FinishedOnKey="#")
        assert world.conversation.heard == keyed("1203*5#", "#")


def test_a_repeated_post_gets_the_very_same_markup(phone: Telephone) -> None:
    first = phone.dial()
    answers = [phone.post(first.action, Digits="5").get_data() for _ in range(3)]
    assert len(set(answers)) == 1


def test_a_late_post_gets_the_present_prompt(world: LineWorld, phone: Telephone) -> None:
    first = phone.dial()
    second = phone.request(first.action, Digits="5")
    phone.request(second.action, Digits="6")
    assert phone.request(first.action, Digits="7").said == ["turn 3"]
    assert world.conversation.heard == keyed("5", "6")


@pytest.mark.parametrize(
    "arguments",
    ["", "?turn=", "?turn=x", "?turn=-1", "?turn=7", "?turn=99999999999999999999", "?waited=3", "?turn=1&turn=2"],
)
def test_a_turn_that_never_was_is_answered_with_the_present_prompt(phone: Telephone, arguments: str) -> None:
    phone.dial()
    assert phone.request(f"/voice/turn{arguments}").said in (["turn 1"], [])


@pytest.mark.parametrize("digits", ["hangup", "12 34", "<b>", "1" * 65, "١٢٣", "\x00"])
def test_keys_no_telephone_has_are_no_keys(world: LineWorld, phone: Telephone, digits: str) -> None:
    first = phone.dial()
    phone.request(first.action, Digits=digits)
    assert not world.conversation.heard


def test_a_call_never_begun_here_is_begun_when_its_turn_comes(phone: Telephone) -> None:
    answer = phone.request("/voice/turn?turn=4", Digits="5")
    assert is_speakable(answer)
    assert phone.request(answer.redirect).said == ["turn 1"]


@pytest.mark.parametrize("path", ["/voice/incoming", "/voice/turn?turn=1", "/voice/status"])
def test_a_post_that_names_no_call_is_answered_in_words(phone: Telephone, path: str) -> None:
    answer = phone.request(path, CallSid="", CallStatus="completed")
    assert is_speakable(answer)


def test_a_turn_that_breaks_puts_its_prompt_again_and_then_finds_an_operator(
    world: LineWorld, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = phone.dial()
    with monkeypatch.context() as broken:
        broken.setattr(world.conversation, "hear", lambda *_, **_options: 1 / 0)
        sorry = phone.request(first.action, Digits="5")
        assert is_speakable(sorry)
        again = phone.request(sorry.redirect)
        assert again.said == ["turn 1"]
        operator = phone.request(again.action, Digits="5")
        assert is_speakable(operator)
        assert operator.verbs[-1] == "Enqueue"
    assert phone.request(again.action, Digits="5").said == ["turn 2"]


def test_trouble_is_forgotten_with_the_next_turn_that_works(
    world: LineWorld, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = phone.dial()
    with monkeypatch.context() as broken:
        broken.setattr(world.conversation, "hear", lambda *_, **_options: 1 / 0)
        again = phone.request(phone.request(first.action, Digits="5").redirect)
    assert "failures" not in phone.request(again.action, Digits="5").action


def test_a_database_that_is_gone_is_no_silence(
    world: LineWorld, phone: Telephone, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(world.calls, "_sessions", lambda: 1 / 0)
    sorry = phone.dial()
    assert is_speakable(sorry)
    assert is_speakable(phone.request(sorry.redirect))


def test_a_call_that_is_over_is_told_to_the_conversation_once(world: LineWorld, phone: Telephone) -> None:
    first = phone.dial()
    for status in ("in-progress", "completed", "completed"):
        assert phone.request("/voice/status", CallStatus=status).verbs == []
    assert world.conversation.ended_calls == [phone.sid]
    assert phone.request(first.action, Digits="5").verbs == ["Hangup"]


def test_the_last_word_is_followed_by_hanging_up(world: LineWorld, phone: Telephone) -> None:
    world.conversation.then = HangUp()
    assert phone.dial().verbs == ["Say", "Hangup"]


class TestRecordMode:
    """For hosts without WebSockets."""

    @pytest.fixture
    def world(self, sessions: SessionFactory) -> LineWorld:
        return LineWorld(sessions, listen_mode="record")

    def test_a_spoken_turn_is_recorded_and_recognised_while_the_call_waits(
        self, world: LineWorld, phone: Telephone
    ) -> None:
        first = phone.dial()
        assert first.verbs == ["Say", "Record", "Redirect"]
        assert first.attributes("Record")["maxLength"] == "15"
        waiting = phone.request(first.action, RecordingSid="RE1", RecordingDuration="2")
        assert (waiting.verbs, waiting.said) == (["Pause", "Redirect"], [])
        assert phone.request(waiting.redirect).verbs == ["Pause", "Redirect"]
        assert world.recognise_recordings() == 1
        assert phone.request(waiting.redirect).said == ["turn 2"]
        assert world.recognition.recordings == [b"RE1"]
        assert world.conversation.heard == [world.recognition.in_recordings]
        assert phone.request(waiting.redirect).said == ["turn 2"]

    def test_a_recording_named_only_by_its_address_is_heard(self, world: LineWorld, phone: Telephone) -> None:
        first = phone.dial()
        address = "https://api.twilio.com/2010-04-01/Accounts/AC1/Recordings/RE7"
        waiting = phone.request(first.action, RecordingUrl=address, RecordingDuration="2")
        world.recognise_recordings()
        assert phone.request(waiting.redirect).said == ["turn 2"]
        assert world.recognition.recordings == [b"RE7"]

    def test_a_recording_posted_twice_is_heard_once(self, world: LineWorld, phone: Telephone) -> None:
        first = phone.dial()
        for _ in range(2):
            waiting = phone.request(first.action, RecordingSid="RE1")
        assert world.recognise_recordings() == 1
        assert phone.request(waiting.redirect).said == ["turn 2"]
        assert phone.request(first.action, RecordingSid="RE1").said == ["turn 2"]
        assert (world.recognise_recordings(), len(world.conversation.heard)) == (0, 1)

    def test_a_recording_that_cannot_be_had_was_not_understood(self, world: LineWorld, phone: Telephone) -> None:
        first = phone.dial()
        world.carrier.refuses = True
        waiting = phone.request(first.action, RecordingSid="RE1")
        world.recognise_recordings()
        assert phone.request(waiting.redirect).said == ["turn 2"]
        assert world.conversation.heard == [NOTHING]

    def test_a_silent_recording_is_silence(self, world: LineWorld, phone: Telephone) -> None:
        first = phone.dial()
        world.recognition.in_recordings = None
        waiting = phone.request(first.action, RecordingSid="RE1")
        world.recognise_recordings()
        assert phone.request(waiting.redirect).said == ["turn 2"]
        assert world.conversation.heard == [Silence()]

    def test_a_recording_is_waited_for_with_a_word_now_and_then(self, world: LineWorld, phone: Telephone) -> None:
        first = phone.dial()
        world.carrier.recording = lambda _id: None
        waiting = phone.request(first.action, RecordingSid="RE1")
        said: list[str] = []
        for _ in range(19):
            assert not world.conversation.heard
            world.recognise_recordings()
            world.now += timedelta(seconds=1)
            waiting = phone.request(waiting.redirect)
            said += waiting.said
        assert set(said) == {"请稍等。"}
        world.carrier.recording = lambda _id: b"there at last"
        world.recognise_recordings()
        assert phone.request(waiting.redirect).said == ["turn 2"]
        assert world.conversation.heard == [world.recognition.in_recordings]

    def test_a_recording_that_never_comes_was_not_understood(self, world: LineWorld, phone: Telephone) -> None:
        """No process recognises recordings, or the one that did was killed."""
        first = phone.dial()
        waiting = phone.request(first.action, RecordingSid="RE1")
        world.now += timedelta(seconds=21)
        assert phone.request(waiting.redirect).said == ["turn 2"]
        assert world.conversation.heard == [NOTHING]
        assert world.recognise_recordings() == 0

    def test_a_recording_taken_by_a_process_that_was_killed_is_taken_by_another(
        self, world: LineWorld, phone: Telephone
    ) -> None:
        first = phone.dial()
        waiting = phone.request(first.action, RecordingSid="RE1")
        world.recognition.recognise_recording = lambda *_: 1 / 0
        with pytest.raises(ZeroDivisionError):
            world.recognise_recordings()
        del world.recognition.recognise_recording
        assert world.recognise_recordings() == 0
        world.now += timedelta(seconds=11)
        assert world.recognise_recordings() == 1
        assert phone.request(waiting.redirect).said == ["turn 2"]

    def test_keys_of_another_turn_leave_a_recording_aside(self, world: LineWorld, phone: Telephone) -> None:
        first = phone.dial()
        phone.request(first.action, RecordingSid="RE1")
        assert phone.request(first.action, Digits="5").said == ["turn 2"]
        world.recognise_recordings()
        assert world.conversation.heard == keyed("5")
        assert not world.recognition.recordings

    def test_a_key_ends_the_recording_and_the_rest_is_keyed(self, world: LineWorld, phone: Telephone) -> None:
        first = phone.dial()
        more = phone.request(first.action, RecordingSid="RE1", Digits="1")
        assert more.verbs == ["Gather"]
        assert phone.request(more.action, Digits="203*5", FinishedOnKey="#").said == ["turn 2"]
        assert world.conversation.heard == keyed("1203*5")

    @pytest.mark.parametrize("key", ["*", "#"])
    def test_keys_that_stand_alone_are_taken_at_once(self, world: LineWorld, phone: Telephone, key: str) -> None:
        first = phone.dial()
        assert phone.request(first.action, RecordingSid="RE1", Digits=key).said == ["turn 2"]
        assert world.conversation.heard == keyed(key)

    def test_a_key_alone_is_taken_when_none_follows(self, world: LineWorld, phone: Telephone) -> None:
        first = phone.dial()
        more = phone.request(first.action, RecordingSid="RE1", Digits="0")
        assert phone.request(more.action, Digits="").said == ["turn 2"]
        assert world.conversation.heard == keyed("0")

    def test_silence_is_waited_out_and_then_heard(self, world: LineWorld, phone: Telephone) -> None:
        answer = phone.dial()
        for _ in range(2):
            assert not world.conversation.heard
            answer = phone.request(answer.redirect)
        assert world.conversation.heard == [Silence()]

    def test_a_pin_is_never_recorded(self, world: LineWorld, phone: Telephone) -> None:
        world.conversation.listen = Digits(4, "pin")
        assert set(phone.dial().verbs) == {"Gather", "Redirect"}

    def test_without_a_recogniser_there_is_nothing_to_record_for(self, world: LineWorld, phone: Telephone) -> None:
        world.recognition.available = False
        assert phone.dial().verbs == ["Gather", "Redirect"]
