"""What is heard over the media stream reaches its turn, once, whatever crosses it: keys, time outs, further speech."""

from __future__ import annotations

from datetime import timedelta

import pytest

from speech.language.keypad import read_keys
from speech.listening import Digits, YesNo
from speech.sound.audio import FRAME_BYTES
from speech.utterance import NOTHING, Utterance
from storage import SessionFactory
from tests.support.line_world import LiteralKeys
from tests.support.media_stream import (
    FIVE,
    KEY,
    NO,
    NOTHING_COMES,
    SID,
    STOP,
    YES,
    StreamFixture,
    media,
)

BOTH = Utterance(command="no", text="五条……不对", continues=True, continuation=NO)


def test_what_is_heard_is_put_down_and_the_call_sent_to_its_turn(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    line.serve(*[media()] * 10, STOP)
    assert line.redirected() == [(SID, 1)]
    assert line.phone.request("/voice/turn?turn=1").said == ["turn 2"]
    assert line.world.conversation.heard == [FIVE]


def test_where_the_carrier_cannot_be_asked_the_time_out_finds_what_was_heard(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    line.world.carrier.refuses = True
    line.serve(*[media()] * 10, STOP)
    assert line.phone.request(line.first.action, Digits="").said == ["turn 2"]
    assert line.world.conversation.heard == [FIVE]


def test_while_the_caller_speaks_a_time_out_is_no_silence(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True})
    line.world.conversation.silence_ms = 1_000
    answers = []

    def time_out() -> None:
        answers.append(line.phone.request(line.first.action, Digits=""))

    line.serve(*[media()] * 5, time_out, STOP)
    [answer] = answers
    assert answer.said == []
    # Keys may follow each other within this time, whatever is left of the silence.
    assert answer.attributes("Gather")["timeout"] == "3"
    assert not line.world.conversation.heard


def test_speech_ends_although_frames_stop_with_it(sessions: SessionFactory) -> None:
    """A carrier that suppresses silence sends nothing after the last word; the silence is heard by the wall's clock."""
    line = StreamFixture(sessions, {3: True, 40: FIVE})

    def a_second_later() -> None:
        line.world.now += timedelta(seconds=1)

    line.serve(*[media()] * 10, a_second_later, NOTHING_COMES, STOP)
    assert line.redirected() == [(SID, 1)]


def test_frames_out_of_order_twice_and_late_are_heard_once_and_in_order(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions)
    frames = [bytes([number]) * FRAME_BYTES for number in range(7)]
    sent = [media(frames[number], timestamp=str(20 * number)) for number in (0, 2, 1, 1, 3, 0, 5, 4, 6, 5)]
    line.serve(*sent, STOP)
    assert line.recogniser.fed == frames


def test_a_cough_is_no_speech(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 6: False})
    line.serve(*[media()] * 8)
    assert line.pending_utterance() is None
    assert not line.world.carrier.redirected


def test_nonsense_sends_for_nothing_and_is_answered_by_the_time_out(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: NOTHING})

    def time_out() -> None:
        waiting = line.phone.request(line.first.action, Digits="")
        assert (waiting.said, waiting.attributes("Gather")["timeout"]) == ([], "3")
        line.world.now += timedelta(seconds=2)
        assert line.phone.request(waiting.action, Digits="").said == ["turn 2"]

    line.serve(*[media()] * 400, time_out, STOP)
    assert not line.world.carrier.redirected
    assert line.world.conversation.heard == [NOTHING]


def test_nonsense_leaves_half_keyed_digits_to_be_completed(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: NOTHING})
    line.serve(*[media()] * 300, lambda: line.phone.request(line.first.action, Digits="1203*5"), STOP)
    assert not line.world.carrier.redirected
    [heard] = line.world.conversation.heard
    assert heard == Utterance(digits=("1203*5",), keyed=True, text="1203*5")


