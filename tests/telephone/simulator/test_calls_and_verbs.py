"""The Twilio simulator: a call from ringing to its end, and each verb."""

from __future__ import annotations

import contextlib
import time

import pytest
import requests
from flask import Response
from hypothesis import given
from hypothesis import strategies as st

from simulator.call import SimulatedCall
from simulator.events import (
    DebuggerAlert,
    Ended,
    Event,
    KeyPressed,
    Said,
    SpeakingStopped,
)
from simulator.inbound_calls import IncomingNumber, dial_in
from simulator.mulaw import RATE, SILENCE
from simulator.pace import AS_FAST_AS_POSSIBLE, Steps
from simulator.speaking_time import part_said, spoken_ms
from simulator.twiml_parser import TwimlError, read_twiml
from tests.support.fake_application import CALLED, CALLER, VOICE, after_ms, events_of, run_call, texts, when_quiet

# A call from ringing to its end.


def test_a_call_is_announced_with_twilios_parameters_and_its_end_is_told(account, fake_app):
    fake_app.answers["/voice/incoming"] = "<Say>您好</Say><Hangup/>"
    call, events = run_call(account, fake_app)
    first = fake_app.form("/voice/incoming")
    assert first == {
        "AccountSid": account.sid,
        "ApiVersion": "2010-04-01",
        "CallSid": call.sid,
        "CallStatus": "ringing",
        "Called": CALLED,
        "Caller": CALLER,
        "Direction": "inbound",
        "From": CALLER,
        "To": CALLED,
    }
    last = fake_app.form("/voice/status")
    assert (last["CallStatus"], last["CallDuration"], last["CallSid"]) == ("completed", "0", call.sid)
    assert texts(events) == ["您好"]
    assert events_of(Ended, events) == [Ended(call.now_ms, "line", "completed")]


def test_a_document_that_ends_ends_the_call(account, fake_app):
    fake_app.answers["/voice/incoming"] = "<Say>您好</Say>"
    _, events = run_call(account, fake_app)
    assert events_of(Ended, events)[0].by == "line"


def test_a_rejected_call_is_never_answered(account, fake_app):
    fake_app.answers["/voice/incoming"] = '<Reject reason="busy"/>'
    call, _ = run_call(account, fake_app)
    assert call.status == "busy"
    assert fake_app.form("/voice/status")["CallStatus"] == "busy"


def test_a_voice_takes_as_long_as_a_voice_takes(account, fake_app):
    fake_app.answers["/voice/incoming"] = "<Say>您好，请说。</Say><Pause length='2'/><Say>再见</Say>"
    _, events = run_call(account, fake_app)
    first, second = events_of(Said, events)
    assert first.duration_ms == spoken_ms("您好，请说。") == 4 * 222 + 220 + 450
    assert second.at_ms - first.at_ms == pytest.approx(first.duration_ms + 2_000, abs=60)


@given(st.text(alphabet="红塔山利群1234567890条，。ABCabc ", max_size=60), st.integers(0, 20_000))
def test_what_was_said_so_far_is_a_beginning_that_fits_the_time(text, after):
    said = part_said(text, after)
    assert text.startswith(said)
    assert spoken_ms(said) <= after


def test_redirect_goes_on_at_an_address_relative_to_the_document(account, fake_app):
    fake_app.answers["/voice/incoming"] = "<Redirect>turn?n=1</Redirect><Say>不会说</Say>"
    fake_app.answers["/voice/turn"] = '<Redirect method="GET">/other</Redirect>'
    fake_app.answers["/other"] = "<Say>到了</Say>"
    _, events = run_call(account, fake_app)
    assert fake_app.form("/voice/turn")["n"] == "1"
    assert fake_app.form("/voice/turn")["CallStatus"] == "in-progress"
    assert texts(events) == ["到了"]


def test_the_caller_hanging_up_ends_everything_at_once(account, fake_app):
    fake_app.answers["/voice/incoming"] = '<Gather action="/voice/turn"><Say>请问您需要什么烟？</Say></Gather>'
    _, events = run_call(account, fake_app, after_ms(500, SimulatedCall.hang_up))
    assert events_of(SpeakingStopped, events)[0].cut_short
    assert events_of(Ended, events)[0].by == "caller"
    assert fake_app.paths() == ["/voice/incoming", "/voice/status"]


# Refusals by Twilio.


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("<?xml version='1.0'?><Response><Say>没完", 12100),
        ("<?xml version='1.0'?><Wrong/>", 12100),
        (lambda form: Response("<Response/>", content_type="application/json"), 12300),
        (lambda form: Response("kaputt", status=500), 11200),
        (lambda form: Response("forbidden", status=403), 11200),
    ],
)
def test_an_answer_twilio_cannot_use_ends_the_call_with_its_error(account, fake_app, answer, code):
    fake_app.answers["/voice/incoming"] = answer
    _, events = run_call(account, fake_app)
    assert [problem.code for problem in events_of(DebuggerAlert, events)] == [code]
    assert events_of(Ended, events)[0].by == "failure"


