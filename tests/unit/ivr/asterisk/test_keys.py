"""Keys as answers on one's own exchange: a row of them ends as it does at any other carrier."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Coroutine, Sequence
from typing import Any, cast

import pytest

from ivr.asterisk import caller
from ivr.asterisk.leg import Leg
from ivr.instructions import Ask, CollectKeys, Instruction, KeepListening, Listening, Nothing
from ivr.turns.calls import TurnRequest
from speech.listening import Digits, Items, Listen, YesNo


class KeyedLeg:
    """A leg whose caller presses these keys, each after so many seconds from the end of the prompt or the key before;
    `interrupts` are pressed during the prompt with this sentence."""

    call_key = "1796051141.0"
    is_outbound = False

    def __init__(self, *keys: tuple[float, str], interrupts: dict[str, str] | None = None) -> None:
        self.said: list[str] = []
        self.streams: list[str | None] = []
        self.taken: list[tuple[TurnRequest, int]] = []
        self.exchange: Any = self
        self.line = self.automatic = self
        self._keys = deque(keys)
        self._interrupts = dict(interrupts or {})

    def turn_taken(self, call_key: str, request: TurnRequest, failures: int, *, is_outbound: bool) -> Instruction:
        self.taken.append((request, failures))
        return Nothing()

    def forget_keys(self) -> None:
        pass

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        work.close()

    async def tell_length(self, turn_number: int, sentences: Sequence[str], pauses_s: float) -> None:
        pass

    def listen_to_speech(self, stream: str | None) -> None:
        self.streams.append(stream)

    async def say(self, sentences: Sequence[str], *, key_interrupts: bool = False, gives_way: bool = False) -> bool:
        for sentence in sentences:
            self.said.append(sentence)
            if key_interrupts and sentence in self._interrupts:
                self._keys.appendleft((0, self._interrupts.pop(sentence)))
                return False
        return True

    async def wait_key(self, seconds: float) -> str | None:
        if not self._keys:
            return None
        after, key = self._keys[0]
        if after > seconds:
            self._keys[0] = (after - seconds, key)
            return None
        self._keys.popleft()
        return key


def listening(listen: Listen, silence_ms: int = 8_000, **more: Any) -> Listening:
    return Listening(3, listen, silence_ms, **more)


def answer(leg: KeyedLeg, instruction: Instruction) -> TurnRequest:
    """What the turn is taken with."""
    interpreter = caller.INTERPRETERS[type(instruction)]
    event = asyncio.run(cast(Any, interpreter(cast(Leg, leg), instruction)))
    assert event() == Nothing()
    return leg.taken[-1][0]


def asked(leg: KeyedLeg, listen: Listen, *sentences: str, hear_out: bool = False, **more: Any) -> TurnRequest:
    return answer(leg, Ask(leg.call_key, sentences or ("问题",), listening(listen, **more), hear_out))


def keys(row: str, every_s: float = 0.3) -> list[tuple[float, str]]:
    return [(every_s, key) for key in row]


def test_a_code_is_complete_with_its_last_digit() -> None:
    leg = KeyedLeg(*keys("410502100012"), *keys("#"))
    assert asked(leg, Digits(12)).keys == "410502100012"


def test_the_key_that_ends_a_row_is_not_part_of_it() -> None:
    assert asked(KeyedLeg(*keys("198*5#")), Items()).keys == "198*5"
    assert asked(KeyedLeg(*keys("2468#")), Digits(6, "pin")).keys == "2468"


def test_that_key_alone_is_an_answer() -> None:
    assert asked(KeyedLeg(*keys("#")), Items()).keys == "#"
    assert asked(KeyedLeg(*keys("#")), YesNo()).keys == "#"


def test_where_one_key_is_enough_nothing_is_waited_for() -> None:
    leg = KeyedLeg((0.5, "1"), (0.1, "2"))
    assert asked(leg, YesNo()).keys == "1"


def test_a_row_ends_when_no_key_follows() -> None:
    assert asked(KeyedLeg(*keys("19"), (3.1, "8")), Items()).keys == "19"
    # A code is read off a card, group by group.
    assert asked(KeyedLeg(*keys("41"), (4.9, "0"), *keys("502100012")), Digits(12)).keys == "410502100012"


def test_no_answer_goes_on_for_ever() -> None:
    assert asked(KeyedLeg(*keys("1" * 100)), Items()).keys == "1" * 64


def test_silence_is_reported_when_its_time_is_over() -> None:
    assert asked(KeyedLeg(), Digits(12)) == TurnRequest(3, waited_s=8, names_finish_key=True)
    assert asked(KeyedLeg(), YesNo(), silence_ms=5_400).waited_s == 6


def test_where_speech_may_wait_for_its_answer_the_wait_is_reported_after_each_pause() -> None:
    assert asked(KeyedLeg(), Items()).waited_s == 3
    leg = KeyedLeg()
    assert answer(leg, KeepListening(leg.call_key, listening(Items()), 3)).waited_s == 6
    assert answer(leg, KeepListening(leg.call_key, listening(Items()), 6)).waited_s == 8


def test_a_caller_who_is_speaking_is_asked_about_soon() -> None:
    leg = KeyedLeg()
    assert answer(leg, KeepListening(leg.call_key, listening(YesNo()), 4, speaking=True)).waited_s == 6


def test_a_key_interrupts_the_prompt() -> None:
    leg = KeyedLeg(*keys("8*5#"), interrupts={"一": "1"})
    assert asked(leg, Items(), "一", "二").keys == "18*5"
    assert leg.said == ["一"]


def test_a_key_before_the_question_is_early() -> None:
    leg = KeyedLeg(interrupts={"一": "1"})
    request = asked(leg, YesNo(), "一", "二", "对吗", hear_out=True)
    assert (request.keys, request.early, request.waited_s) == ("1", True, None)
    assert leg.said == ["一"]


def test_a_key_in_the_pause_before_the_question_is_early_too() -> None:
    leg = KeyedLeg((0.9, "1"))
    assert asked(leg, YesNo(), "一", "对吗", hear_out=True).early
    assert leg.said == ["一"]


def test_a_key_after_the_question_is_the_answer() -> None:
    leg = KeyedLeg((1.5, "1"))
    request = asked(leg, YesNo(), "一", "对吗", hear_out=True)
    assert (request.keys, request.early) == ("1", False)
    assert leg.said == ["一", "对吗"]


def test_the_keys_after_the_first_are_collected() -> None:
    leg = KeyedLeg(*keys("98*5#"))
    assert answer(leg, CollectKeys(listening(Items()), "1")).keys == "198*5"


def test_failures_are_handed_back_and_the_stream_is_opened() -> None:
    leg = KeyedLeg()
    asked(leg, YesNo(), failures=1, stream="stream-1")
    assert leg.taken[-1][1] == 1
    assert leg.streams == ["stream-1"]


@pytest.mark.parametrize("listen", [Digits(12), Items(), YesNo()])
def test_who_ended_the_row_is_always_known(listen: Listen) -> None:
    assert asked(KeyedLeg(*keys("1")), listen).names_finish_key
