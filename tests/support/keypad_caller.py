"""A shopkeeper who orders by keys and answers every question of the line."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import cn2an

from simulator.account import Account
from simulator.call import SimulatedCall
from simulator.events import DebuggerAlert, Event, Said
from simulator.inbound_calls import IncomingNumber, dial_in
from simulator.pace import AS_FAST_AS_POSSIBLE, Steps

Ending = Literal["saved", "hung up", "refused"]

# More keys than any of these calls needs: beyond it, the call goes round in circles.
MAX_PRESSES = 60
TOTALS = re.compile(r"总条数是(.+?)条，总金额为(.+?)；")
NUMBER = re.compile(r"订单号(.+?)。")
DIGITS = str.maketrans("零幺一二三四五六七八九", "01123456789", "，")


@dataclass
class KeypadCaller:
    """One call. `items` are a spec's code and the cartons wanted; with `hangs_up` the caller hangs up at the read-back.
    Afterwards `ending` is the outcome, and `cartons` and `yuan` are the totals read back."""

    phone: str
    items: Sequence[tuple[str, int]]
    hangs_up: bool = False
    code: str = ""
    pin: str = ""
    region: str = ""
    heard: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    ending: Ending | None = None
    number: str = ""
    cartons: float = 0
    yuan: float = 0
    _new: list[str] = field(default_factory=list)
    _remaining: list[tuple[str, int]] = field(default_factory=list)

    def place_call(self, account: Account, line: IncomingNumber, called: str) -> KeypadCaller:
        """Make the call, from start to end."""
        self._remaining = list(self.items)
        call = dial_in(account, line, self.phone, called, pace=AS_FAST_AS_POSSIBLE, listener=self._hear)
        call.accompany(self._steps(call))
        call.run()
        return self

    def _hear(self, event: Event) -> None:
        if isinstance(event, Said):
            self.heard.append(event.text)
            self._new.append(event.text)
        elif isinstance(event, DebuggerAlert):
            self.problems.append(event.message)

    def _steps(self, call: SimulatedCall) -> Steps[None]:
        for _ in range(MAX_PRESSES):
            while not (call.ended or (call.awaits_caller and self._new)):
                yield
            said = "\n".join(self._new)
            self._new.clear()
            self._read_totals(said)
            keys = "" if call.ended else self._answer(said)
            if not keys:
                call.hang_up()
                return
            call.press(keys)
            yield
            yield
            while call.speaking and not call.ended:
                yield
        self.problems.append(f"the talk goes round in circles: {self.heard[-6:]}")
        call.hang_up()

    def _read_totals(self, said: str) -> None:
        if found := TOTALS.search(said):
            self.cartons = float(cn2an.cn2an(found[1].replace("两", "二"), "smart"))
            self.yuan = fen_said(found[2]) / 100
        if "您的订货已经保存" in said:
            self.ending = "saved"
            self.number = NUMBER.search(said)[1].translate(DIGITS)  # type: ignore[index]

    def _answer(self, said: str) -> str:
        """The keys that answer the last question; none to hang up."""
        last = said.rstrip("\n").rpartition("\n")[2]
        if "没有别的事" in last:
            self.ending = "refused"
            return ""
        if "客户代码" in last:
            return f"{self.code}#"
        if "密码" in last:
            return self.pin
        if "核对一下" in said:
            self.ending = "hung up" if self.hangs_up else self.ending
            return "" if self.hangs_up else "1"
        if self.region and "区请按" in last:
            return self.region
        if "请按二" in last:
            # Resumes the draft and accepts less; declines any other spec than the one named.
            return "1" if "接着订" in last or "只有" in last or "不是请按二" in last else "2"
        if self._remaining:
            code, cartons = self._remaining.pop(0)
            return f"{code}*{cartons}#"
        return "#"


def fen_said(amount: str) -> int:
    """The amount said in 元, 角 and 分, in fen."""
    places = re.fullmatch(r"(?:(.+)元)?零?(?:(.)角)?(?:(.)分)?", amount)
    assert places is not None, amount
    yuan, jiao, fen = (
        int(cn2an.cn2an(place.replace("两", "二"), "smart")) if place else 0 for place in places.groups()
    )
    return 100 * yuan + 10 * jiao + fen