@pytest.mark.parametrize(
    ("markup", "what"),
    [
        ("<Shout>喂</Shout>", "<Shout> does not belong"),
        ("<Say volume='11'>喂</Say>", "no attribute volume"),
        ("<Gather timeout='0.5'/>", 'timeout="0.5"'),
        ("<Gather numDigits='0'/>", 'numDigits="0"'),
        ("<Gather finishOnKey='##'/>", 'finishOnKey="##"'),
        ("<Gather><Record/></Gather>", "<Record> does not belong into <Gather>"),
        ("<Say></Say>", "without words"),
        (f"<Say>{'好' * 4097}</Say>", "4097 characters"),
    ],
)
def test_a_flaw_is_put_on_record_and_the_call_goes_on(markup, what):
    document = read_twiml(f"<Response>{markup}<Hangup/></Response>".encode(), "text/xml")
    assert what in document.warnings[0].message
    assert document.verbs[-1].name == "Hangup"


def test_ssml_inside_say_is_spoken_without_its_marks():
    document = read_twiml(
        "<Response><Say>您好<break time='1s'/> 请<emphasis>说</emphasis></Say></Response>".encode(), "text/xml"
    )
    assert document.verbs[0].text == "您好 请说"
    assert not document.warnings


@given(st.binary(max_size=40))
def test_no_answer_whatever_breaks_the_reader(body):
    with contextlib.suppress(TwimlError):
        read_twiml(body, "text/xml")


def test_an_application_that_cannot_be_reached_is_told_apart(account, fake_app):
    events: list[Event] = []
    nowhere = IncomingNumber("http://127.0.0.1:9/voice/incoming", "")
    dial_in(account, nowhere, CALLER, CALLED, pace=AS_FAST_AS_POSSIBLE, listener=events.append).run()
    [problem] = events_of(DebuggerAlert, events)
    assert problem.code == 11200
    assert "refused" in problem.message


def test_a_document_that_cannot_be_had_is_replaced_by_the_one_at_the_fallback_address(account, fake_app):
    fake_app.answers["/voice/incoming"] = lambda form: (
        "<Say>再来一次</Say>" if "ErrorUrl" in form else "<Redirect>/b</Redirect>"
    )
    fake_app.answers["/b"] = lambda form: Response("kaputt", status=502)
    _, events = run_call(account, fake_app)
    assert texts(events) == ["再来一次"]
    assert fake_app.form("/voice/incoming")["ErrorCode"] == "11200"


def test_a_notification_is_repeated_as_its_address_says(account, fake_app):
    answers = iter([503, 503, 200])
    fake_app.answers["/voice/status"] = lambda form: Response("", status=next(answers))
    run_call(account, fake_app)
    assert fake_app.paths().count("/voice/status") == 3


# Gather.


def gather(attributes: str, inside: str = "<Say>请按键</Say>") -> str:
    return f'<Gather input="dtmf" action="/voice/turn?n=1" {attributes}>{inside}</Gather><Say>没有按键</Say>'


@pytest.mark.parametrize(
    ("attributes", "pressed", "digits", "ended_by"),
    [
        ("", "2468#", "2468", "#"),
        ('finishOnKey="*"', "24#8*", "24#8", "*"),
        ('finishOnKey=""', "1203*5#", "1203*5#", ""),
        ('numDigits="4"', "2468", "2468", ""),
        ('numDigits="4" finishOnKey="#"', "24#", "24", "#"),
        ("", "12", "12", ""),
        ('actionOnEmptyResult="true"', "#", "", "#"),
    ],
)
def test_gather_hands_over_the_keys(account, fake_app, attributes, pressed, digits, ended_by):
    fake_app.answers["/voice/incoming"] = gather(attributes)
    _, events = run_call(account, fake_app, when_quiet(lambda call: call.press(pressed)))
    assert fake_app.form("/voice/turn").items() >= {"Digits": digits, "FinishedOnKey": ended_by}.items()
    assert "没有按键" not in texts(events)
    assert all(key.taken for key in events_of(KeyPressed, events))


def test_a_key_breaks_off_the_prompt(account, fake_app):
    fake_app.answers["/voice/incoming"] = gather(
        'numDigits="1"', "<Say>人工服务请按零。</Say><Say>重听请按星号键。</Say>"
    )
    _, events = run_call(account, fake_app, after_ms(600, lambda call: call.press("0")))
    [stopped] = events_of(SpeakingStopped, events)
    assert stopped.cut_short
    assert stopped.heard == "人工"
    assert texts(events) == ["人工服务请按零。"]
    assert fake_app.form("/voice/turn")["Digits"] == "0"


def test_gather_waits_out_its_timeout_after_the_prompt_and_goes_on(account, fake_app):
    fake_app.answers["/voice/incoming"] = gather('timeout="3"')
    _, events = run_call(account, fake_app)
    assert texts(events) == ["请按键", "没有按键"]
    prompt, after = events_of(Said, events)
    assert after.at_ms - prompt.at_ms == pytest.approx(prompt.duration_ms + 3_000, abs=60)
    assert "/voice/turn" not in fake_app.paths()


