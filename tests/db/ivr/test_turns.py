"""Every turn of a call is taken exactly once, whatever the network does with its posts."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import TypeVar

import pytest
from sqlalchemy import Engine, func, select

from callflows.replies import HangUp, Reply
from callflows.state import Silence
from ivr.models import PendingUtterance, TurnRow
from ivr.streams.stream_registry import StreamRegistry
from ivr.turns.calls import Calls, CallSnapshot, TurnRequest, TurnStillOpen, UnknownCall
from speech.listening import Digits
from speech.utterance import NOTHING, Utterance
from storage import SessionFactory, open_sessions, transaction
from tests.support.carrier_client import CALLED, CALLER
from tests.support.line_world import NOON, CountingConversation, LiteralKeys

Answer = TypeVar("Answer")


@dataclass
class Bench:
    """One line with a conversation that counts."""

    sessions: SessionFactory
    now: datetime = NOON
    conversation: CountingConversation = field(default_factory=CountingConversation)

    def __post_init__(self) -> None:
        self.calls = Calls(
            self.sessions,
            lambda: self.now,
            self.conversation,
            open_desk=lambda _session: SimpleNamespace(),  # type: ignore[arg-type,return-value]
            understanding=lambda _session: LiteralKeys(),
            recognition_available=lambda: True,
        )
        self.streams = StreamRegistry(self.sessions, lambda: self.now)

    def ring(self, call_key: str = "CA1") -> CallSnapshot:
        return self.calls.begin(call_key, CALLER, CALLED)

    def keys(self, n: int, keys: str) -> CallSnapshot:
        answer = self.calls.take_turn("CA1", TurnRequest(n, keys=keys))
        assert isinstance(answer, CallSnapshot)
        return answer

    def nothing_for(self, seconds: int | None, n: int = 1) -> CallSnapshot | TurnStillOpen:
        return self.calls.take_turn("CA1", TurnRequest(n, waited_s=seconds))

    def turns_kept(self) -> int:
        with transaction(self.sessions) as session:
            return session.scalar(select(func.count()).select_from(TurnRow)) or 0


@pytest.fixture
def bench(engine: Engine) -> Bench:
    return Bench(open_sessions(engine))


def said(answer: CallSnapshot | TurnStillOpen) -> str:
    assert isinstance(answer, CallSnapshot)
    return answer.reply.say[0]


def test_a_turn_moves_the_call_on(bench: Bench) -> None:
    assert said(bench.ring()) == "turn 1"
    assert said(bench.keys(1, "5")) == "turn 2"
    assert said(bench.keys(2, "6")) == "turn 3"


def test_a_repeated_turn_changes_nothing_and_gets_the_same_reply(bench: Bench) -> None:
    bench.ring()
    first = bench.keys(1, "5")
    again = bench.keys(1, "5")
    assert (first.turn_number, first.reply) == (again.turn_number, again.reply)
    assert first.taken
    assert not again.taken
    assert len(bench.conversation.heard) == bench.turns_kept() == 1


def test_a_late_turn_gets_the_present_reply_and_changes_nothing(bench: Bench) -> None:
    bench.ring()
    for n in (1, 2, 3):
        bench.keys(n, "5")
    late = bench.keys(1, "9")
    assert said(late) == "turn 4"
    assert bench.turns_kept() == 3


@pytest.mark.parametrize("n", [0, 2, 99])
def test_a_turn_that_never_was_gets_the_present_reply(bench: Bench, n: int) -> None:
    bench.ring()
    assert said(bench.keys(n, "5")) == "turn 1"
    assert bench.turns_kept() == 0


def test_two_simultaneous_posts_of_a_turn_are_heard_once(bench: Bench) -> None:
    bench.ring()
    answers = at_once(8, lambda: bench.keys(1, "5"))
    assert {said(answer) for answer in answers} == {"turn 2"}
    assert [answer.taken for answer in answers].count(True) == 1
    assert len(bench.conversation.heard) == bench.turns_kept() == 1


def test_a_call_that_is_announced_twice_begins_once(bench: Bench) -> None:
    assert {said(answer) for answer in at_once(8, bench.ring)} == {"turn 1"}
    bench.keys(1, "5")
    assert said(bench.ring()) == "turn 2"


def test_a_turn_that_breaks_is_undone_whole_and_can_be_taken_again(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.ring()
    with monkeypatch.context() as broken:
        broken.setattr(bench.conversation, "hear", lambda *_, **__: (None, None))
        with pytest.raises(AttributeError):
            bench.keys(1, "5")
    assert said(bench.keys(1, "5")) == "turn 2"


def test_a_call_never_begun_here_is_told_from_one_that_was(bench: Bench) -> None:
    with pytest.raises(UnknownCall):
        bench.keys(1, "5")


def test_silence_is_a_turn_only_when_the_wait_is_over(bench: Bench) -> None:
    bench.ring()
    assert bench.nothing_for(3) == TurnStillOpen(bench.ring(), speaking=False)
    assert said(bench.nothing_for(6)) == "turn 2"
    assert bench.conversation.heard == [Silence()]


def test_asking_without_an_answer_only_repeats_the_reply(bench: Bench) -> None:
    bench.ring()
    assert said(bench.nothing_for(None)) == "turn 1"
    assert not bench.conversation.heard


def test_a_caller_in_the_middle_of_an_utterance_is_not_silent(bench: Bench) -> None:
    bench.ring()
    bench.streams.register("CA1", "MZ1")
    bench.streams.begin_utterance("CA1", 1, "MZ1")
    waiting = bench.nothing_for(6)
    assert isinstance(waiting, TurnStillOpen)
    assert waiting.speaking
    bench.streams.store_utterance("CA1", 1, Utterance(text="红塔山五条"))
    bench.now += timedelta(seconds=2)
    assert said(bench.nothing_for(8)) == "turn 2"
    assert bench.conversation.heard == [Utterance(text="红塔山五条")]


def test_a_time_out_leaves_what_was_just_heard_to_the_recogniser_that_sends_for_it(bench: Bench) -> None:
    bench.ring()
    bench.streams.register("CA1", "MZ1")
    bench.streams.store_utterance("CA1", 1, Utterance(text="红塔山五条"))
    assert isinstance(bench.nothing_for(3), TurnStillOpen)
    assert said(bench.nothing_for(None)) == "turn 2"


def test_a_recogniser_that_died_in_the_middle_of_an_utterance_holds_nobody_up(bench: Bench) -> None:
    bench.ring()
    bench.streams.register("CA1", "MZ1")
    bench.streams.begin_utterance("CA1", 1, "MZ1")
    bench.now += timedelta(seconds=10)
    assert said(bench.nothing_for(6)) == "turn 2"
    assert bench.conversation.heard == [Silence()]


def test_a_stream_cut_in_the_middle_of_an_utterance_leaves_nobody_speaking(bench: Bench) -> None:
    bench.ring()
    bench.streams.register("CA1", "MZ1")
    bench.streams.begin_utterance("CA1", 1, "MZ1")
    bench.streams.unregister("CA1", "MZ1")
    bench.streams.register("CA1", "MZ2")
    assert said(bench.nothing_for(6)) == "turn 2"
    assert bench.conversation.heard == [Silence()]


def test_a_process_killed_in_the_middle_of_an_utterance_leaves_nobody_speaking(bench: Bench) -> None:
    bench.ring()
    bench.streams.register("CA1", "MZ1")
    bench.streams.begin_utterance("CA1", 1, "MZ1")
    bench.now += timedelta(seconds=6)
    assert bench.streams.claim_lost(timedelta(seconds=6)) == [("CA1", 1)]
    bench.streams.register("CA1", "MZ2")
    assert said(bench.nothing_for(6)) == "turn 2"


def test_a_stream_opened_before_the_one_of_a_killed_process_was_missed_starts_afresh(bench: Bench) -> None:
    bench.ring()
    bench.streams.register("CA1", "MZ1")
    bench.streams.begin_utterance("CA1", 1, "MZ1")
    bench.streams.register("CA1", "MZ2")
    bench.streams.begin_utterance("CA1", 1, "MZ1")
    assert said(bench.nothing_for(6)) == "turn 2"


def test_what_was_understood_before_a_cut_is_kept(bench: Bench) -> None:
    bench.ring()
    bench.streams.register("CA1", "MZ1")
    bench.streams.store_utterance("CA1", 1, Utterance(text="红塔山五条"))
    bench.streams.unregister("CA1", "MZ1")
    assert said(bench.nothing_for(None)) == "turn 2"
    assert bench.conversation.heard == [Utterance(text="红塔山五条")]


def test_a_cough_leaves_the_wait_as_it_was(bench: Bench) -> None:
    bench.ring()
    bench.streams.register("CA1", "MZ1")
    bench.streams.begin_utterance("CA1", 1, "MZ1")
    bench.streams.discard_utterance("CA1", 1)
    assert said(bench.nothing_for(6)) == "turn 2"
    assert bench.conversation.heard == [Silence()]


def test_a_pending_utterance_is_stored_once_and_nonsense_is_superseded(bench: Bench) -> None:
    bench.ring()
    bench.streams.register("CA1", "MZ1")
    sense, more = Utterance(text="五条"), Utterance(text="六条")
    bench.streams.store_utterance("CA1", 1, NOTHING)
    bench.streams.begin_utterance("CA1", 1, "MZ1")
    bench.streams.store_utterance("CA1", 1, Utterance(command="yes", text="对"))
    bench.streams.store_utterance("CA1", 1, more)
    bench.streams.begin_utterance("CA1", 1, "MZ1")
    assert said(bench.nothing_for(None)) == "turn 2"
    assert bench.conversation.heard == [Utterance(command="yes", text="对")]
    bench.streams.store_utterance("CA1", 1, sense)
    with transaction(bench.sessions) as session:
        assert session.get(PendingUtterance, ("CA1", 2)) is None


def test_keys_win_over_what_was_heard(bench: Bench) -> None:
    bench.ring()
    bench.streams.store_utterance("CA1", 1, Utterance(command="yes", text="对"))
    bench.keys(1, "2")
    assert bench.conversation.heard == [Utterance(digits=("2",), keyed=True, text="2")]


def test_a_keyed_pin_is_not_kept(bench: Bench) -> None:
    bench.conversation.listen = Digits(4, "pin")
    bench.ring()
    bench.keys(1, "2468")
    with transaction(bench.sessions) as session:
        kept = session.scalars(select(TurnRow)).one()
    assert "2468" not in str(kept.turn_input)


def test_the_hash_after_a_code_s_last_digit_is_no_answer_to_the_next_question(bench: Bench) -> None:
    bench.ring()
    bench.keys(1, "410502100012")
    bench.now += timedelta(seconds=1)
    assert said(bench.keys(2, "#")) == "turn 2"
    bench.now += timedelta(seconds=3)
    assert said(bench.keys(2, "#")) == "turn 3"


def test_a_call_ends_once(bench: Bench) -> None:
    bench.ring()
    bench.calls.end("CA1", "completed")
    bench.calls.end("CA1", "completed")
    bench.calls.end("CA-never-seen", "completed")
    assert bench.conversation.ended_calls == ["CA1"]
    assert bench.keys(1, "5").ended
    assert not bench.conversation.heard


def test_after_the_last_word_nothing_is_heard(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench.conversation, "hear", lambda state, *_, **__: (state, Reply(("goodbye",), HangUp())))
    bench.ring()
    bench.keys(1, "5")
    assert said(bench.keys(2, "5")) == "goodbye"
    assert bench.turns_kept() == 1


def test_a_socket_is_asked_for_until_it_lives_and_not_for_ever(bench: Bench) -> None:
    assert bench.ring().stream_due
    for _ in range(3):
        assert bench.ring().stream_due
        bench.calls.record_stream_start("CA1")
        assert not bench.ring().stream_due
        bench.now += timedelta(seconds=10)
    assert bench.ring().stream_given_up
    bench.streams.register("CA1", "MZ1")
    assert bench.ring().stream_alive
    assert not bench.ring().stream_given_up


def at_once(times: int, do: Callable[[], Answer]) -> list[Answer]:
    answers: list[Answer] = []
    start = threading.Barrier(times)

    def run() -> None:
        start.wait()
        answers.append(do())

    threads = [threading.Thread(target=run) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == times
    return answers
