"""The web phone, in the demo only: a telephone in the browser, connected by the simulator as by a real carrier.

Keys and audio go to the simulator over a WebSocket (`console.web_phone.relay`). Typed text takes the place of
recognition: it is stored as the pending utterance of the open turn, and the call is redirected.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from sqlalchemy import select

from callflows.replies import ListenFor
from callflows.state import CallState
from console.held_open import HeldSocket
from console.language import _
from console.web_phone.page_voice import PageVoice
from console.web_phone.pin_hiding import PinHiding, asks_for_pin, stars_as_dots, without_pin
from console.web_phone.relay import relay
from ivr.models import Call, TurnRow
from ivr.services import Services, services
from ivr.streams.stream_registry import is_bare_yes
from ivr.turns.calls import UnknownCall
from ivr.turns.serialisation import reply_from_json
from orders.book.models import OrderRow
from orders.book.views import order_view
from orders.models import HotlineRow
from orders.retailers.models import RetailerPhone, RetailerRow
from speech.listening import Digits, Listen, YesNo
from storage import read_only

SAMPLES = Path(__file__).with_name("samples.toml")
# The commands a page may send. Only operators can be called in the browser, see softphone.py.
PAGE_COMMANDS = frozenset({"call", "keys", "speak", "hang_up"})
TEXT_MAX = 100
# The first retailers, to call as; the code of any other one can be typed.
OFFERED_MAX = 100
# The steps that ask who is speaking: a yes or a no answers them, beside the words of their options.
_ASKING_WHO = frozenset({"confirm_caller", "greet_retailer"})
# An unregistered number: its caller is asked for a code and a PIN.
UNREGISTERED_NUMBER = "+8613900000000"


@dataclass(frozen=True, slots=True)
class Sample:
    """One recorded utterance: its text in Chinese and English, and the inputs it answers."""

    file: str
    zh: str
    en: str
    answers_to: tuple[str, ...]


@cache
def read_samples() -> tuple[Sample, ...]:
    """The recorded utterances, in the order in which they are shown."""
    with SAMPLES.open("rb") as file:
        rows = tomllib.load(file)["sample"]
    return tuple(Sample(row["file"], row["zh"], row["en"], tuple(row["answers_to"])) for row in rows)


def phone_routes(app_services: Services) -> Blueprint:
    """The page of the web phone, and the routes it uses during a call."""
    routes = Blueprint("phone", __name__, url_prefix="/phone")
    voice = PageVoice(app_services.line.sentence_sounds)

    @routes.get("")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            hotlines = session.scalars(select(HotlineRow).order_by(HotlineRow.id)).all()
            callers = session.execute(
                select(RetailerPhone.phone, RetailerRow.name)
                .join(RetailerRow, RetailerRow.id == RetailerPhone.retailer_id)
                .order_by(RetailerRow.customer_code)
                .limit(OFFERED_MAX)
            ).all()
            codes = session.execute(
                select(RetailerRow.customer_code, RetailerRow.name)
                .order_by(RetailerRow.customer_code)
                .limit(OFFERED_MAX)
            ).all()
        return render_template(
            "web_phone/phone.html",
            hotlines=hotlines,
            callers=callers,
            unregistered=UNREGISTERED_NUMBER,
            codes=codes,
            samples=read_samples(),
            keys="123456789*0#",
            line_speaks=voice.speaks,
        )

    @routes.get("/calls/<call_key>")
    def progress(call_key: str) -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            call = session.get(Call, call_key)
            if call is None:
                abort(404)
            turns = session.scalars(
                select(TurnRow).where(TurnRow.call_key == call_key).order_by(TurnRow.turn_number)
            ).all()
            order = session.scalar(select(OrderRow).where(OrderRow.call_key == call_key))
            view = None if order is None or order.state == "lapsed" else order_view(order)
            retailer = None if order is None else session.get(RetailerRow, order.retailer_id)
            names = {barcode: spec.name for barcode, spec in services().catalog(session).specs.items()}
        state = CallState.from_json(call.state)
        then = reply_from_json(call.reply).then
        return render_template(
            "web_phone/phone_progress.html",
            awaited_input=(
                awaited_input(state.step, then.listen) if isinstance(then, ListenFor) and call.ended_at is None else ""
            ),
            turns=[_turn_facts(turn, names) for turn in turns],
            order=view,
            retailer=retailer,
            step=state.step,
        )

    @routes.post("/calls/<call_key>/say")
    def say(call_key: str) -> ResponseReturnValue:
        text = request.form.get("text", "").strip()[:TEXT_MAX]
        try:
            snapshot = services().line.calls.snapshot(call_key)
        except UnknownCall:
            abort(404, _("没有这通电话，请重新拨号。"))
        then = snapshot.reply.then
        if not text or snapshot.ended or not isinstance(then, ListenFor):
            abort(409, _("现在没有在听，请等提示说完。"))
        if isinstance(then.listen, Digits) and then.listen.what == "pin":
            abort(409, _("密码只能按键输入。"))
        with read_only(services().sessions) as session:
            utterance = services().recognition.reading(session).of_text(then.listen, text)
        if then.hear_out and is_bare_yes(utterance, then.listen):
            # The typed words end the prompt, so that a yes to all of it has to come after all of it.
            early = not services().line.calls.question_was_reached(call_key)
            utterance = replace(utterance, early=early)
        services().line.media_streams.registry.store_utterance(call_key, snapshot.turn_number, utterance)
        services().line.media_streams.answer(call_key, snapshot.turn_number)
        return "", 204

    @routes.get("/line")
    def line() -> ResponseReturnValue:
        if urlsplit(request.headers.get("Origin", "")).netloc != request.host:
            abort(403)
        pins = PinHiding(partial(asks_for_pin, app_services.sessions))
        return HeldSocket(lambda socket: relay(socket, app_services.settings, PAGE_COMMANDS, pins=pins, voice=voice))

    return routes


def awaited_input(step: str, listen: Listen) -> str:
    """The name of the input the call is waiting for, as in samples.toml."""
    if step in _ASKING_WHO:
        return YesNo.__name__
    return listen.what if isinstance(listen, Digits) else type(listen).__name__


def _turn_facts(turn: TurnRow, names: dict[str, str]) -> dict[str, Any]:
    """One turn as listed: what was recognised, and how it was understood."""
    turn_input = turn.turn_input
    items = [
        {
            "action": item["action"],
            "names": [names.get(barcode, barcode) for barcode in item["barcodes"][:3]],
            "halves": (item.get("quantity") or {}).get("halves"),
            "unit": (item.get("quantity") or {}).get("unit", "carton"),
        }
        for item in turn_input.get("items", ())
    ]
    return {
        "turn_number": turn.turn_number,
        "silence": turn_input.get("silence", False),
        "text": stars_as_dots(without_pin(turn_input.get("text", ""))),
        "keyed": turn_input.get("keyed", False),
        "command": turn_input.get("command"),
        "digits": stars_as_dots((turn_input.get("digits") or [""])[0]),
        "choice": turn_input.get("choice"),
        "confidence": turn_input.get("confidence"),
        "items": items,
    }
