"""The stand-in takes no more than the carrier: documents, addresses of media streams, and the switches of scripts."""

from __future__ import annotations

from pathlib import Path

import pytest

from simulator.account import CalledParty
from simulator.carrier_habits import CarrierHabits
from simulator.media import is_stream_url
from simulator.media_faults import LOSS_EVERY_MS, LOSS_MS, FaultyMedium
from simulator.mulaw import FRAME_MS
from simulator.script import ScriptError, read_script
from simulator.twiml_parser import DOCUMENT_MAX_BYTES, TOO_LARGE, TwimlError, read_twiml

SCRIPT = """\
# A caller without a number, at a carrier with habits.
from: "{caller}"
to: "+8637255550000"
names_finish_key: false
recordings_ready_after_ms: 4000
recordings_silent: true
status_callbacks: [late, doubled, out_of_order]
requests_refused: 2
media_faults: [loses]
parties:
  "+8613800000037": {{outcome: answered, verdict: machine, verdict_after_ms: 9000}}
steps:
  - hang_up: true
"""


def test_a_document_of_more_than_64_kb_is_refused() -> None:
    def document(size: int) -> bytes:
        return b"<Response>" + b" " * (size - 21) + b"</Response>"

    assert read_twiml(document(DOCUMENT_MAX_BYTES), "text/xml").verbs == ()
    with pytest.raises(TwimlError) as refused:
        read_twiml(document(DOCUMENT_MAX_BYTES + 1), "text/xml")
    assert refused.value.code == TOO_LARGE


@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("wss://hotline.example/voice/stream", True),
        ("ws://127.0.0.1:8000/voice/stream", True),
        ("ws://localhost:8000/voice/stream", True),
        ("ws://hotline.example/voice/stream", False),
        ("ws://192.168.0.7/voice/stream", False),
        ("https://hotline.example/voice/stream", False),
    ],
)
def test_media_streams_are_opened_with_tls_but_for_the_loopback(url: str, taken: bool) -> None:
    assert is_stream_url(url) is taken


def test_lost_frames_leave_a_gap_and_those_after_it_are_numbered_on() -> None:
    medium = FaultyMedium(frozenset({"loses"}))
    arrived = []
    for now_ms in range(0, 2 * LOSS_EVERY_MS, FRAME_MS):
        medium.send(str(now_ms), now_ms)
        arrived += [int(message) for message in medium.arrivals(now_ms)]
    missing = sorted(set(range(0, 2 * LOSS_EVERY_MS, FRAME_MS)) - set(arrived))
    assert missing == [*range(0, LOSS_MS, FRAME_MS), *range(LOSS_EVERY_MS, LOSS_EVERY_MS + LOSS_MS, FRAME_MS)]


@pytest.mark.parametrize("caller", ["anonymous", "Restricted", "", "+266696687", "+8613800000012"])
def test_the_switches_of_a_script_are_read_and_a_callers_number_may_be_withheld(tmp_path: Path, caller: str) -> None:
    path = tmp_path / "call.yaml"
    path.write_text(SCRIPT.format(caller=caller), encoding="utf-8")
    script = read_script(path)
    assert script.caller == caller
    assert script.media_faults == {"loses"}
    assert script.habits == CarrierHabits(
        names_finish_key=False,
        recordings_ready_after_ms=4_000,
        recordings_silent=True,
        status_callbacks=frozenset({"late", "doubled", "out_of_order"}),
        requests_refused=2,
    )
    assert script.parties == {
        "+8613800000037": CalledParty("answered", verdict="machine", verdict_after_ms=9_000),
    }


@pytest.mark.parametrize(
    ("was", "now", "says"),
    [
        ("[late, doubled", "[lost, doubled", "status_callbacks must be a list of late, doubled, out_of_order"),
        ("requests_refused: 2", "requests_refused: some", "requests_refused must be a whole number"),
        ("recordings_silent: true", "recordings_silent: perhaps", "recordings_silent must be true or false"),
        ("verdict: machine", "verdict: fax", "verdict must be one of human, machine, unknown"),
        ('"anonymous"', '"nobody"', "from must be a telephone number"),
    ],
)
def test_a_switch_that_does_not_exist_is_named(tmp_path: Path, was: str, now: str, says: str) -> None:
    path = tmp_path / "call.yaml"
    path.write_text(SCRIPT.format(caller="anonymous").replace(was, now), encoding="utf-8")
    with pytest.raises(ScriptError) as refused:
        read_script(path)
    assert says in str(refused.value)
