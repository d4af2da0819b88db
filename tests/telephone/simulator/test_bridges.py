"""The Twilio simulator: calls the application places, and bridges between live parties."""

from __future__ import annotations

from collections.abc import Callable

from simulator.account import Account, CalledParty
from simulator.bridge import AudioBridge
from simulator.call import SimulatedCall
from simulator.events import Connected, Disconnected, Event, PartnerSpoke
from simulator.pace import AS_FAST_AS_POSSIBLE, Pace, Steps
from tests.support.fake_application import CALLED, VOICE, FakeApplication, after_ms, events_of, run_call, texts
from tests.support.operator_callee import OperatorCallee
from tests.telephone.simulator.test_streams import client, update


def place_call(account: Account, app: FakeApplication, to: str, path: str = "/placed", **more: object) -> SimulatedCall:
    placed = client(account).calls.create(
        to=to, from_=CALLED, url=app.url + path, status_callback=app.url + "/placed/over", **more
    )
    return account.calls[placed.sid]


def test_a_placed_call_is_led_like_any_other_once_it_is_answered(account, fake_app):
    account.pace = AS_FAST_AS_POSSIBLE
    account.parties["+8613700000001"] = CalledParty("answered", make_callee=lambda: OperatorCallee(keys="1"))
    fake_app.answers["/placed"] = '<Gather numDigits="1" action="/placed/key"><Say>接听请按一。</Say></Gather>'
    fake_app.answers["/placed/key"] = "<Say>好的。</Say>"
    call = place_call(account, fake_app, "+8613700000001")
    call.join(10)
    assert fake_app.form("/placed").items() >= {"Direction": "outbound-api", "To": "+8613700000001"}.items()
    assert fake_app.form("/placed/key")["Digits"] == "1"
    assert fake_app.form("/placed/over")["CallStatus"] == "completed"


def test_who_dials_a_queue_talks_with_the_first_who_waits_there(account, fake_app):
    account.parties["+8613700000001"] = CalledParty(
        "answered", make_callee=lambda: OperatorCallee(keys="", talks_ms=500)
    )
    account.pace = AS_FAST_AS_POSSIBLE
    fake_app.answers["/voice/incoming"] = '<Enqueue action="/left">mine</Enqueue>'
    fake_app.answers["/left"] = "<Say>请问还有什么事？</Say>"
    fake_app.answers["/placed"] = '<Dial action="/dialled"><Queue>mine</Queue></Dial>'
    doing = after_ms(500, lambda _call: place_call(account, fake_app, "+8613700000001"))
    caller, events = run_call(account, fake_app, doing, pace=Pace(20))
    assert len(events_of(Connected, events)) == len(events_of(Disconnected, events)) == 1
    assert fake_app.form("/left")["QueueResult"] == "bridged"
    assert texts(events)[-1] == "请问还有什么事？"
    assert account.queue("mine").waiting == []
    assert caller.bridge is None


def test_a_caller_sent_on_in_the_middle_of_a_talk_leaves_the_other_side_to_its_dials_action(account, fake_app):
    account.parties["+8613700000001"] = CalledParty(
        "answered", make_callee=lambda: OperatorCallee(keys="", talks_ms=600_000)
    )
    fake_app.answers["/voice/incoming"] = '<Enqueue action="/left">mine</Enqueue>'
    fake_app.answers["/on-hold"] = "<Say>请您稍等。</Say>"
    fake_app.answers["/placed"] = '<Dial action="/dialled"><Queue>mine</Queue></Dial>'

    def doing(call: SimulatedCall) -> Steps[None]:
        operator = place_call(account, fake_app, "+8613700000001")
        while call.bridge is None:
            yield
        update(account, call, Url=f"{fake_app.url}/on-hold")
        yield from call.wait_ms(2_000)
        operator.hang_up()

    _, events = run_call(account, fake_app, doing, pace=Pace(5))
    assert fake_app.form("/left")["QueueResult"] == "redirected-from-bridged"
    assert texts(events) == ["请您稍等。"]
    assert "/dialled" in fake_app.paths()


def test_a_browser_called_by_a_dial_learns_who_calls_and_hears_what_is_said(account, fake_app):
    heard: list[Event] = []

    def answers(leg: SimulatedCall) -> Callable[[Event], None]:
        leg.pick_up()
        return heard.append

    account.answerers["client:staff-1"] = answers
    fake_app.answers["/voice/incoming"] = (
        '<Dial action="/dialled"><Client url="/whisper"><Identity>staff-1</Identity></Client></Dial>'
    )
    fake_app.answers["/whisper"] = "<Say>一位客户要人工。</Say>"

    def doing(call: SimulatedCall) -> Steps[None]:
        while call.bridge is None:
            yield
        call.speak(VOICE, "你好")
        while not events_of(PartnerSpoke, heard):
            yield
        assert isinstance(call.bridge, AudioBridge)
        operator = call.bridge.other(call)
        assert isinstance(operator, SimulatedCall)
        operator.hang_up()

    run_call(account, fake_app, doing, pace=Pace(5))
    assert texts(heard) == ["一位客户要人工。"]
    assert events_of(PartnerSpoke, heard)[0].words == "你好"
    assert fake_app.form("/dialled")["DialCallStatus"] == "completed"
