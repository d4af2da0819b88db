"""A leader takes over, listens to and whispers into live calls of a served line, with real sound."""

from __future__ import annotations

import base64
import math
from collections.abc import Iterator

import numpy as np
import pytest
from sqlalchemy import select

from ivr.operators import presence
from ivr.operators.models import Ticket
from ivr.supervision.models import Supervision
from orders.department_rules import set_rule
from orders.staff.models import StaffRow
from simulator.account import CalledParty
from simulator.mulaw import to_mulaw, to_pcm
from tests.support.console_client import Visitor
from tests.support.desk_world import World
from tests.support.operators import (
    LI,
    PHONES,
    LiveCaller,
    OperatorsFixture,
    answering_party,
    served_line_and_operators,
    wait_until,
)

LEADER_PHONE = "+8613700000003"


@pytest.fixture
def switchboard(world: World, database_url: str) -> Iterator[OperatorsFixture]:
    with served_line_and_operators(world, database_url) as switchboard:
        yield switchboard


@pytest.fixture
def leader(switchboard: OperatorsFixture) -> Visitor:
    """The shift leader at the desk, with a telephone that is answered and a 1 pressed."""
    with switchboard.world.session() as session:
        person = session.scalars(select(StaffRow).where(StaffRow.role == "leader")).first()
        assert person is not None
        person.phone, login = LEADER_PHONE, person.login
        presence.check_in(session, person.id, switchboard.world.clock())
    switchboard.account.parties[LEADER_PHONE] = answering_party("1")
    return switchboard.visitor(login)


def tone(hz: int, seconds: float) -> bytes:
    """A steady tone, which is told from every other one by its pitch."""
    return to_mulaw(8_000 * np.sin(2 * math.pi * hz * np.arange(int(seconds * 8_000)) / 8_000))


def loudest_hz(mulaw: bytes) -> float:
    """The pitch of the loudest tone; 0 if there is nothing but the noise of a quiet line."""
    samples = to_pcm(mulaw).astype(float)
    if not len(samples) or np.abs(samples).max() < 2_000:
        return 0
    spectrum = np.abs(np.fft.rfft(samples))
    return float(np.fft.rfftfreq(len(samples), 1 / 8_000)[spectrum.argmax()])


def heard_by(visitor: Visitor, call_key: str, after: int = 0) -> tuple[bytes, bytes, int]:
    """What has come of both sides since the part with this id."""
    answer = visitor.post(f"/calls/{call_key}/listening/sound", after=str(after))
    parts = answer.get_json() if answer.status_code == 200 else []
    sides = (b"".join(base64.b64decode(part[side]) for part in parts) for side in ("caller", "other"))
    return (*sides, parts[-1]["id"] if parts else after)  # type: ignore[return-value]


def talking_to_li(switchboard: OperatorsFixture) -> LiveCaller:
    """A caller who talks with the operator Li."""
    switchboard.set_ready(LI, answering_party("1"))
    caller = switchboard.caller()
    caller.asks_for_operator()
    caller.wait_for_bridge()
    return caller


def test_the_leader_listens_to_a_call_of_the_automatic_line_and_takes_it_over(
    switchboard: OperatorsFixture, leader: Visitor
) -> None:
    caller = switchboard.caller()
    caller.wait_until_said("请按一")
    page = leader.get(f"/calls/{caller.call_key}").get_data(as_text=True)
    assert "监听" in page
    assert leader.post(f"/calls/{caller.call_key}/listening/begin").status_code == 204
    heard = bytearray()

    def hears_the_tone() -> bool:
        said, _line, _last = heard_by(leader, caller.call_key)
        heard.extend(said)
        return abs(loudest_hz(bytes(said)) - 1_000) < 20

    caller.call.speak(tone(1_000, 40), "嘀")
    wait_until(hears_the_tone, f"the caller's tone, in {len(heard)} bytes")

    assert leader.post(f"/desk/calls/{caller.call_key}/take").status_code == 204
    caller.wait_until_said("订货员来了，正在为您接通。")
    caller.wait_for_bridge()
    assert switchboard.ticket().reason == "taken_over"
    assert "人工接管" in leader.get(f"/desk/orders/{caller.call_key}").get_data(as_text=True)
    # The order goes back to the line as it is, and the line goes on.
    assert leader.post(f"/desk/tickets/{switchboard.ticket().id}/give-back").status_code == 204
    caller.wait_until_said("请按一")
    assert not caller.call.ended


