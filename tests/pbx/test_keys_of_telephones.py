"""The hold, transfer and forward keys of real telephones, in a talk and before it."""

from __future__ import annotations

import time

import pytest

from ivr.operators import waiting_music
from speech.sound.audio import LINE_RATE
from tests.support.exchange_line import ExchangeLine, KeypadLine
from tests.support.likeness import is_in
from tests.support.office import LI, WANG, Office, takes_call
from tests.support.sip_telephone import FORWARDED_TO, Call, desk_telephone, trunk_callee
from tests.support.sipp_process import REFUSALS

# The directions that a held telephone's description names; some makers give no address instead.
HOLDS = ("sendonly", "inactive", "")


@pytest.fixture(scope="module")
def line_class() -> type[ExchangeLine]:
    return KeypadLine


def hold(telephone: Call, direction: str) -> None:
    """Press the telephone's hold key, in the way of its maker."""
    if direction:
        telephone.hold(direction)
    else:
        telephone.renegotiate(telephone.description.replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0"))


def assert_hears_music(listener: Call, since: float) -> None:
    """Check that it is the line's waiting music that is heard, from now on."""
    listener.media.wait_for_sound(within_s=5, since=since)
    time.sleep(2.5)
    heard = listener.media.heard(since)[-2 * LINE_RATE :]
    assert is_in(heard, 2 * waiting_music.mulaw())


def test_who_is_on_hold_by_a_telephones_own_key_hears_music(office: Office) -> None:
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001") as telephone, office.caller_who_waits() as caller:
        operator = takes_call(telephone)
        office.assert_talk(caller, operator)
        for direction in HOLDS:
            held = time.monotonic()
            hold(operator, direction)
            assert_hears_music(caller, held)
            operator.resume()
            office.assert_talk(caller, operator)
        assert office.ticket().state == "taken"


def test_an_operator_whom_the_caller_puts_on_hold_hears_music(office: Office) -> None:
    """As when the shop has another call waiting."""
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001") as telephone, office.caller_who_waits() as caller:
        operator = takes_call(telephone)
        office.assert_talk(caller, operator)
        held = time.monotonic()
        caller.hold()
        assert_hears_music(operator, held)
        caller.resume()
        office.assert_talk(caller, operator)


def test_a_talk_on_hold_ends_for_both_when_one_hangs_up(office: Office) -> None:
    office.set_ready(LI)
    with desk_telephone(office.exchange, "8001") as telephone, office.caller_who_waits() as caller:
        operator = takes_call(telephone)
        office.assert_talk(caller, operator)
        operator.hold()
        caller.hang_up()
        operator.wait_until_ended()


def test_a_telephone_transfers_nobody_and_the_talk_goes_on(office: Office) -> None:
    """Toll fraud: neither an operator nor a caller gets the exchange to call out."""
    office.set_ready(LI)
    with (
        trunk_callee(office.exchange) as outside,
        desk_telephone(office.exchange, "8001") as telephone,
        office.caller_who_waits() as caller,
    ):
        operator = takes_call(telephone)
        office.assert_talk(caller, operator)
        beyond = f"<sip:{FORWARDED_TO}@127.0.0.2:{office.exchange.trunk_port}>"
        # The last one is attended: another call of the telephone's is to take this one's place.
        attended = "<sip:8002@127.0.0.1?Replaces=1%3Bto-tag%3D2%3Bfrom-tag%3D3>"
        for target in (f"<sip:{FORWARDED_TO}@127.0.0.1>", beyond, "<sip:4002@127.0.0.1>", attended):
            assert operator.transfer(target) in REFUSALS, target
        assert caller.transfer(beyond) in REFUSALS
        office.assert_talk(caller, operator)
        assert outside.called() == []
        assert "transfer" in office.exchange.log()


def test_a_telephone_that_forwards_its_calls_is_passed_over(office: Office) -> None:
    """Toll fraud, too: nobody outside is rung for it."""
    office.set_ready(LI, WANG)
    with (
        trunk_callee(office.exchange) as outside,
        desk_telephone(office.exchange, "8001", "forwards"),
        desk_telephone(office.exchange, "8002") as telephone,
        office.caller_who_waits() as caller,
    ):
        office.assert_talk(caller, takes_call(telephone))
        outcomes = office.attempts(office.ticket().call_key)
        assert [operator for operator, _ in outcomes] == [LI, WANG]
        assert outcomes[0][1] in ("failed", "declined")
        assert outside.called() == []
        names = [channel["name"] for channel in office.exchange.ari("GET", "channels").json()]
        assert sorted(name.partition("-")[0] for name in names if not name.startswith(("WebSocket", "Snoop"))) == [
            "PJSIP/8002",
            "PJSIP/trunk",
        ]
