"""A call as a script: the caller's utterance in each turn, and the reply the line has to give.

Every turn is a unit of work of its own, and the call's state goes through JSON between two turns, as on the line.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from callflows import conversation
from callflows.conversation import CallFacts, CallState, Silence
from callflows.replies import HangUp, ListenFor, Reply, Transfer
from speech.listening import Choice, Listen
from speech.understanding import Understanding
from speech.utterance import Action, Asked, Item, Quantity, Utterance
from tests.support.desk_world import MAIN, World

REGISTERED = "+8613800000012"
STRANGER = "+8613911112222"

# The utterances of common words; any other words are given with their utterance.
COMMON = {
    "对": Utterance(command="yes"),
    "好的": Utterance(command="yes"),
    "不对": Utterance(command="no"),
    "不要": Utterance(command="no"),
    "就这些": Utterance(command="done"),
    "没有了": Utterance(command="done"),
    "重复一遍": Utterance(command="repeat"),
    "转人工": Utterance(command="operator"),
    "怎么订": Utterance(command="help"),
    "和上次一样": Utterance(command="usual"),
    "有什么烟": Utterance(command="what_is_there"),
    "上次订了什么": Utterance(command="last_order"),
    "我的货到哪了": Utterance(command="track"),
    "从头念一遍": Utterance(command="read_all"),
    "全部取消": Utterance(command="cancel"),
    "我要取消订单": Utterance(command="cancel"),
    "先不订了我等会儿再打": Utterance(command="later"),
    "余额多少": Utterance(command="balance"),
    "我还能订多少": Utterance(command="how_much_left"),
    "多少钱": Utterance(command="price"),
    "今天天气真不错": Utterance(confidence=0.0),
}


def cartons(count: float) -> Quantity:
    return Quantity(int(count * 2))


ABOUT_TEN = Quantity(20, vague=True)
ONE_BOX = Quantity(2, unit="unclear")
HALF_A_CASE = Quantity(1, unit="case")


def item(*barcodes: str, count: float | Quantity | None = None, action: Action = "add", said: str = "") -> Item:
    quantity = count if isinstance(count, Quantity) or count is None else cartons(count)
    return Item(action, barcodes, quantity, said)


def lines(*items: Item, **more: Any) -> Utterance:
    return Utterance(items=items, **more)


def add(barcode: str, count: float | Quantity | None = None) -> Utterance:
    return lines(item(barcode, count=count))


def change(barcode: str, count: float, **more: Any) -> Utterance:
    return lines(item(barcode, count=count, action="change"), **more)


def remove(barcode: str) -> Utterance:
    return lines(item(barcode, action="remove"))


def asks_if_available(barcode: str) -> Utterance:
    return lines(item(barcode, action="ask"))


def question_about(asked: Asked, *barcodes: str, said: str = "") -> Utterance:
    """A question about a spec: its price, or the quantity available."""
    return lines(Item("ask", barcodes, said=said, asked=asked))


def quantity_only(count: float | Quantity) -> Utterance:
    """A quantity without a brand."""
    return lines(item(count=count))


def pick(place: int) -> Utterance:
    """The option at this place, counted from 1."""
    return Utterance(choice=place - 1)


def code_utterance(*heard: str, keyed: bool = False) -> Utterance:
    return Utterance(digits=heard, keyed=keyed)


def pin(digits: str = "2468") -> Utterance:
    return Utterance(digits=(digits,), keyed=True)


class Dialogue:
    """One call. `line_says` checks the sentences of the last reply; `caller_says` takes the next turn."""

    def __init__(
        self,
        world: World,
        *,
        caller: str = REGISTERED,
        called: str = MAIN,
        recogniser: bool = True,
        key: str = "call-1",
        flow: str = "",
    ) -> None:
        self.world = world
        self.key = key
        self.recogniser = recogniser
        with world.desk() as desk:
            state, self.reply = conversation.begin(CallFacts(key, caller, called, recogniser, flow), desk)
        self.state = self._through_json(state)

    def caller_says(self, words: str, utterance: Utterance | None = None) -> Reply:
        return self.take_turn(COMMON[words] if utterance is None else utterance)

    def caller_keys(self, keys: str, utterance: Utterance) -> Reply:
        """Take a keyed turn. `keys` are for the reader, `utterance` is what they stand for here."""
        return self.take_turn(
            Utterance(utterance.items, utterance.command, utterance.digits, utterance.choice, keyed=True)
        )

    def caller_keys_early(self, keys: str, utterance: Utterance) -> Reply:
        """Take a turn keyed before the question of the last reply was reached."""
        return self.take_turn(replace(utterance, keyed=True, early=True))

    def caller_is_silent(self) -> Reply:
        return self.take_turn(Silence())

    def caller_hangs_up(self) -> None:
        with self.world.desk() as desk:
            conversation.end(self.state, desk)

    def operator_returns_call(self) -> None:
        with self.world.desk() as desk:
            state, self.reply = conversation.resume_from_operator(self.state, desk, speech_enabled=self.recogniser)
        self.state = self._through_json(state)

    def operator_identifies(self, customer_code: str) -> None:
        self.state = self._through_json(conversation.identify(self.state, customer_code))

    def operator_finishes(self, *sentences: str) -> None:
        """End the call as an operator does: after these sentences the line hangs up, and the call is over."""
        with self.world.desk() as desk:
            state, self.reply = conversation.end_by_operator(self.state, desk, sentences)
        self.state = self._through_json(state)
        self.caller_hangs_up()

    def line_says(self, *sentences: str) -> None:
        assert self.reply.say == sentences

    def line_mentions(self, words: str) -> None:
        assert words in "".join(self.reply.say)

    def line_does_not_say(self, words: str) -> None:
        assert words not in "".join(self.reply.say)

    def goes_to_operator(self, reason: str) -> None:
        assert self.reply.then == Transfer(reason)  # type: ignore[arg-type]

    def line_hangs_up(self) -> None:
        assert self.reply.then == HangUp()

    @property
    def listens(self) -> Listen:
        assert isinstance(self.reply.then, ListenFor)
        return self.reply.then.listen

    @property
    def options(self) -> list[str]:
        """The options to choose from, each by its first name."""
        assert isinstance(self.listens, Choice)
        return [option.phrases[0] for option in self.listens.options]

    @property
    def draft_cartons(self) -> dict[str, int]:
        """The lines of the draft order, in cartons."""
        with self.world.desk() as desk:
            draft = desk.draft(self.key).view()
        return {line.barcode: line.granted_packs // line.packs_per_carton for line in draft.lines} if draft else {}

    @property
    def saved_cartons(self) -> dict[str, int]:
        """The lines of the order saved today, in cartons."""
        with self.world.desk() as desk:
            retailer = desk.retailer(self.state.customer_code)
            assert retailer is not None
            order = desk.eligibility(retailer, desk.hotline(MAIN)).ordered
        return {line.barcode: line.granted_packs // line.packs_per_carton for line in order.lines} if order else {}

    def take_turn(self, turn_input: Utterance | Silence) -> Reply:
        """Take one turn with this input; the state it began with stays unchanged."""
        before = self.state.to_json()
        with self.world.desk() as desk:
            state, self.reply = conversation.hear(self.state, turn_input, desk, speech_enabled=self.recogniser)
        assert self.state.to_json() == before
        self.state = self._through_json(state)
        return self.reply

    def _through_json(self, state: CallState) -> CallState:
        kept = CallState.from_json(json.loads(json.dumps(state.to_json())))
        assert kept == state
        return kept


class TypedDialogue:
    """A call whose caller types the spoken words, and presses keys."""

    def __init__(
        self, world: World, understanding: Understanding, *, caller: str = REGISTERED, recogniser: bool = True
    ) -> None:
        self.call = Dialogue(world, caller=caller, recogniser=recogniser)
        self.understanding = understanding

    def says(self, *words: str) -> str:
        return self._take(words, self.understanding.of_text)

    def keys(self, *pressed: str) -> str:
        return self._take(pressed, self.understanding.of_keys)

    def _take(self, inputs: tuple[str, ...], understand: Callable[[Listen, str], Utterance]) -> str:
        for text in inputs:
            heard = understand(self.call.listens, text)
            self.call.take_turn(heard)
        return "".join(self.call.reply.say)


def signed_in(world: World, **how: Any) -> Dialogue:
    """A call by the demo shop, at the question for its order."""
    call = Dialogue(world, **how)
    call.caller_says("对")
    return call
