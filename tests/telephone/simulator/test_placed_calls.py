"""The Twilio simulator: the parties of calls the application places, and the status callbacks."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
import requests

from simulator.account import Account, CalledParty
from simulator.call import SimulatedCall
from simulator.callees import ScriptedCallee
from simulator.legs import CallRequest
from simulator.pace import AS_FAST_AS_POSSIBLE
from simulator.placed_calls import call_placer
from simulator.rest_server import API, RestServer, create_rest
from simulator.script import ScriptError, read_parties
from tests.support.fake_application import CALLED, CALLER, TOKEN, FakeApplication

LINE, SHOP = CALLED, CALLER
ALL = ["initiated", "ringing", "answered", "completed"]
LONG = "<Say>您好</Say><Pause length='30'/>"


class PlacedCalls:
    """An account whose calls run as fast as they can, and the calls it placed."""

    def __init__(self, application: FakeApplication) -> None:
        self.application = application
        self.account = Account("", "AC" + "0" * 32, TOKEN)
        self.calls: list[SimulatedCall] = []
        place = call_placer(self.account, pace=AS_FAST_AS_POSSIBLE)

        def placed(request: CallRequest) -> SimulatedCall:
            self.calls.append(place(request))
            return self.calls[-1]

        self.server = RestServer(create_rest(self.account, placed), "127.0.0.1", 0)

    def post(self, path: str, **form: object) -> requests.Response:
        auth = (self.account.sid, TOKEN)
        url = self.server.url + API.replace("<account_sid>", self.account.sid)
        return requests.post(f"{url}/{path}", data=form, auth=auth, timeout=10)

    def get(self, path: str, **asked: str) -> requests.Response:
        url = self.server.url + API.replace("<account_sid>", self.account.sid)
        return requests.get(f"{url}/{path}", params=asked, auth=(self.account.sid, TOKEN), timeout=10)

    def ring(self, **more: object) -> dict[str, object]:
        url = self.application.url
        form = {"From": LINE, "To": SHOP, "Url": f"{url}/answered", "StatusCallback": f"{url}/status", **more}
        answer = self.post("Calls.json", **form)
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def finish(self) -> SimulatedCall:
        self.calls[-1].join(20)
        assert self.calls[-1].ended
        assert not self.application.unsigned
        return self.calls[-1]

    def told(self) -> list[str]:
        return [form["CallStatus"] for path, form in self.application.requests if path == "/status"]


@pytest.fixture
def outgoing(fake_app: FakeApplication):
    outgoing = PlacedCalls(fake_app)
    with outgoing.server:
        yield outgoing


def test_a_party_that_answers_is_led_by_the_application_and_its_end_is_told(outgoing, fake_app):
    outgoing.account.parties[SHOP] = CalledParty("answered", after_ms=2_000)
    fake_app.answers["/answered"] = "<Say>您好</Say><Hangup/>"
    placed = outgoing.ring()
    assert (placed["from"], placed["to"], placed["direction"]) == (LINE, SHOP, "outbound-api")
    call = outgoing.finish()
    first = fake_app.form("/answered")
    assert (first["From"], first["To"], first["CallStatus"]) == (LINE, SHOP, "in-progress")
    assert first["CallSid"] == placed["sid"] == call.sid
    assert "AnsweredBy" not in first
    assert outgoing.told() == ["completed"]


@pytest.mark.parametrize("outcome", ["busy", "no-answer", "failed"])
def test_a_party_that_is_not_reached_is_told_of_and_never_led(outgoing, fake_app, outcome):
    outgoing.account.parties[SHOP] = CalledParty(outcome)
    outgoing.ring(StatusCallbackEvent=ALL)
    assert outgoing.finish().status == outcome
    assert outcome in outgoing.told()
    assert "completed" not in outgoing.told()
    assert "/answered" not in fake_app.paths()


def test_a_number_nobody_has_rings_as_long_as_asked(outgoing):
    outgoing.ring(Timeout=25)
    call = outgoing.finish()
    assert call.status == "no-answer"
    assert 25_000 <= call.now_ms <= 25_100


def test_a_party_that_is_too_slow_is_not_reached(outgoing):
    outgoing.account.parties[SHOP] = CalledParty("answered", after_ms=30_000)
    outgoing.ring(Timeout=20)
    assert outgoing.finish().status == "no-answer"


@pytest.mark.parametrize(
    ("outcome", "detection", "answered_by"),
    [
        ("answered", "Enable", "human"),
        ("answered", "DetectMessageEnd", "human"),
        ("machine", "Enable", "machine_start"),
        ("machine", "DetectMessageEnd", "machine_end_beep"),
    ],
)
def test_who_answers_is_found_out_before_the_application_is_asked(outgoing, fake_app, outcome, detection, answered_by):
    outgoing.account.parties[SHOP] = CalledParty(outcome)
    outgoing.ring(MachineDetection=detection)
    outgoing.finish()
    assert fake_app.form("/answered")["AnsweredBy"] == answered_by
    assert fake_app.form("/status")["AnsweredBy"] == answered_by


def test_every_event_asked_for_is_told(outgoing, fake_app):
    outgoing.account.parties[SHOP] = CalledParty("answered")
    outgoing.ring(StatusCallbackEvent=ALL)
    outgoing.finish()
    assert sorted(outgoing.told()) == ["completed", "in-progress", "initiated", "ringing"]
    numbers = [form["SequenceNumber"] for path, form in fake_app.requests if path == "/status"]
    assert sorted(numbers) == ["0", "1", "2", "3"]


def test_who_picks_up_presses_what_is_asked_for(outgoing, fake_app):
    fake_app.answers["/answered"] = "<Gather action='/said'><Say>您是店主吗？是请按一。</Say></Gather>"
    fake_app.answers["/said"] = "<Say>好的</Say><Hangup/>"
    outgoing.account.parties[SHOP] = CalledParty("answered", make_callee=lambda: ScriptedCallee([("店主", "1#")]))
    outgoing.ring()
    outgoing.finish()
    assert fake_app.form("/said")["Digits"] == "1"


def test_a_call_that_only_rings_can_be_cancelled_and_one_that_talks_cannot(outgoing, fake_app):
    # Call time runs as fast as it can here, so the ringing must be very long to last until it is cancelled.
    outgoing.ring(Timeout=3_000_000)
    sid = outgoing.calls[-1].sid
    assert outgoing.post(f"Calls/{sid}.json", Status="canceled").status_code == 200
    assert outgoing.finish().status == "canceled"
    assert outgoing.told() == ["canceled"]
    talking = threading.Event()
    fake_app.answers["/answered"] = lambda form: talking.set() or "<Pause length='3000000'/>"
    outgoing.account.parties[SHOP] = CalledParty("answered")
    outgoing.ring()
    assert talking.wait(10)
    sid = outgoing.calls[-1].sid
    outgoing.post(f"Calls/{sid}.json", Status="canceled")
    assert outgoing.calls[-1].status == "in-progress"
    outgoing.post(f"Calls/{sid}.json", Status="completed")
    assert outgoing.finish().status == "completed"


def test_the_calls_of_a_number_are_listed_latest_first(outgoing):
    for number in (SHOP, "+8613800000099", SHOP):
        outgoing.ring(To=number)
        outgoing.finish()
    listed = outgoing.get("Calls.json", To=SHOP, From=LINE).json()["calls"]
    assert [call["sid"] for call in listed] == [outgoing.calls[2].sid, outgoing.calls[0].sid]
    assert {call["status"] for call in listed} == {"no-answer"}


@pytest.mark.parametrize(
    ("change", "code"), [({"To": "13800000012"}, 21211), ({"To": ""}, 21201), ({"Url": "ftp://x"}, 21205)]
)
def test_a_call_that_cannot_be_placed_is_refused_as_twilio_does(outgoing, change, code):
    form = {"From": LINE, "To": SHOP, "Url": f"{outgoing.application.url}/answered", **change}
    answer = outgoing.post("Calls.json", **form)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert outgoing.calls == []


def test_who_is_at_which_number_stands_in_a_file(tmp_path: Path) -> None:
    file = tmp_path / "parties.yaml"
    file.write_text('"+8613800000012": {outcome: answered, after_ms: 500, answers: [{says: 店主, keys: "1"}]}\n')
    [(number, party)] = read_parties(file).items()
    assert (number, party.outcome, party.after_ms, party.picks_up) == (SHOP, "answered", 500, True)
    assert party.make_callee is not None
    for wrong, sentence in (("{outcome: gone}", "must be one of answered"), ("{outcome: busy, answers: 1}", "answers")):
        file.write_text(f'"+8613800000012": {wrong}\n')
        with pytest.raises(ScriptError, match=sentence):
            read_parties(file)
