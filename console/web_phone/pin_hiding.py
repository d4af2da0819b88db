"""PINs on the page of the web phone: what is keyed or said as one is shown as dots, while it is asked for and in the
list of turns. Whether a call asks for its PIN is read from its row, so that any process can tell."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable
from typing import Any

from callflows.replies import ListenFor
from ivr.models import Call
from ivr.turns.serialisation import reply_from_json
from speech.listening import is_secret
from storage import SessionFactory, read_only

DOT = "•"
_DIGIT = "零〇一幺二两三四五六七八九0-9"
_SAID_PIN = re.compile(rf"(密码[^{_DIGIT}]{{0,4}})([{_DIGIT}](?:[ ，、]?[{_DIGIT}]){{3,5}})")


def asks_for_pin(sessions: SessionFactory, call_key: str) -> bool:
    """True if the call waits for its caller's PIN now; False for an unknown call."""
    with read_only(sessions) as session:
        call = session.get(Call, call_key)
        if call is None or call.ended_at is not None:
            return False
        then = reply_from_json(call.reply).then
    return isinstance(then, ListenFor) and is_secret(then.listen)


def without_pin(text: str) -> str:
    """The text with the digits that are said after 密码 as dots: 密码是二四六八 is 密码是••••."""
    return _SAID_PIN.sub(lambda found: found[1] + DOT * len(re.findall(f"[{_DIGIT}]", found[2])), text)


def stars_as_dots(text: str) -> str:
    """A keyed PIN, which is stored as stars, in dots; other texts as they are, stars between keyed figures included."""
    return DOT * len(text) if not text.strip("*") else text


class PinHiding:
    """The events of one call as the page may see them. `asks_for_pin` blocks, and says of a call's key if its PIN is
    asked for."""

    def __init__(self, asks_for_pin: Callable[[str], bool]) -> None:
        self._asks_for_pin = asks_for_pin
        self._call_key = ""
        # From the question on until the next one: the last key of a PIN may arrive after the call has gone on.
        self._asked = False

    async def hidden(self, event: dict[str, Any]) -> dict[str, Any]:
        """The event, with a PIN as dots."""
        match event["event"]:
            case "CallPlaced":
                self._call_key = event["call_sid"]
            case "Said":
                self._asked = await self._is_asked()
                return event | {"secret": self._asked}
            case "KeyPressed" if self._asked or await self._is_asked():
                return event | {"key": DOT}
            case "CallerSpoke" if event["words"]:
                if self._asked or await self._is_asked():
                    return event | {"words": DOT * len(event["words"])}
                return event | {"words": without_pin(event["words"])}
        return event

    async def _is_asked(self) -> bool:
        return await asyncio.to_thread(self._asks_for_pin, self._call_key)
