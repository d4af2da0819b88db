"""A caller who answers whatever the line asks, as a person would after a fault; and what this caller went through."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from simulator.account import Account
from simulator.call import APOLOGY, SimulatedCall
from simulator.events import (
    CallerFinished,
    Connected,
    DebuggerAlert,
    Dialled,
    Ended,
    Event,
    Fetched,
    KeyPressed,
    Queued,
    Said,
)
from simulator.inbound_calls import IncomingNumber, dial_in
from simulator.pace import AS_FAST_AS_ACKNOWLEDGED, Pace, Steps
from simulator.webhook_client import WebhookClient

AUDIO = Path(__file__).parents[2] / "audio"
CALLER, CALLED = "+8613900000077", "+8637255550000"
CODE, PIN = "410502100012", "2468"
ANSWERS_MAX = 25
CALL_MAX_MS = 240_000
# In the queue the caller stays for a few rounds of music, then hangs up.
QUEUE_MS = 60_000

Manner = Literal["keys", "voice"]
Outcome = Literal["saved", "operator queue", "operator's number", "goodbye", "cut off"]


@dataclass(frozen=True)
class Answer:
    """What is said or keyed to a question; `acknowledged` is what the line says once it has taken it."""

    question: str
    keys: str = ""
    sound: str = ""
    acknowledged: str = ""


YES = re.compile("您上次没有订完|核对一下|总条数是|对吗|对请按一|要保存|保存请按一")
ITEM = "需要什么烟|还有吗|按烟的代码|还需要什么|订完了|就这些|请讲|先说烟名"
# The turns of each call, in order; a call without faults takes exactly these.
SCRIPTS: dict[Manner, tuple[Answer, ...]] = {
    "keys": (
        Answer("客户代码", CODE + "#"),
        Answer("密码", PIN),
        Answer(ITEM, "198*5#", acknowledged="红塔山硬经典"),
        Answer(ITEM, "194*2#", acknowledged="玉溪软"),
        Answer(ITEM, "#"),
        Answer(YES.pattern, "1"),
    ),
    "voice": (
        Answer("客户代码(?!是[零幺一二三四五六七八九])", sound="code_410502100012_yao_a"),
        Answer("代码是[零幺一二三四五六七八九].*对", sound="cmd_yes_duide_a"),
        Answer("密码", PIN),
        Answer(ITEM, sound="item_hongtashan_yingjingdian_5_a", acknowledged="红塔山硬经典"),
        Answer(ITEM, sound="cmd_done_jiuzhexie_a"),
        Answer(YES.pattern, sound="cmd_yes_duide_a"),
    ),
}
# What the order is to be, in cartons by spec.
ORDERED: dict[Manner, dict[str, float]] = {
    "keys": {"红塔山(硬经典)": 5, "玉溪(软)": 2},
    "voice": {"红塔山(硬经典)": 5},
}
TOTAL: dict[Manner, str] = {"keys": "总条数是七条", "voice": "总条数是五条"}
TURNS = 6


@dataclass
class Caller:
    """One call. `before_turn` is called before each answer with its number, counted from 1, and the call."""

    manner: Manner
    before_turn: Callable[[int, SimulatedCall], None] = lambda _turn, _call: None
    webhooks: Callable[[str], WebhookClient] | None = None
    pace: Pace = AS_FAST_AS_ACKNOWLEDGED
    call_key: str = ""
    heard: list[str] = field(default_factory=list)
    alerts: list[str] = field(default_factory=list)
    # The longest time the caller heard nothing after an answer, and the longest any request took, in milliseconds.
    silence_ms: int = 0
    slowest_ms: int = 0
    heard_saved: bool = False
    said_yes: bool = False
    _new: list[str] = field(default_factory=list)
    _acted_ms: int | None = None
    _waited_ms: int = 0
    _queued_ms: int | None = None
    _person: bool = False
    _ended: Ended | None = None
    _taken: set[str] = field(default_factory=set)
    _turn: int = 0

    def place_call(self, account: Account, line: IncomingNumber) -> Caller:
        """Make the call, from start to end."""
        call = dial_in(account, line, CALLER, CALLED, pace=self.pace, listener=self._hear)
        self.call_key = call.sid
        if self.webhooks is not None:
            call.webhooks.client = self.webhooks(account.auth_token)
        call.accompany(self._steps(call))
        call.run()
        return self

    @property
    def outcome(self) -> Outcome:
        if self.heard_saved:
            return "saved"
        if self._person:
            return "operator's number"
        if self._queued_ms is not None:
            return "operator queue"
        if APOLOGY in self.heard or self._ended is None or not self.heard or "再见" not in self.heard[-1]:
            return "cut off"
        return "goodbye"

    def _hear(self, event: Event) -> None:
        match event:
            case Said():
                self.heard.append(event.text)
                self._new.append(event.text)
                self.heard_saved = self.heard_saved or "您的订货已经保存" in event.text
                self._end_silence(event.at_ms)
            case CallerFinished() | KeyPressed():
                self._acted_ms, self._waited_ms = event.at_ms, 0
            case Fetched():
                self.slowest_ms = max(self.slowest_ms, event.took_ms)
                if "/status" not in event.url:
                    self._waited_ms += event.took_ms
            case Queued():
                self._queued_ms = event.at_ms
            case Dialled(outcome="answered") | Connected():
                self._person = True
                self._end_silence(event.at_ms)
            case DebuggerAlert():
                self.alerts.append(event.message)
            case Ended():
                self._ended = event
                self._end_silence(event.at_ms)

    def _end_silence(self, at_ms: int) -> None:
        """Call time stands still while the application is waited for, so the time that took is added."""
        if self._acted_ms is not None:
            self.silence_ms = max(self.silence_ms, at_ms - self._acted_ms + self._waited_ms)
            self._acted_ms = None

    def _steps(self, call: SimulatedCall) -> Steps[None]:
        answers = 0
        while not call.ended and call.now_ms < CALL_MAX_MS and answers < ANSWERS_MAX:
            if self._queued_ms is not None and call.now_ms - self._queued_ms > QUEUE_MS:
                break
            if not (call.awaits_caller and self._new and self._queued_ms is None):
                yield
                continue
            # A moment to think, in which the line may go on.
            until = call.now_ms + 600
            while call.now_ms < until and not call.ended:
                yield
            if not call.awaits_caller or call.ended:
                continue
            answer = self._answer("".join(self._new))
            if answer is None:
                yield
                continue
            answers += 1
            self._new.clear()
            self._give(call, answer)
            yield
            yield
            while call.speaking and not call.ended:
                yield
            yield
        call.hang_up()

    def _answer(self, said: str) -> Answer | None:
        """The answer to the last question of what was said; None while none was asked."""
        script = SCRIPTS[self.manner]
        self._taken |= {a.acknowledged for a in script if a.acknowledged and a.acknowledged in said}
        if "总条数是" in said and TOTAL[self.manner] not in said:
            return Answer("", keys="0")
        if YES.search(said) and "代码是" not in said:
            return script[-1] if self.manner == "keys" or "请按一" not in said else _by_keys(script[-1])
        for answer in script[:-1]:
            if answer.acknowledged in self._taken and answer.acknowledged:
                continue
            if re.search(answer.question, said):
                return answer if self.manner == "keys" or "请按" not in said else _by_keys(answer)
        return None

    def _give(self, call: SimulatedCall, answer: Answer) -> None:
        script = SCRIPTS[self.manner]
        if answer.question and (place := _place(script, answer)) > self._turn:
            self._turn = place
            self.before_turn(place, call)
        self.said_yes = self.said_yes or answer.question == YES.pattern
        if answer.keys:
            call.press(answer.keys)
        else:
            call.speak((AUDIO / f"{answer.sound}.ulaw").read_bytes(), answer.sound)


def _place(script: tuple[Answer, ...], answer: Answer) -> int:
    """The turn of this answer in the script, counted from 1."""
    asked = (answer.question, answer.acknowledged)
    return [(one.question, one.acknowledged) for one in script].index(asked) + 1


def _by_keys(answer: Answer) -> Answer:
    """The same answer by keys, for a line that has nothing but keys left."""
    keys = {
        "code_410502100012_yao_a": CODE + "#",
        "cmd_yes_duide_a": "1",
        "item_hongtashan_yingjingdian_5_a": "198*5#",
        "cmd_done_jiuzhexie_a": "#",
    }
    return Answer(answer.question, keys.get(answer.sound, answer.keys), acknowledged=answer.acknowledged)
