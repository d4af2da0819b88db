"""Whatever a signed request says, the line answers with markup or refuses it as malformed, and never with an error of
its own; a request sent again changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlencode
from xml.etree import ElementTree

import pytest
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select
from structlog.testing import capture_logs

from ivr.models import Call
from orders.book.models import OrderLineRow, OrderRow
from settings import DEMO_AUTH_TOKEN
from storage import Base, read_only
from tests.db.ivr.test_signature import ROUTES
from tests.support.carrier_client import Telephone
from tests.support.desk_world import PIN, SHOP, World

# An example takes a database: what fails is reported as it was found.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)

LOCAL = "http://127.0.0.1:8000"
PATHS = [route.partition("?")[0] for route in ROUTES]
HOSTILE = [
    *("", "\x00", "\x07", "\r\nX-Injected: 1", "'; DROP TABLE calls; --", "<Say>hi</Say>", "]]><Hangup/>", "&lol;"),
    *(
        "../../etc/passwd",
        "{0.__class__}",
        "%s%n",
        "长" * 5_000,
        "9" * 5_000,
        "-1",
        "1e999",
        "٣",
        "\ud7ff\ue000",
        "\u202e",
    ),
    *("#", "*", "0", "1", "12", "2468", "410502100012", "completed", "busy", "in-progress", "human", "machine_start"),
    *("+8613800000012", "+8637255550000", "client:8", "anonymous", "sip:a@b", "outbound-api", "bridged", "hangup"),
]
VALUES = st.sampled_from(HOSTILE) | st.text(max_size=40).filter(lambda text: text.isprintable())
FORM = st.dictionaries(
    st.sampled_from(
        [
            *("From", "To", "Digits", "CallStatus", "Direction", "FinishedOnKey", "RecordingSid", "RecordingUrl"),
            *("AnsweredBy", "QueueResult", "QueueSid", "DialCallStatus", "DequeueResult", "Level", "ErrorCode"),
            *("QueueTime", "QueuePosition", "SpeechResult", "CallDuration", "ParentCallSid"),
        ]
    )
    | st.text("abcdefgXYZ\x00<", min_size=1, max_size=8),
    VALUES,
    max_size=6,
)
ARGUMENTS = st.dictionaries(
    st.sampled_from(["turn", "failures", "first", "waited", "early", "attempt", "round", "announced", "kept", "tries"])
    | st.sampled_from(["callback", "staff", "reason", "call"]),
    VALUES,
    max_size=5,
)
CALL_SIDS = st.sampled_from(["CA00000000000000000000000000000001", "CA1", ""]) | VALUES


def line_telephone(application: Flask, sid: str = "CA00000000000000000000000000000001") -> Telephone:
    return Telephone(application.test_client(), sid, token=DEMO_AUTH_TOKEN, base=LOCAL)


@given(data=st.data())
@settings(max_examples=60, phases=PHASES, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_request_is_an_error_of_ours(application: Flask, data: st.DataObject) -> None:
    phone = line_telephone(application, data.draw(CALL_SIDS, "call"))
    line_telephone(application).post("/voice/incoming")
    for _ in range(data.draw(st.integers(1, 2), "requests")):
        path, arguments, form = data.draw(st.sampled_from(PATHS)), data.draw(ARGUMENTS), data.draw(FORM)
        with capture_logs() as logs:
            answer = phone.post(f"{path}?{urlencode(arguments)}", **form)
        assert answer.status_code in (200, 400, 403, 413)
        if answer.status_code == 200:
            assert answer.mimetype == "text/xml"
            ElementTree.fromstring(answer.get_data())
        broken = [entry for entry in logs if entry["log_level"] == "error" and "MalformedRequest" not in str(entry)]
        assert broken == []


def everything(world: World) -> dict[str, int]:
    """The number of rows of every table, and what the calls and orders say."""
    with read_only(world.sessions) as session:
        counts = {
            table.name: session.scalar(select(func.count()).select_from(table)) or 0
            for table in Base.metadata.sorted_tables
        }
        calls = [
            (call.call_key, call.turn_number, str(call.state), str(call.reply))
            for call in session.scalars(select(Call))
        ]
        orders = [(one.number, one.state, one.total_packs) for one in session.scalars(select(OrderRow))]
        lines = [(line.barcode, line.granted_packs) for line in session.scalars(select(OrderLineRow))]
    return {**counts, str(calls): 1, str(orders): 1, str(lines): 1}


def test_every_request_of_a_call_sent_again_changes_nothing(
    application: Flask, world: World, keyed_order: Callable[[Telephone], list[tuple[str, dict[str, str]]]]
) -> None:
    """A signature holds for as long as the carrier's token does, so a request that was overheard can be sent again: in
    the call, and when it is over."""
    phone = line_telephone(application)
    sent = keyed_order(phone)
    before = everything(world)
    for address, form in sent:
        assert phone.post(address, **form).status_code == 200
    assert everything(world) == before
    phone.post("/voice/status", CallStatus="completed")
    over = everything(world)
    for address, form in [*sent, ("/voice/status", {"CallStatus": "completed"})]:
        assert phone.post(address, **form).status_code == 200
    assert everything(world) == over


@pytest.fixture
def keyed_order() -> Callable[[Telephone], list[tuple[str, dict[str, str]]]]:
    """A call in which a retailer identifies itself by keys; returns what was posted."""

    def run(phone: Telephone) -> list[tuple[str, dict[str, str]]]:
        sent: list[tuple[str, dict[str, str]]] = [
            ("/voice/incoming", {"From": "+8613911112222", "CallStatus": "ringing"})
        ]
        answer = phone.request(sent[0][0], **sent[0][1])
        for keys in (SHOP, PIN, "1"):
            sent.append((answer.action, {"Digits": keys}))
            answer = phone.request(answer.action, Digits=keys)
        return sent

    return run
