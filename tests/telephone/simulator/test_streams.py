"""The Twilio simulator: media streams, the REST interface, queues and other parties."""

from __future__ import annotations

import base64
import json
import threading
import time
from typing import Any, get_args

import numpy as np
import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from twilio.base.exceptions import TwilioRestException
from twilio.rest import Client

from simulator.account import Account, CalledParty
from simulator.call import SimulatedCall
from simulator.events import (
    DebuggerAlert,
    Ended,
    Fetched,
    LeftQueue,
    Queued,
    Said,
    SpeakingStopped,
    StreamChanged,
)
from simulator.media_faults import HANGOVER_MS, MediaFault
from simulator.mulaw import SILENCE, LineNoise, loudness, to_mulaw, to_pcm
from simulator.pace import Pace, Steps
from simulator.telephone import KEY_MS, Telephone
from tests.support.fake_application import VOICE, FakeApplication, after_ms, events_of, run_call, texts, when_quiet

# Media streams.

STREAM = (
    '<Start><Stream name="ear" url="{ws}/socket"><Parameter name="token" value="geheim"/></Stream></Start>'
    '<Gather timeout="2" action="/voice/turn"><Say>请说。</Say></Gather>'
)


def messages_into(fake_app: FakeApplication) -> list[dict[str, Any]]:
    received: list[dict[str, Any]] = []

    def listen(ws: Any) -> None:
        while True:
            received.append(json.loads(ws.receive(timeout=10)))
            if received[-1]["event"] == "stop":
                return

    fake_app.on_stream = listen
    return received


def test_a_stream_carries_the_callers_voice_as_twilio_does(account, fake_app):
    received = messages_into(fake_app)
    fake_app.answers["/voice/incoming"] = STREAM.format(ws=fake_app.url.replace("http", "ws"))
    call, events = run_call(account, fake_app, when_quiet(lambda call: call.speak(VOICE)), pace=Pace(20))
    connected, start, *media, stop = received
    assert connected == {"event": "connected", "protocol": "Call", "version": "1.0.0"}
    stream_sid = start["streamSid"]
    assert start == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": stream_sid,
        "start": {
            "accountSid": account.sid,
            "streamSid": stream_sid,
            "callSid": call.sid,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"token": "geheim"},
        },
    }
    assert stream_sid.startswith("MZ")
    assert len(stream_sid) == 34
    assert {message["event"] for message in media} == {"media"}
    assert [message["sequenceNumber"] for message in media] == [str(n) for n in range(2, len(media) + 2)]
    assert [message["media"]["chunk"] for message in media] == [str(n) for n in range(1, len(media) + 1)]
    assert [int(message["media"]["timestamp"]) for message in media] == [20 * n for n in range(len(media))]
    frames = [base64.b64decode(message["media"]["payload"]) for message in media]
    assert {len(frame) for frame in frames} == {160}
    assert VOICE in b"".join(frames)
    assert stop["stop"] == {"accountSid": account.sid, "callSid": call.sid}
    assert [event.state for event in events_of(StreamChanged, events)] == ["started", "stopped"]


def test_a_faulty_carrier_suppresses_silence_and_sends_speech_out_of_order_and_twice(account, fake_app):
    received = messages_into(fake_app)
    fake_app.answers["/voice/incoming"] = STREAM.format(ws=fake_app.url.replace("http", "ws"))

    def speak(call: SimulatedCall) -> Steps[None]:
        call.media_faults = frozenset(get_args(MediaFault)) - {"loses"}
        yield from when_quiet(lambda call: call.speak(VOICE))(call)

    run_call(account, fake_app, speak, pace=Pace(20))
    media = [message["media"] for message in received if message["event"] == "media"]
    sent = [int(frame["timestamp"]) for frame in media]
    assert len(set(sent)) <= (1_000 + HANGOVER_MS) / 20 + 3
    assert sent != sorted(sent)
    assert len(sent) > len(set(sent))
    in_order = {int(frame["timestamp"]): base64.b64decode(frame["payload"]) for frame in media}
    assert VOICE in b"".join(in_order[at] for at in sorted(in_order))


def test_frames_are_paced_in_real_time(account, fake_app):
    received = messages_into(fake_app)
    fake_app.answers["/voice/incoming"] = STREAM.format(ws=fake_app.url.replace("http", "ws"))
    begun = time.monotonic()
    call, _ = run_call(account, fake_app, after_ms(1_000, SimulatedCall.hang_up), pace=Pace(1))
    assert time.monotonic() - begun == pytest.approx(call.now_ms / 1000, abs=0.3)
    assert 35 <= sum(message["event"] == "media" for message in received) <= 50


def test_a_quiet_line_is_never_digital_silence():
    noise = LineNoise(seed=1)
    frames = [noise.frame() for _ in range(100)]
    assert SILENCE not in frames
    assert max(loudness(frame) for frame in frames) < 20


