"""The web phone, in the demo only: a telephone in the browser, connected by the simulator as by a real carrier.

Keys and audio are relayed to the simulator over a WebSocket, so that the page talks to one server only. Typed text
takes the place of recognition: it is stored as the pending utterance of the open turn, and the call is redirected.
"""

from __future__ import annotations

import base64
import json
import threading
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

import structlog
import websocket
from flask import Blueprint, abort, render_template, request
from flask.typing import ResponseReturnValue
from flask_sock import Sock
from simple_websocket import ConnectionClosed
from sqlalchemy import select

from callflows.replies import ListenFor
from callflows.state import CallState
from console.language import _
from console.web_phone.gloss import gloss
from ivr.calls import UnknownCall
from ivr.models import Call, TurnRow
from ivr.serialisation import reply_from_json
from ivr.services import Services, services
from orders.book.models import OrderRow
from orders.book.views import order_view
from orders.models import HotlineRow
from orders.retailers.models import RetailerPhone, RetailerRow
from settings import Settings
from speech.listening import Digits, Listen
from storage import read_only

SAMPLES = Path(__file__).with_name("samples.toml")
SIMULATOR_PATH = "/phone"
CONNECT_S = 3.0
# The commands a page may send. Only operators can be called in the browser, see softphone.py.
PAGE_COMMANDS = frozenset({"call", "keys", "speak", "hang_up"})
TEXT_MAX = 100
# An unregistered number: its caller is asked for a code and a PIN.
UNREGISTERED_NUMBER = "+8613900000000"

log = structlog.get_logger(__name__)


class PageSocket(Protocol):
    """The methods used of the page's WebSocket."""

    def receive(self, timeout: float | None = None) -> str | bytes | None: ...
    def send(self, data: str | bytes) -> None: ...
    def close(self, reason: int | None = None, message: str | None = None) -> None: ...


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
    sockets = Sock()

    @routes.get("")
    def page() -> ResponseReturnValue:
        with read_only(services().sessions) as session:
            hotlines = session.scalars(select(HotlineRow).order_by(HotlineRow.id)).all()
            callers = session.execute(
                select(RetailerPhone.phone, RetailerRow.name)
                .join(RetailerRow, RetailerRow.id == RetailerPhone.retailer_id)
                .order_by(RetailerRow.customer_code)
            ).all()
            codes = session.execute(
                select(RetailerRow.customer_code, RetailerRow.name).order_by(RetailerRow.customer_code)
            ).all()
        return render_template(
            "web_phone/phone.html",
            hotlines=hotlines,
            callers=callers,
            unregistered=UNREGISTERED_NUMBER,
            codes=codes,
            samples=read_samples(),
            keys="123456789*0#",
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
            awaited_input=awaited_input(then.listen) if isinstance(then, ListenFor) and call.ended_at is None else "",
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
            utterance = services().recognition.understanding(session).of_text(then.listen, text)
        services().line.media_streams.registry.store_utterance(call_key, snapshot.turn_number, utterance)
        services().line.media_streams.answer(call_key, snapshot.turn_number)
        return "", 204

    @sockets.route("/line", bp=routes)  # type: ignore[untyped-decorator]
    def line(socket: PageSocket) -> None:
        origin = urlsplit(request.headers.get("Origin", ""))
        if origin.netloc != request.host:
            socket.close(1008, "another site's page")
            return
        relay(socket, app_services.settings, PAGE_COMMANDS)

    return routes


def awaited_input(listen: Listen) -> str:
    """The name of the input the call is waiting for, as in samples.toml."""
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
        "text": turn_input.get("text", ""),
        "keyed": turn_input.get("keyed", False),
        "command": turn_input.get("command"),
        "digits": (turn_input.get("digits") or [""])[0],
        "choice": turn_input.get("choice"),
        "confidence": turn_input.get("confidence"),
        "items": items,
    }


def relay(socket: PageSocket, settings: Settings, allowed_commands: frozenset[str], name: str = "") -> None:
    """Relay events to the page, with the English of what the hotline says, and the page's permitted commands and audio
    to the simulator, until one of them disconnects. With a `name` the page's telephone can be called."""
    base = "ws" + settings.twilio_api_base.rstrip("/").removeprefix("http")
    token = base64.b64encode(f"{settings.twilio_account_sid}:{settings.twilio_auth_token}".encode()).decode()
    try:
        simulator = websocket.create_connection(
            base + SIMULATOR_PATH, timeout=CONNECT_S, header=[f"Authorization: Basic {token}"]
        )
    except (OSError, websocket.WebSocketException) as error:
        log.warning("the simulator cannot be reached", address=base, reason=str(error))
        socket.send(json.dumps({"event": "SimulatorUnreachable"}))
        socket.close()
        return
    simulator.settimeout(None)
    back = threading.Thread(target=_relay_events, args=(simulator, socket), name="web phone", daemon=True)
    back.start()
    try:
        if name:
            simulator.send(json.dumps({"command": "register", "name": name}))
        while (message := socket.receive()) is not None:
            if isinstance(message, str):
                if _command(message) in allowed_commands:
                    simulator.send(message)
            else:
                simulator.send_binary(message)
    except (ConnectionClosed, OSError, websocket.WebSocketException):
        pass
    finally:
        simulator.close()
        back.join(CONNECT_S)


def _command(message: str) -> str:
    try:
        return str(json.loads(message)["command"])
    except (ValueError, TypeError, KeyError):
        return ""


def _relay_events(simulator: websocket.WebSocket, socket: PageSocket) -> None:
    try:
        while message := simulator.recv():
            if isinstance(message, bytes):
                socket.send(message)
                continue
            event = json.loads(message)
            if event["event"] == "Said":
                event["gloss"] = gloss(event["text"]) or ""
            socket.send(json.dumps(event, ensure_ascii=False))
        socket.close()
    except (ConnectionClosed, OSError, websocket.WebSocketException):
        pass