class TestWhileKeysArePressed:
    """A caller reads the code aloud while keying it, or a television says something that has a meaning."""

    CODE = Utterance(digits=("410502100012",), text="四幺零五零二幺零零零幺二")

    def test_speech_waits_and_the_keys_count(self, sessions: SessionFactory) -> None:
        line = StreamFixture(sessions, {2: KEY, 3: True, 8: self.CODE, 150: KEY, 250: KEY})
        line.serve(*[media()] * 400, lambda: line.phone.request(line.first.action, Digits="410502100029"), STOP)
        assert not line.world.carrier.redirected
        assert line.world.conversation.heard == [Utterance(digits=("410502100029",), keyed=True, text="410502100029")]

    def test_if_the_carrier_reports_no_keys_after_all_the_speech_is_taken(self, sessions: SessionFactory) -> None:
        line = StreamFixture(sessions, {2: KEY, 3: True, 8: self.CODE})
        line.serve(*[media()] * 220, lambda: line.redirected(0) == [] or 1 / 0, *[media()] * 20, STOP)
        assert line.redirected() == [(SID, 1)]
        assert line.world.conversation.heard == [self.CODE]

    def test_keys_that_are_no_code_leave_it_to_what_was_read_aloud(
        self, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = StreamFixture(sessions, {2: KEY, 3: True, 8: self.CODE})
        monkeypatch.setattr(LiteralKeys, "of_keys", lambda _self, listen, keys: read_keys(Digits(12), keys, {}))
        line.serve(*[media()] * 20, lambda: line.phone.request(line.first.action, Digits="4105"), STOP)
        assert not line.world.carrier.redirected
        assert line.world.conversation.heard == [self.CODE]

    def test_keys_that_are_no_code_do_not_interrupt_who_still_reads_aloud(
        self, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = StreamFixture(sessions, {2: KEY, 3: True, 300: self.CODE})
        line.world.conversation.listen = Digits(12)
        line.phone.request(line.first.action, Digits="5")
        line.world.conversation.heard.clear()
        monkeypatch.setattr(LiteralKeys, "of_keys", lambda _self, listen, keys: read_keys(Digits(12), keys, {}))

        def keys_time_out() -> None:
            waiting = line.phone.request("/voice/turn?turn=2&waited=5", Digits="4105")
            assert (waiting.verbs, waiting.said) == (["Gather", "Redirect"], [])

        line.serve(*[media()] * 100, keys_time_out, *[media()] * 300, STOP)
        assert line.redirected() == [(SID, 2)]
        assert line.world.conversation.heard == [self.CODE]


def test_sense_after_nonsense_is_what_counts(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: NOTHING, 20: True, 30: FIVE})
    line.serve(*[media()] * 40)
    assert line.redirected()
    line.phone.request("/voice/turn?turn=1")
    assert line.world.conversation.heard == [FIVE]


class TestYesSaidOverAQuestion:
    """Callers say 对 after each line that is read back to them. Here the question takes five seconds."""

    @pytest.fixture(autouse=True)
    def long_question(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ivr.streams.stream_registry.MS_PER_CHARACTER", 800)

    def asked(self, sessions: SessionFactory, script: dict[int, bool | Utterance]) -> StreamFixture:
        line = StreamFixture(sessions, script)
        line.world.conversation.listen = YesNo()
        line.phone.request(line.first.action, Digits="5")
        line.world.conversation.heard.clear()
        return line

    def test_it_waits_until_the_question_has_been_heard_out(self, sessions: SessionFactory) -> None:
        line = self.asked(sessions, {20: YES})
        seen: list[int] = []
        line.serve(*[media()] * 150, lambda: seen.append(len(line.world.carrier.redirected)), *[media()] * 120)
        assert seen == [0]
        assert line.redirected() == [(SID, 2)]
        line.phone.request("/voice/turn?turn=2")
        assert line.world.conversation.heard == [YES]

    def test_a_no_after_it_is_what_counts(self, sessions: SessionFactory) -> None:
        line = self.asked(sessions, {20: YES, 60: NO})
        line.serve(*[media()] * 80, STOP)
        assert line.redirected() == [(SID, 2)]
        line.phone.request("/voice/turn?turn=2")
        assert line.world.conversation.heard == [NO]


def test_what_the_time_out_has_taken_already_is_not_sent_for_again(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions)
    line.world.streams.store_utterance(SID, 1, FIVE)
    line.phone.request(line.first.action, Digits="")
    assert line.world.conversation.heard == [FIVE]
    streams = line.world.line.media_streams
    streams.answer(SID, 1)
    streams.answer(SID, 2)
    assert line.redirected() == [(SID, 2)]


def test_the_turn_is_taken_before_the_carrier_comes_for_the_reply(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    line.serve(*[media()] * 10, STOP)
    assert line.world.conversation.heard == [FIVE]
    for _ in range(2):
        assert line.phone.request("/voice/turn?turn=1").said == ["turn 2"]
    assert line.world.conversation.heard == [FIVE]


def test_a_turn_its_stream_could_not_take_is_taken_when_the_carrier_comes(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    with monkeypatch.context() as broken:
        broken.setattr(line.world.calls, "_conversation", None)
        line.serve(*[media()] * 10, STOP)
    assert line.redirected() == [(SID, 1)]
    assert line.phone.request("/voice/turn?turn=1").said == ["turn 2"]
    assert line.world.conversation.heard == [FIVE]


def test_what_is_said_after_an_answer_answers_the_next_turn(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE, 9: True, 12: NO})
    line.serve(*[media()] * 40)
    assert line.redirected(2) == [(SID, 1), (SID, 2)]
    assert line.world.conversation.heard == [FIVE, NO]


@pytest.mark.parametrize(("goes_back", "counts"), [(True, BOTH), (False, NO)])
def test_who_goes_on_after_an_early_answer_is_heard_as_one_and_the_reply_stops(
    sessions: SessionFactory, goes_back: bool, counts: Utterance
) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE, 9: True, 12: BOTH})
    line.world.conversation.goes_back = goes_back
    line.serve(*[media()] * 15, STOP)
    assert line.redirected(2) == [(SID, 1), (SID, 2)]
    assert line.world.conversation.heard == [FIVE, counts]


@pytest.mark.parametrize("form", [{"Digits": ""}, {"Digits": "5"}])
def test_a_time_out_or_a_key_that_crosses_the_redirect_waits_for_it(
    sessions: SessionFactory, form: dict[str, str]
) -> None:
    """Answered as well, the caller would hear the reply begin, break off, and begin again."""
    line = StreamFixture(sessions, {3: True, 8: FIVE})

    def crosses() -> None:
        waiting = line.phone.request(line.first.action, **form)
        assert (waiting.verbs, waiting.said) == (["Pause", "Redirect"], [])
        assert line.phone.request(waiting.redirect).said == ["turn 2"]
        line.world.now += timedelta(seconds=3)
        assert line.phone.request(line.first.action, **form).said == ["turn 2"]

    line.serve(*[media()] * 10, crosses, STOP)
    assert line.world.conversation.heard == [FIVE]


def test_the_next_turn_is_listened_to_when_it_comes(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {40: True, 50: FIVE})
    line.serve(*[media()] * 5, lambda: line.phone.request(line.first.action, Digits="5"), *[media()] * 60)
    assert line.redirected() == [(SID, 2)]
    assert line.pending_utterance(1) is None
    assert len(line.recogniser.listened_for) == 3


def test_a_pin_is_not_listened_to(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {30: True, 35: FIVE})
    line.world.conversation.listen = Digits(4, "pin")
    line.phone.request(line.first.action, Digits="5")
    line.serve(*[media()] * 60)
    assert line.recogniser.listened_for == [None]
    assert not line.world.carrier.redirected