@pytest.mark.parametrize(("key", "low", "high"), [("1", 697, 1209), ("5", 770, 1336), ("#", 941, 1477)])
def test_a_key_sounds_on_the_line_as_its_two_tones(key, low, high):
    telephone = Telephone()
    telephone.key(key, KEY_MS)
    assert telephone.due_key(0) == key
    sound = b"".join(telephone.frame() for _ in range(5))
    spectrum = np.abs(np.fft.rfft(to_pcm(sound)))
    loudest = sorted(10 * int(place) for place in np.argsort(spectrum)[-2:])
    assert loudest == pytest.approx([low, high], abs=10)
    assert loudness(telephone.frame()) < 20


@given(st.binary(min_size=1, max_size=200))
def test_mulaw_survives_being_taken_apart(sound):
    assert to_pcm(to_mulaw(to_pcm(sound).astype(float))).tolist() == to_pcm(sound).tolist()


def test_a_socket_that_refuses_is_reported(account, fake_app):
    fake_app.answers["/voice/incoming"] = STREAM.format(ws=fake_app.url.replace("http", "ws")).replace(
        "/socket", "/nothing"
    )
    _, events = run_call(account, fake_app, pace=Pace(20))
    assert events_of(DebuggerAlert, events)[0].code == 31920
    assert texts(events) == ["请说。"]


def test_a_message_on_a_one_way_stream_is_refused(account, fake_app):
    fake_app.on_stream = lambda ws: (ws.send("{}"), ws.receive(timeout=5))
    fake_app.answers["/voice/incoming"] = STREAM.format(ws=fake_app.url.replace("http", "ws"))
    _, events = run_call(account, fake_app, pace=Pace(20))
    assert events_of(DebuggerAlert, events)[0].code == 31924


def test_stop_ends_the_stream_of_that_name(account, fake_app):
    received = messages_into(fake_app)
    fake_app.answers["/voice/incoming"] = STREAM.format(ws=fake_app.url.replace("http", "ws")) + (
        '<Stop><Stream name="ear"/></Stop><Say>再见，谢谢您。</Say>'
    )
    _, events = run_call(account, fake_app, pace=Pace(20))
    stopped = events_of(StreamChanged, events)[1]
    assert stopped.at_ms < events_of(Said, events)[-1].at_ms + 40
    assert received[-1]["event"] == "stop"


def test_a_stream_both_ways_plays_marks_and_tells_keys(account, fake_app):
    received: list[dict[str, Any]] = []

    def talk(ws: Any) -> None:
        ws.receive(timeout=5)
        sid = json.loads(ws.receive(timeout=5))["streamSid"]
        sound = base64.b64encode(bytes(800)).decode()
        ws.send(json.dumps({"event": "media", "streamSid": sid, "media": {"payload": sound}}))
        ws.send(json.dumps({"event": "mark", "streamSid": sid, "mark": {"name": "said"}}))
        while len(received) < 2:
            message = json.loads(ws.receive(timeout=5))
            if message["event"] in ("mark", "dtmf"):
                received.append(message)

    fake_app.on_stream = talk
    url = fake_app.url.replace("http", "ws")
    fake_app.answers["/voice/incoming"] = f'<Connect><Stream url="{url}/socket"/></Connect><Say>再见</Say>'
    _, events = run_call(account, fake_app, after_ms(400, lambda call: call.press("7")), pace=Pace(4))
    assert {message["event"] for message in received} == {"mark", "dtmf"}
    assert next(message for message in received if message["event"] == "mark")["mark"] == {"name": "said"}
    assert texts(events) == ["[sound]", "再见"]


def test_no_thread_of_a_call_outlives_it(account, fake_app):
    before = set(threading.enumerate())
    messages_into(fake_app)
    fake_app.answers["/voice/incoming"] = STREAM.format(ws=fake_app.url.replace("http", "ws"))
    _, events = run_call(account, fake_app, pace=Pace(20))
    assert events_of(Fetched, events)
    deadline = time.monotonic() + 5
    while any(not thread.name.startswith("Thread-") for thread in set(threading.enumerate()) - before):
        assert time.monotonic() < deadline


# The REST interface.


def client(account: Account) -> Client:
    client = Client(account.sid, account.auth_token)
    client.api.base_url = account.api_base
    return client


def update(account: Account, call: SimulatedCall, **fields: str) -> requests.Response:
    url = f"{account.api_base}/2010-04-01/Accounts/{account.sid}/Calls/{call.sid}.json"
    return requests.post(url, data=fields, auth=(account.sid, account.auth_token), timeout=5)


def test_updating_a_call_breaks_off_what_it_does(account, fake_app):
    fake_app.answers["/voice/incoming"] = "<Gather><Say>请问您需要什么烟？请问您需要什么烟？</Say></Gather>"
    fake_app.answers["/voice/heard"] = "<Say>好的，五条</Say>"
    answers: list[requests.Response] = []
    doing = after_ms(
        1_000, lambda call: answers.append(update(account, call, Url=f"{fake_app.url}/voice/heard", Method="POST"))
    )
    call, events = run_call(account, fake_app, doing, pace=Pace(10))
    assert answers[0].json()["sid"] == call.sid
    assert answers[0].json()["status"] == "in-progress"
    assert events_of(SpeakingStopped, events)[0].cut_short
    assert texts(events)[1:] == ["好的，五条"]
    assert fake_app.paths() == ["/voice/incoming", "/voice/heard", "/voice/status"]


