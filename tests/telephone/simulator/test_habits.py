"""The stand-in is as strict as the carrier's documents, and has the habits that a caller script switches on."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from simulator.account import Account, CalledParty
from simulator.carrier_habits import CarrierHabits
from simulator.events import DebuggerAlert
from simulator.webhook_client import NOT_REACHED, WebhookClient
from tests.support.fake_application import TOKEN, VOICE, FakeApplication, events_of, run_call, texts, when_quiet
from tests.telephone.simulator.test_placed_calls import ALL, SHOP, PlacedCalls

# Always.


def test_dialling_a_queue_that_nobody_has_entered_fails_at_once(account: Account, fake_app: FakeApplication) -> None:
    fake_app.answers["/voice/incoming"] = '<Dial timeout="30" action="/dialled"><Queue>nobody-s</Queue></Dial>'
    call, _ = run_call(account, fake_app)
    assert (fake_app.form("/dialled")["DialCallStatus"], fake_app.form("/dialled")["DialBridged"]) == (
        "failed",
        "false",
    )
    assert call.now_ms < 2_000


def test_a_document_for_who_waits_may_hold_seven_verbs(account: Account, fake_app: FakeApplication) -> None:
    fake_app.answers["/voice/incoming"] = '<Enqueue waitUrl="/wait">mine</Enqueue>'
    fake_app.answers["/wait"] = (
        "<Say>请稍等</Say><Pause/><Play>/music</Play><Record/><Dial>+8613800000012</Dial>"
        '<Gather timeout="1"/><Redirect>/more</Redirect>'
    )
    fake_app.answers["/more"] = "<Enqueue>another</Enqueue><Leave/>"
    _, events = run_call(account, fake_app)
    reported = [alert.message.partition(": ")[2] for alert in events_of(DebuggerAlert, events)]
    assert reported == [f"<{verb}> may not stand in a document for who waits" for verb in ("Record", "Dial", "Enqueue")]
    assert texts(events)[0] == "请稍等"


def test_a_document_of_more_than_64_kb_ends_the_call(account: Account, fake_app: FakeApplication) -> None:
    fake_app.answers["/voice/incoming"] = "<Say>您好</Say>" * 4_000
    _, events = run_call(account, fake_app)
    assert [alert.code for alert in events_of(DebuggerAlert, events)] == [11750]


def test_a_media_stream_without_tls_is_not_opened(account: Account, fake_app: FakeApplication) -> None:
    fake_app.answers["/voice/incoming"] = (
        '<Start><Stream url="ws://hotline.example/stream"/></Start><Say>您好</Say><Pause length="1"/>'
    )
    _, events = run_call(account, fake_app)
    assert [alert.code for alert in events_of(DebuggerAlert, events)] == [31922]
    assert "您好" in texts(events)


@contextmanager
def resetting_server() -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads a request and then resets the connection; its address, and what it has read."""
    read: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection, _ = listening.accept()
                except OSError:
                    return
                read.append(connection.recv(65_536))
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\x00\x00\x00\x00\x00\x00\x00")
                connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", read
        listening.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("overrides", ["", "#rc=5&rp=5xx,ct,rt"])
def test_a_request_whose_connection_was_reset_is_not_sent_again(overrides: str) -> None:
    client = WebhookClient(TOKEN)
    with resetting_server() as (address, read):
        answer = client.fetch("POST", f"{address}/voice/turn{overrides}", {"CallSid": "CA1"}).result(20)
    assert (answer.status, len(read)) == (NOT_REACHED, 1)
    assert "reset" in answer.failure
    client.close()


@pytest.fixture
def outgoing(fake_app: FakeApplication) -> Iterator[PlacedCalls]:
    outgoing = PlacedCalls(fake_app)
    with outgoing.server:
        yield outgoing


def test_calls_are_placed_one_a_second_and_the_others_are_queued(outgoing: PlacedCalls) -> None:
    waits = [int(str(outgoing.ring()["queue_time"])) for _call in range(3)]
    assert waits[0] == 0
    assert 0 < waits[1] <= 1_000 < waits[2] <= 2_000


# By a switch.