def test_a_taker_who_does_not_answer_leaves_the_caller_to_the_automatic_line(
    switchboard: OperatorsFixture, leader: Visitor
) -> None:
    switchboard.account.parties[LEADER_PHONE] = CalledParty("busy", after_ms=500)
    caller = switchboard.caller()
    caller.wait_until_said("请按一")
    assert leader.post(f"/desk/calls/{caller.call_key}/take").status_code == 204
    caller.wait_until_said("正在为您接通")
    caller.wait_until_said("请按一")
    with switchboard.world.session() as session:
        ticket = session.scalars(select(Ticket).order_by(Ticket.id)).first()
        assert ticket is not None
        assert (ticket.reason, ticket.state) == ("taken_over", "returned")


def test_the_leader_takes_over_an_operators_call(switchboard: OperatorsFixture, leader: Visitor) -> None:
    caller = talking_to_li(switchboard)
    operators_call = next(call for call in switchboard.account.calls.values() if call.called == PHONES[LI])
    assert leader.post(f"/desk/calls/{caller.call_key}/take").status_code == 204
    wait_until(lambda: operators_call.ended, "the operator's call to end")
    caller.wait_until_said("订货员来了，正在为您接通。")
    wait_until(lambda: [state for _who, state in switchboard.ring_attempts()] == ["over", "accepted"], "the leader")
    caller.wait_for_bridge()
    assert not caller.call.ended


def test_the_operator_hears_what_the_leader_whispers_and_the_caller_does_not(
    switchboard: OperatorsFixture, leader: Visitor
) -> None:
    caller = talking_to_li(switchboard)
    operators_call = next(call for call in switchboard.account.calls.values() if call.called == PHONES[LI])
    at_the_callers, at_the_operators = bytearray(), bytearray()
    assert leader.post(f"/desk/calls/{caller.call_key}/whisper").status_code == 204
    wait_until(lambda: any(call.called == LEADER_PHONE for call in switchboard.account.calls.values()), "the dial")
    leaders_call = next(call for call in switchboard.account.calls.values() if call.called == LEADER_PHONE)
    wait_until(lambda: leaders_call.bridge is not None, "the leader to be in the talk")
    caller.call.on_partner_audio = at_the_callers.extend
    operators_call.on_partner_audio = at_the_operators.extend
    leaders_call.speak(tone(700, 5), "问他要不要玉溪")
    wait_until(lambda: abs(loudest_hz(bytes(at_the_operators[-8_000:])) - 700) < 20, "the whisper at the operator's")
    assert loudest_hz(bytes(at_the_callers)) == 0
    at_the_callers.clear()
    operators_call.speak(tone(1_200, 5), "要玉溪吗")
    wait_until(lambda: abs(loudest_hz(bytes(at_the_callers[-8_000:])) - 1_200) < 20, "the operator at the caller's")

    # The leader stops, and the two go on; then the operator hangs up, and the caller has the choice as ever.
    assert leader.post(f"/desk/calls/{caller.call_key}/whisper/stop").status_code == 204
    wait_until(lambda: leaders_call.ended, "the leader's call to end")
    assert caller.call.bridge is not None
    operators_call.hang_up()
    caller.wait_until_said("订货员已经挂机")
    with switchboard.world.session() as session:
        assert [row.ended_at is not None for row in session.scalars(select(Supervision))] == [True]


def test_a_talk_is_played_with_the_turns_before_it(switchboard: OperatorsFixture, leader: Visitor) -> None:
    with switchboard.world.session() as session:
        # By keys nobody is recorded, nor told of it; here the department tells nobody.
        set_rule(session, "recording_notice", 0, by="主任", why="试", now=switchboard.world.clock())
    caller = talking_to_li(switchboard)
    operators_call = next(call for call in switchboard.account.calls.values() if call.called == PHONES[LI])
    caller.call.speak(tone(1_000, 6), "要五条玉溪")

    def played() -> bytes:
        answer = leader.get(f"/calls/{caller.call_key}/sound.wav")
        return answer.get_data()[44:] if answer.status_code == 200 else b""

    def has(hz: int) -> bool:
        samples = np.frombuffer(played(), dtype="<i2").astype(float)
        if len(samples) < 8_000:
            return False
        spectrum, pitches = np.abs(np.fft.rfft(samples)), np.fft.rfftfreq(len(samples), 1 / 8_000)
        return bool(spectrum[np.abs(pitches - hz) < 5].max() > 20 * np.median(spectrum))

    wait_until(lambda: has(1_000), "the caller's voice")
    operators_call.speak(tone(1_400, 6), "好的，五条")
    wait_until(lambda: has(1_400), "the operator's voice")
    shown = leader.get(f"/calls/{caller.call_key}/waveform").get_json()
    assert "talk" in [segment["kind"] for segment in shown["segments"]]
    assert max(shown["peaks"]) == 100
    assert "整通电话的录音" in leader.get(f"/calls/{caller.call_key}").get_data(as_text=True)
