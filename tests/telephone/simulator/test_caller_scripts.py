"""Caller scripts: their promises, and the message when a call does not go as scripted."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from simulator.__main__ import main
from simulator.events import (
    CallerFinished,
    Event,
    SpeakingStopped,
)
from simulator.inbound_calls import IncomingNumber, dial_in, play
from simulator.pace import AS_FAST_AS_POSSIBLE, Pace
from simulator.script import ScriptError, read_script
from tests.support.fake_application import CALLED, CALLER, VALID_SCRIPT, VOICE, FakeApplication, events_of, when_quiet


def write(folder: Path, text: str) -> Path:
    path = folder / "call.yaml"
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("# A caller who only keys.\n", "", "does not begin with a comment"),
        ('from: "+8613800000012"', "from: 13800000012", "from must be a telephone number"),
        ("steps:", "stages:", "has stages, which is not among"),
        ("steps:", "media_faults: [noise]\nsteps:", "media_faults must be a list of suppresses_silence"),
        ("expect: 请 按 键", "hear: 请按键", "step 1 has hear"),
        ('"2468#"', '"24a8#"', "step 2: keys may hold"),
        ('"2468#"', "2468", "step 2: keys must be text in quotes"),
        ("within_ms: 5000", "within_ms: soon", "step 2: within_ms must be a whole number"),
        ('"/[五5]条/"', '"/[五5条/"', "step 2: expect: the pattern"),
        ('keys: "2468#"', "say: missing.ulaw", "step 2: the audio file"),
        ('keys: "2468#"', "barge_in: true", "step 2: barge_in without"),
        ("line_hangs_up: true", "line_hangs_up: maybe", "step 3: line_hangs_up must be true or false"),
        ("line_hangs_up: true", "wait_ms: 0", "step 3: wait_ms must be"),
        ("line_hangs_up: true", "hang_up: false", "step 3: nothing happens"),
        ("  - line", "  -\t- line", "is no YAML"),
    ],
)
def test_a_script_that_cannot_be_played_says_where_and_why(tmp_path, was, now, says):
    assert was in VALID_SCRIPT
    with pytest.raises(ScriptError) as refused:
        read_script(write(tmp_path, VALID_SCRIPT.replace(was, now)))
    assert says in str(refused.value)
    assert "call.yaml" in str(refused.value)


def keyed_order(fake_app: FakeApplication) -> None:
    fake_app.answers["/voice/incoming"] = '<Gather action="/voice/turn"><Say>请按键</Say></Gather>'
    fake_app.answers["/voice/turn"] = "<Say>好的，五条</Say><Hangup/>"


def test_a_script_is_played_to_its_end(account, fake_app, tmp_path):
    keyed_order(fake_app)
    script = read_script(write(tmp_path, VALID_SCRIPT))
    assert (
        play(script, account, IncomingNumber.at(fake_app.url), pace=AS_FAST_AS_POSSIBLE, listener=lambda event: None)
        == ""
    )
    assert fake_app.form("/voice/turn")["Digits"] == "2468"


@pytest.mark.parametrize(
    ("answer", "says"),
    [
        (
            "<Say>抱歉，我没听清楚。</Say><Pause length='90'/>",
            "step 2: waited for «好的» for 60 s in vain; the line said: 抱歉",
        ),
        (
            "<Pause length='60'/><Say>好的</Say>",
            "step 2: waited for an answer for 500 ms in vain; the line said nothing",
        ),
        ("<Say>抱歉</Say><Hangup/>", "step 2: waited for «好的», but the call was over; the line said: 抱歉"),
        ("<Say>好的，五条</Say><Pause length='90'/>", "step 3: waited for the line to hang up for 60 s in vain"),
        ("<?xml version='1.0'?><nix/>", "error 12100"),
    ],
)
def test_what_does_not_come_is_said_in_a_sentence(account, fake_app, tmp_path, answer, says):
    keyed_order(fake_app)
    fake_app.answers["/voice/turn"] = answer
    script = read_script(write(tmp_path, VALID_SCRIPT.replace("5000", "500")))
    pace = AS_FAST_AS_POSSIBLE if "500 ms" not in says else Pace(20)
    verdict = play(script, account, IncomingNumber.at(fake_app.url), pace=pace, listener=lambda event: None)
    assert says in verdict


def test_a_caller_speaks_when_the_line_has_ended_unless_told_to_barge_in(account, fake_app, tmp_path):
    (tmp_path / "hello.ulaw").write_bytes(VOICE)
    fake_app.answers["/voice/incoming"] = "<Gather timeout='4'><Say>请问您需要什么烟，需要多少？</Say></Gather>"
    steps = "steps:\n  - expect: 什么烟\n  - say: hello.ulaw\n    words: 喂\n"
    head = VALID_SCRIPT[: VALID_SCRIPT.index("steps:")]
    for extra, ends_before_prompt in (("", False), ("    barge_in: true\n", True)):
        events: list[Event] = []
        script = read_script(write(tmp_path, head + steps + extra))
        assert (
            play(script, account, IncomingNumber.at(fake_app.url), pace=AS_FAST_AS_POSSIBLE, listener=events.append)
            == ""
        )
        finished, stopped = events_of(CallerFinished, events)[0], events_of(SpeakingStopped, events)[0]
        assert (finished.at_ms < stopped.at_ms) is ends_before_prompt


def test_the_wait_for_a_reply_begins_when_the_caller_has_finished(account, fake_app, tmp_path):
    (tmp_path / "hello.ulaw").write_bytes(VOICE)
    greeting = "您好，演示烟草一号订货员为您服务，您的客户代码是多少？"
    fake_app.answers["/voice/incoming"] = f"<Say>{greeting}</Say><Pause length='2'/><Say>请讲</Say><Pause length='2'/>"
    steps = "steps:\n  - expect: 您好\n  - say: hello.ulaw\n    expect: 请讲\n    within_ms: 300\n"
    script = read_script(write(tmp_path, VALID_SCRIPT[: VALID_SCRIPT.index("steps:")] + steps))
    assert play(script, account, IncomingNumber.at(fake_app.url), pace=Pace(10), listener=lambda event: None) == ""


def test_the_command_prints_the_conversation(fake_app, tmp_path):
    keyed_order(fake_app)
    arguments = [
        "call",
        str(write(tmp_path, VALID_SCRIPT)),
        "--url",
        fake_app.url,
        "--rest-port",
        "0",
        "--speed",
        "max",
        "-v",
    ]
    ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code == 0, ran.output
    for line in (
        "call: A caller who only keys.",
        "line    请按键",
        "caller  keys 2468#",
        "好的，五条",
        "<Gather",
        "POST",
    ):
        assert line in ran.output
    assert ran.output.index("keys 2468#") < ran.output.index("好的，五条")


def test_the_command_fails_with_a_sentence(fake_app, tmp_path):
    keyed_order(fake_app)
    script = write(tmp_path, VALID_SCRIPT.replace("好的", "不好"))
    arguments = ["call", str(script), "--url", fake_app.url, "--rest-port", "0", "--speed", "max"]
    ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code == 1
    assert "The call call failed: step 2: waited for «不好»" in ran.output
    missing = CliRunner().invoke(main, ["call", str(tmp_path / "no.yaml")])
    assert missing.exit_code == 2
    assert "cannot be read" in missing.output


def test_a_taken_port_is_said_so(account, fake_app, tmp_path):
    port = account.api_base.rpartition(":")[2]
    ran = CliRunner().invoke(main, ["call", str(write(tmp_path, VALID_SCRIPT)), "--rest-port", port])
    assert ran.exit_code == 2
    assert f"Port {port} of 127.0.0.1 is taken" in ran.output


def test_a_wrong_token_is_refused_by_the_application(fake_app, tmp_path):
    keyed_order(fake_app)
    arguments = [
        "call",
        str(write(tmp_path, VALID_SCRIPT)),
        "--url",
        fake_app.url,
        "--rest-port",
        "0",
        "--speed",
        "max",
    ]
    CliRunner().invoke(main, [*arguments, "--token", "somebody else's"])
    assert fake_app.unsigned


def test_calls_run_side_by_side(account, fake_app):
    keyed_order(fake_app)
    calls = [
        dial_in(
            account, IncomingNumber.at(fake_app.url), CALLER, CALLED, pace=AS_FAST_AS_POSSIBLE, listener=lambda e: None
        )
        for _ in range(5)
    ]
    for call in calls:
        call.accompany(when_quiet(lambda call: call.press("1#"))(call))
        call.start()
    for call in calls:
        call.join(10)
    assert {call.status for call in calls} == {"completed"}
    assert len([path for path in fake_app.paths() if path == "/voice/turn"]) == 5
