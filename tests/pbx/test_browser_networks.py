"""Operators' browsers elsewhere than the exchange: outside its NAT, and where no sound is let out but through TURN."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from deploy.asterisk.configuration import address_towards
from tests.support.browser_telephone import (
    LOUDEST,
    TONE_HZ,
    answered_call,
    hears_speech,
    opened_telephone,
    served_desk,
    speaking_browser,
    tone,
)
from tests.support.databases import Databases
from tests.support.exchange import Exchange, started_exchange
from tests.support.far_end import FarEnd
from tests.support.served_line import ServedLine
from tests.support.turn_server import SECRET, RunningTurnServer, running_turn_server

pytestmark = pytest.mark.timeout(120)

# Of the addresses for documentation: nobody has it.
OUTSIDE = "203.0.113.7"
ONLY_THROUGH_TURN = """
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(configuration) { super({ ...configuration, iceTransportPolicy: "relay" }); }
};"""
# The exchange's addresses, as it has told them to the page; and the way that was chosen.
TOLD = "() => window.connections.at(-1).remoteDescription.sdp"
CHOSEN = """async () => {
  const found = [...(await window.connections.at(-1).getStats()).values()];
  const { localCandidateId } = found.find(({ type, nominated }) => type === "candidate-pair" && nominated);
  const local = found.find(({ id }) => id === localCandidateId);
  return { type: local.candidateType, relayProtocol: local.relayProtocol };
}"""


@pytest.fixture(scope="module")
def inside() -> str:
    """This machine's own address in its network."""
    return address_towards(OUTSIDE)


@pytest.fixture(scope="module")
def exchange(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Exchange]:
    """An exchange behind NAT, that takes calls at all of its addresses."""
    outside = {"ASTERISK_EXTERNAL_ADDRESS": OUTSIDE, "ASTERISK_SIP_ADDRESS": "0.0.0.0"}
    with started_exchange(tmp_path_factory.mktemp("x"), **outside) as exchange:
        yield exchange


@pytest.fixture(scope="module")
def turn(inside: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningTurnServer]:
    with running_turn_server(tmp_path_factory.mktemp("turn"), inside) as turn:
        yield turn


@pytest.fixture(scope="module")
def line(
    databases: Databases, exchange: Exchange, turn: RunningTurnServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ServedLine]:
    settings = {"TURN_URLS": turn.url, "TURN_SECRET": SECRET}
    with served_desk(exchange, databases, tmp_path_factory.mktemp("line"), **settings) as line:
        yield line


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with speaking_browser(tmp_path_factory.mktemp("microphone")) as browser:
        yield browser


@pytest.fixture
def far_end(exchange: Exchange) -> Iterator[FarEnd]:
    with FarEnd(exchange) as far_end:
        yield far_end


def assert_both_hear_each_other(telephone: Page, far_end: FarEnd) -> None:
    far_end.say(tone(10))
    assert hears_speech(far_end)
    assert telephone.evaluate(LOUDEST)["hz"] == pytest.approx(TONE_HZ, rel=0.02)


def test_behind_nat_a_browser_is_told_the_addresses_outside_and_inside(
    browser: Browser, line: ServedLine, far_end: FarEnd, inside: str
) -> None:
    telephone = opened_telephone(browser, line)
    answered_call(telephone, far_end)
    told = set(re.findall(r"^a=candidate:\S+ 1 udp \d+ (\S+) ", telephone.evaluate(TOLD), re.MULTILINE | re.IGNORECASE))
    assert {OUTSIDE, inside} <= told
    assert_both_hear_each_other(telephone, far_end)
    telephone.context.close()


def test_a_browser_that_can_send_no_sound_but_through_turn_is_heard_and_hears(
    browser: Browser, line: ServedLine, far_end: FarEnd
) -> None:
    telephone = opened_telephone(browser, line, ONLY_THROUGH_TURN)
    answered_call(telephone, far_end)
    assert_both_hear_each_other(telephone, far_end)
    assert telephone.evaluate(CHOSEN) == {"type": "relay", "relayProtocol": "tcp"}
    telephone.context.close()
