"""What a carrier that plays the prompts itself knows better than the ear: keys whose tones are not in the sound, and
the moment at which a prompt ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from ivr.streams.jitter_buffer import Frame
from ivr.streams.media_streams import CallListener
from speech.listening import YesNo
from speech.utterance import Utterance
from storage import SessionFactory
from tests.support.media_stream import FIVE, SID, SILENCE, YES, Happening, StreamFixture


class Fed:
    """A listener that is fed frame by frame."""

    def __init__(self, line: StreamFixture) -> None:
        self.line = line
        self.listener: CallListener = line.world.line.media_streams.open(SID, "stream-1")
        self._fed = 0

    def feed(self, frames: int) -> None:
        for _ in range(frames):
            self.listener.feed([Frame(20 * self._fed, SILENCE)])
            self._fed += 1


OpenListener = Callable[[dict[int, Happening]], Fed]


@pytest.fixture
def fed(sessions: SessionFactory) -> Iterator[OpenListener]:
    """Opens the listener of a call in which this happens, frame by frame."""
    opened: list[Fed] = []

    def open_listener(script: dict[int, Happening]) -> Fed:
        opened.append(Fed(StreamFixture(sessions, script)))
        return opened[-1]

    yield open_listener
    for one in opened:
        one.listener.close()


def test_speech_waits_while_keys_are_reported_that_the_sound_does_not_have(
    fed: OpenListener,
) -> None:
    code = Utterance(digits=("410502100012",), text="四幺零五零二幺零零零幺二")
    call = fed({3: True, 8: code})
    call.listener.key_pressed()
    call.feed(150)
    call.listener.key_pressed()
    call.feed(150)
    assert call.line.redirected(0) == []
    # No key any more, and none was reported as an answer: what was read aloud counts.
    call.feed(100)
    assert call.line.redirected() == [(SID, 1)]


@pytest.fixture
def asked(sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Fed]:
    """A yes-or-no question that is estimated to take five seconds, of which 400 ms are over when a yes is said."""
    monkeypatch.setattr("ivr.streams.stream_registry.MS_PER_CHARACTER", 800)
    line = StreamFixture(sessions, {20: YES})
    line.world.conversation.listen = YesNo()
    line.phone.request(line.first.action, Digits="5")
    line.world.conversation.heard.clear()
    call = Fed(line)
    yield call
    call.listener.close()


def test_a_yes_counts_as_soon_as_a_prompt_that_was_thought_longer_is_over(asked: Fed) -> None:
    asked.listener.prompt_ends(2, 500)
    asked.feed(30)
    assert asked.line.redirected() == [(SID, 2)]


def test_a_yes_waits_for_the_end_of_a_prompt_that_was_thought_shorter(asked: Fed) -> None:
    asked.feed(5)
    asked.listener.prompt_ends(2, 8_000)
    asked.feed(350)
    assert asked.line.redirected(0) == []
    asked.feed(60)
    assert asked.line.redirected() == [(SID, 2)]


def test_the_end_of_another_turns_prompt_changes_nothing(asked: Fed) -> None:
    asked.listener.prompt_ends(1, 500)
    asked.feed(30)
    assert asked.line.redirected(0) == []


def test_a_turn_whose_redirect_takes_it_at_once_is_left_to_the_redirect(
    fed: OpenListener,
) -> None:
    call = fed({3: True, 8: FIVE})
    call.line.world.carrier.redirects_at_once = True
    call.feed(10)
    assert call.line.redirected() == [(SID, 1)]
    assert call.line.world.conversation.heard == []


def test_who_speaks_is_known_while_they_speak(fed: OpenListener) -> None:
    call = fed({3: True, 8: False})
    call.feed(4)
    assert call.listener.speaking
    call.feed(5)
    assert not call.listener.speaking