def test_each_key_restarts_the_timeout(account, fake_app):
    fake_app.answers["/voice/incoming"] = gather('timeout="2"', "")

    def slowly(call: SimulatedCall) -> Steps[None]:
        for key in "123":
            yield from call.wait_ms(1_500)
            call.press(key)

    run_call(account, fake_app, slowly)
    assert fake_app.form("/voice/turn")["Digits"] == "123"


def test_gather_reports_silence_where_it_is_asked_to(account, fake_app):
    fake_app.answers["/voice/incoming"] = gather('timeout="1" actionOnEmptyResult="true"')
    _, events = run_call(account, fake_app)
    assert fake_app.form("/voice/turn")["Digits"] == ""
    assert texts(events) == ["请按键"]


def test_only_the_finishing_key_is_no_input(account, fake_app):
    fake_app.answers["/voice/incoming"] = gather("")
    _, events = run_call(account, fake_app, when_quiet(lambda call: call.press("#")))
    assert texts(events) == ["请按键", "没有按键"]


def test_keys_outside_a_gather_are_nobodys(account, fake_app):
    fake_app.answers["/voice/incoming"] = "<Say>请稍等，正在为您查询。</Say>" + gather('timeout="1"', "")
    _, events = run_call(account, fake_app, after_ms(200, lambda call: call.press("9")))
    assert [key.taken for key in events_of(KeyPressed, events)] == [False]
    assert "/voice/turn" not in fake_app.paths()


# Record.


def test_a_recording_ends_with_silence_and_can_be_fetched_and_deleted(account, fake_app):
    fake_app.answers["/voice/incoming"] = (
        '<Record action="/voice/turn" timeout="2" playBeep="false" recordingStatusCallback="/recorded"/>'
    )

    def speak(call: SimulatedCall) -> Steps[None]:
        yield from call.wait_ms(500)
        call.speak(VOICE + SILENCE * 25 + VOICE)

    run_call(account, fake_app, speak)
    form = fake_app.form("/voice/turn")
    assert form["RecordingDuration"] == "2"
    assert "Digits" not in form
    assert fake_app.form("/recorded")["RecordingStatus"] == "completed"
    url = form["RecordingUrl"]
    assert url == f"{account.api_base}/2010-04-01/Accounts/{account.sid}/Recordings/{form['RecordingSid']}"
    auth = (account.sid, account.auth_token)
    deadline = time.monotonic() + 2
    while (sound := requests.get(url + ".wav", auth=auth, timeout=5)).status_code == 404:
        assert time.monotonic() < deadline
    assert sound.content[:4] == b"RIFF"
    assert len(sound.content) == pytest.approx(44 + 2.5 * RATE * 2, abs=700)
    assert requests.get(url + ".json", auth=auth, timeout=5).json()["duration"] == "2"
    assert requests.get(url, timeout=5).status_code == 401
    assert requests.delete(url + ".json", auth=auth, timeout=5).status_code == 204
    assert requests.get(url, auth=auth, timeout=5).json()["code"] == 20404


def test_a_key_ends_a_recording_and_is_told(account, fake_app):
    fake_app.answers["/voice/incoming"] = '<Record action="/voice/turn" finishOnKey="#"/>'

    def speak_then_key(call: SimulatedCall) -> Steps[None]:
        yield from call.wait_ms(600)
        call.speak(VOICE)
        yield from call.wait_ms(1200)
        call.press("5#")

    run_call(account, fake_app, speak_then_key)
    assert fake_app.form("/voice/turn")["Digits"] == "#"


def test_a_recording_of_nothing_asks_nobody(account, fake_app):
    fake_app.answers["/voice/incoming"] = '<Record action="/voice/turn" timeout="2"/><Say>没有声音</Say>'
    _, events = run_call(account, fake_app)
    assert texts(events)[-1] == "没有声音"
    assert "/voice/turn" not in fake_app.paths()


def test_a_recording_stops_at_its_greatest_length(account, fake_app):
    fake_app.answers["/voice/incoming"] = '<Record action="/voice/turn" maxLength="2" playBeep="false"/>'
    run_call(account, fake_app, after_ms(0, lambda call: call.speak(VOICE * 5)))
    assert fake_app.form("/voice/turn")["RecordingDuration"] == "2"


def test_hanging_up_during_a_recording_hands_it_over_all_the_same(account, fake_app):
    fake_app.answers["/voice/incoming"] = '<Record action="/voice/turn" playBeep="false"/>'

    def speak_and_go(call: SimulatedCall) -> Steps[None]:
        call.speak(VOICE)
        yield from call.wait_ms(1500)
        call.hang_up()

    run_call(account, fake_app, speak_and_go)
    form = fake_app.form("/voice/turn")
    assert (form["Digits"], form["CallStatus"]) == ("hangup", "completed")