def test_a_call_can_be_given_twiml_or_ended(account, fake_app):
    fake_app.answers["/voice/incoming"] = "<Say>喂</Say><Pause length='60'/>"

    def change(call: SimulatedCall) -> Steps[None]:
        yield from call.wait_ms(500)
        update(account, call, Twiml="<Response><Say>请挂机</Say><Pause length='60'/></Response>")
        yield from call.wait_ms(3_000)
        update(account, call, Status="completed")

    call, events = run_call(account, fake_app, change, pace=Pace(10))
    assert texts(events) == ["喂", "请挂机"]
    assert call.status == "completed"
    assert events_of(Ended, events)[0].by == "line"


def test_refusals_are_worded_as_twilios(account, fake_app):
    fake_app.answers["/voice/incoming"] = "<Hangup/>"
    call, _ = run_call(account, fake_app)
    refused = update(account, call, Url="http://127.0.0.1/x")
    assert refused.status_code == 400
    assert refused.json() == {
        "code": 21220,
        "message": "Call is not in-progress. Cannot redirect.",
        "more_info": "https://www.twilio.com/docs/errors/21220",
        "status": 400,
    }
    assert update(account, call, Url="keine").json()["code"] == 21205
    assert update(account, call, Status="asleep").json()["code"] == 21218
    url = f"{account.api_base}/2010-04-01/Accounts/{account.sid}/Calls/CAnone.json"
    assert requests.get(url, auth=(account.sid, "wrong"), timeout=5).json()["code"] == 20003
    unknown = requests.get(url, auth=(account.sid, account.auth_token), timeout=5)
    assert (unknown.status_code, unknown.json()["code"]) == (404, 20404)


def test_twilios_own_client_reads_our_answers(account, fake_app):
    fake_app.answers["/voice/incoming"] = "<Hangup/>"
    call, _ = run_call(account, fake_app)
    assert client(account).calls(call.sid).fetch().status == "completed"
    with pytest.raises(TwilioRestException, match="not in-progress"):
        client(account).calls(call.sid).update(url="http://127.0.0.1/x")


# Queues and other parties.


def test_a_queued_call_hears_its_wait_url_again_and_again_until_it_leaves(account, fake_app):
    fake_app.answers["/voice/incoming"] = '<Enqueue waitUrl="/wait" action="/left">operators</Enqueue>'
    fake_app.answers["/wait"] = lambda form: "<Leave/>" if int(form["QueueTime"]) > 4 else "<Say>请稍等。</Say><Pause/>"
    fake_app.answers["/left"] = "<Say>请留言</Say>"
    _, events = run_call(account, fake_app)
    assert (
        fake_app.form("/wait").items() >= {"QueuePosition": "1", "CurrentQueueSize": "1", "AvgQueueTime": "0"}.items()
    )
    assert fake_app.form("/wait")["QueueSid"].startswith("QU")
    assert fake_app.form("/left")["QueueResult"] == "leave"
    assert int(fake_app.form("/left")["QueueTime"]) > 4
    assert texts(events)[-2:] == ["请稍等。", "请留言"]
    assert events_of(Queued, events)[0].queue == "operators"


def test_hanging_up_in_a_queue_is_told_to_its_action(account, fake_app):
    fake_app.answers["/voice/incoming"] = '<Enqueue action="/left">operators</Enqueue>'
    _, events = run_call(account, fake_app, after_ms(3_500, SimulatedCall.hang_up))
    assert (
        fake_app.form("/left").items() >= {"QueueResult": "hangup", "CallStatus": "completed", "QueueTime": "3"}.items()
    )
    assert events_of(LeftQueue, events)[0].result == "hangup"
    assert account.queue("operators").waiting == []


def test_a_call_updated_out_of_its_queue_asks_the_action_too_and_follows_the_update(account, fake_app):
    fake_app.answers["/voice/incoming"] = '<Enqueue action="/left">operators</Enqueue>'
    fake_app.answers["/left"] = "<Say>不会说</Say>"
    fake_app.answers["/desk"] = "<Say>订货员为您服务</Say>"
    doing = after_ms(1_000, lambda call: update(account, call, Url=f"{fake_app.url}/desk"))
    _, events = run_call(account, fake_app, doing, pace=Pace(10))
    assert fake_app.form("/left")["QueueResult"] == "redirected"
    assert texts(events) == ["订货员为您服务"]


@pytest.mark.parametrize(
    ("party", "status"),
    [(CalledParty("answered"), "completed"), (CalledParty("busy"), "busy"), (CalledParty("no-answer"), "no-answer")],
)
def test_a_called_party_answers_as_configured(account, fake_app, party, status):
    account.parties["+8613800009999"] = party
    fake_app.answers["/voice/incoming"] = '<Dial action="/dialled" timeout="20"><Number>+8613800009999</Number></Dial>'
    run_call(account, fake_app)
    form = fake_app.form("/dialled")
    assert form["DialCallStatus"] == status
    assert form["DialBridged"] == str(status == "completed").lower()
    assert form.get("DialCallDuration") == ("10" if status == "completed" else None)
