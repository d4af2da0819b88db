"""The calls of a city, to be put into a `benchmarks.city_database`."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from benchmarks.city_database import MAIN, NOW, TODAY, City, SavedOrder, customer_code, moment
from callflows.replies import ListenFor, Reply
from callflows.state import OUTBOUND, CallState
from ivr.models import Call, TurnLabel, TurnRow
from ivr.operators.models import Callback, Presence, RingAttempt, Ticket
from ivr.turns.serialisation import reply_to_json, utterance_to_json
from orders.outbound.models import OutboundAttempt, OutboundDay
from speech.listening import Items
from speech.utterance import Item, Quantity, Utterance

TURNS = (4, 9)
# Calls of this morning: in progress with the line, waiting for an operator, with one.
IN_PROGRESS, WAITING, TAKEN = 12, 6, 8
SOUND = b"\xff" * 16_000


def fill_calls(city: City, orders: Sequence[SavedOrder]) -> None:
    """Every call that led to an order, with its turns; tickets, ring attempts and callbacks; outbound attempts."""
    called = [order for order in orders if order.is_of_call]
    city.insert(Call, _calls(called))
    city.insert(TurnRow, _turns(city, called))
    _label_turns(city, called[:500])
    _operators(city, [order for order in called if order.channel == "operator"])
    city.insert(OutboundDay, [_running(day) for day in {order.day for order in orders}])
    city.insert(OutboundAttempt, _attempts([order for order in called if order.channel == "outbound"]))


def _calls(orders: Sequence[SavedOrder]) -> Iterator[dict[str, Any]]:
    going_on = [order for order in orders if order.state == "draft"][:IN_PROGRESS]
    state = CallState(call_key="", caller="", called=MAIN, speech_enabled=True, step="take_items", signed_in=True)
    reply = json.dumps(reply_to_json(_reply()), ensure_ascii=False)
    for order in orders:
        own = replace(
            state,
            call_key=order.call_key or "",
            caller=f"+86138{order.retailer_id:08d}",
            customer_code=customer_code(order.retailer_id),
            flow=OUTBOUND if order.channel == "outbound" else state.flow,
        )
        yield {
            "call_key": order.call_key,
            "caller": own.caller,
            "called": MAIN,
            "started_at": order.saved_at - timedelta(minutes=3),
            "seen_at": order.saved_at,
            "ended_at": None if order in going_on else order.saved_at + timedelta(seconds=20),
            "turn_number": 8,
            "state": own.to_json(),
            "reply": reply,
            "recording_told_in": 0,
        }


def _reply() -> Reply:
    return Reply(("好的，红塔山硬经典，3条。", "利群软蓝，2条。", "还有吗？"), ListenFor(Items(), 6000))


def _turns(city: City, orders: Sequence[SavedOrder]) -> Iterator[dict[str, Any]]:
    specs, number = city.specs, 0
    reply = json.dumps(reply_to_json(_reply()), ensure_ascii=False)
    said = [
        json.dumps(
            utterance_to_json(
                Utterance(
                    text=f"{first.name}{cartons}条{second.name}两条",
                    items=(
                        Item("add", (first.barcode,), Quantity(2 * cartons), first.name),
                        Item("add", (second.barcode,), Quantity(4), second.name),
                    ),
                    confidence=0.93,
                )
            ),
            ensure_ascii=False,
        )
        for first, second in zip(specs, [*specs[7:], *specs[:7]], strict=True)
        for cartons in (1, 3)
    ]
    for order in orders:
        for turn in range(1, city.chance.randint(*TURNS)):
            number += 1
            yield {
                "id": number,
                "call_key": order.call_key,
                "turn_number": turn,
                "turn_input": said[number % len(said)],
                "reply": reply,
                "taken_at": order.saved_at - timedelta(seconds=170 - 20 * turn),
            }


def _label_turns(city: City, orders: Sequence[SavedOrder]) -> None:
    """A turn of each that was labelled, with its sound."""
    city.insert(
        TurnLabel,
        (
            {
                "id": number,
                "call_key": order.call_key,
                "turn_number": 1,
                "kind": "test_case",
                "text": "红塔山三条",
                "expect": {"kind": "items", "items": [["红塔山", 3]]},
                "sound": SOUND,
                "labelled_at": order.saved_at,
                "labelled_by": "赵红霞",
            }
            for number, order in enumerate(orders, 1)
        ),
    )


def _operators(city: City, orders: Sequence[SavedOrder]) -> None:
    operators = city.staff["operator"]
    today = [order for order in orders if order.day == TODAY]
    waiting, taken = today[:WAITING], today[WAITING : WAITING + TAKEN]
    tickets = []
    for number, order in enumerate(orders, 1):
        opened = order.saved_at - timedelta(minutes=2)
        given_up = number % 12 == 0
        ticket = {
            "id": number,
            "call_key": order.call_key,
            "reason": "asked",
            "state": "abandoned" if given_up else "finished",
            "opened_at": opened,
            "taken_by": None if given_up else operators[number % len(operators)].id,
            "taken_at": None if given_up else opened + timedelta(seconds=15),
            "closed_at": order.saved_at,
        }
        if order in waiting:
            ticket |= {"state": "waiting", "taken_by": None, "taken_at": None, "closed_at": None}
        elif order in taken:
            ticket |= {"state": "taken", "taken_by": operators[number % len(operators)].id, "closed_at": None}
        tickets.append(ticket)
    city.insert(Ticket, tickets)
    city.insert(
        RingAttempt,
        (
            {
                "id": ticket["id"],
                "ticket_id": ticket["id"],
                "staff_id": ticket["taken_by"],
                "address": f"client:{ticket['taken_by']}",
                "state": "over",
                "dialled_at": ticket["opened_at"],
                "ended_at": ticket["opened_at"] + timedelta(minutes=2),
            }
            for ticket in tickets
            if ticket["taken_by"]
        ),
    )
    city.insert(
        Presence,
        (
            {
                "staff_id": person.id,
                "ready": True,
                "device": "browser",
                "changed_at": NOW - timedelta(hours=2),
                "idle_since": NOW - timedelta(minutes=1),
                "seen_at": NOW,
            }
            for person in operators
        ),
    )
    city.insert(
        Callback,
        (
            {
                "id": number,
                "call_key": order.call_key,
                "phone": f"+86138{order.retailer_id:08d}",
                "customer_code": customer_code(order.retailer_id),
                "reason": "asked",
                "requested_at": order.saved_at,
                "state": "open" if order.day == TODAY else "reached",
                "handled_by": None if order.day == TODAY else operators[0].id,
                "handled_at": None if order.day == TODAY else order.saved_at + timedelta(minutes=30),
            }
            for number, order in enumerate(orders[::15], 1)
        ),
    )


def _running(day: date) -> dict[str, Any]:
    return {"business_day": day, "running": day == TODAY, "changed_by": "赵红霞", "changed_at": moment(day, 8)}


def _attempts(orders: Sequence[SavedOrder]) -> Iterator[dict[str, Any]]:
    for number, order in enumerate(orders, 1):
        yield {
            "id": number,
            "key": f"{number:032x}",
            "business_day": order.day,
            "retailer_id": order.retailer_id,
            "phone": f"+86138{order.retailer_id:08d}",
            "from_number": MAIN,
            "dialled_at": order.saved_at - timedelta(minutes=3),
            "call_key": order.call_key,
            "answered_at": order.saved_at - timedelta(minutes=2.8),
            "ended_at": order.saved_at + timedelta(seconds=20),
            "outcome": "ordered",
        }