def test_too_many_requests_are_refused_and_nothing_comes_of_them(outgoing: PlacedCalls) -> None:
    outgoing.account.habits = CarrierHabits(requests_refused=1)
    refused = outgoing.post("Calls.json", From="+8637255550000", To=SHOP, Url=outgoing.application.url)
    assert (refused.status_code, refused.json()["code"], refused.headers["Retry-After"]) == (429, 20429, "1")
    assert outgoing.calls == []
    outgoing.ring()
    outgoing.finish()


@pytest.mark.parametrize(
    ("habits", "told"),
    [
        ((), ["initiated", "ringing", "in-progress", "completed"]),
        (("late",), ["initiated", "ringing", "in-progress", "completed"]),
        (("doubled",), ["initiated"] * 2 + ["ringing"] * 2 + ["in-progress"] * 2 + ["completed"] * 2),
        (("out_of_order",), ["ringing", "initiated", "completed", "in-progress"]),
    ],
)
def test_reports_of_a_calls_progress_come_late_twice_or_after_the_next(
    outgoing: PlacedCalls, fake_app: FakeApplication, habits: tuple[str, ...], told: list[str]
) -> None:
    outgoing.account.parties[SHOP] = CalledParty("answered", after_ms=1_000)
    outgoing.account.habits = CarrierHabits(status_callbacks=frozenset(habits))  # type: ignore[arg-type]
    fake_app.answers["/answered"] = "<Say>您好</Say><Hangup/>"
    outgoing.ring(StatusCallbackEvent=ALL)
    outgoing.finish()
    reports = [form for path, form in fake_app.requests if path == "/status"]
    # They are sent side by side: their own numbers give the order in which they were made.
    assert sorted(form["CallStatus"] for form in reports) == sorted(told)
    if habits == ("late",):
        assert fake_app.paths().index("/answered") < fake_app.paths().index("/status")


@pytest.mark.parametrize(
    ("party", "verdict", "after_ms"),
    [
        (CalledParty("answered", after_ms=1_000, verdict="machine"), "machine_end_beep", 1_500),
        (CalledParty("machine", after_ms=1_000, verdict="human"), "human", 6_000),
        (CalledParty("answered", after_ms=1_000, verdict="unknown", verdict_after_ms=30_000), "unknown", 30_000),
    ],
)
def test_who_answers_may_be_taken_for_another_and_late(
    outgoing: PlacedCalls, fake_app: FakeApplication, party: CalledParty, verdict: str, after_ms: int
) -> None:
    outgoing.account.parties[SHOP] = party
    fake_app.answers["/answered"] = "<Hangup/>"
    outgoing.ring(MachineDetection="DetectMessageEnd")
    call = outgoing.finish()
    assert fake_app.form("/answered")["AnsweredBy"] == verdict
    assert call.now_ms >= 1_000 + after_ms


def recorded(account: Account, fake_app: FakeApplication) -> str:
    """A recording of a call: its SID."""
    fake_app.answers["/voice/incoming"] = '<Record action="/voice/turn" timeout="2" playBeep="false"/>'
    fake_app.answers["/voice/turn"] = "<Hangup/>"
    run_call(account, fake_app, when_quiet(lambda call: call.speak(VOICE)))
    return fake_app.form("/voice/turn")["RecordingSid"]


def test_a_recording_may_be_ready_late_or_found_silent_and_never_be_there(
    account: Account, fake_app: FakeApplication
) -> None:
    account.habits = CarrierHabits(recordings_ready_after_ms=60_000)
    late = account.recordings[recorded(account, fake_app)]
    assert (late.status, late.is_ready) == ("processing", False)
    account.habits = CarrierHabits(recordings_ready_after_ms=1, recordings_silent=True)
    silent = account.recordings[recorded(account, fake_app)]
    while silent.ready_at > time.monotonic():
        time.sleep(0.001)
    assert (silent.status, silent.is_ready) == ("absent", False)


def test_the_key_that_ended_the_keys_need_not_be_named(account: Account, fake_app: FakeApplication) -> None:
    fake_app.answers["/voice/incoming"] = '<Gather action="/voice/turn"><Say>请按键</Say></Gather>'
    run_call(account, fake_app, when_quiet(lambda call: call.press("12#")))
    assert fake_app.form("/voice/turn")["FinishedOnKey"] == "#"
    account.habits = CarrierHabits(names_finish_key=False)
    run_call(account, fake_app, when_quiet(lambda call: call.press("12#")))
    assert "FinishedOnKey" not in fake_app.form("/voice/turn")
