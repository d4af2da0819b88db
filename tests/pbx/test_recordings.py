"""The recording of a call over a real exchange, as a shift leader plays it."""

from __future__ import annotations

import io
import time
import wave

import numpy as np
import pytest
from playwright.sync_api import expect

from speech.sound.audio import LINE_RATE, encode_mulaw
from tests.support.chromium import launched_browser, new_page, sign_in, wait_for
from tests.support.exchange import Exchange
from tests.support.exchange_line import PATIENCE_S, dialogue, wait_until
from tests.support.likeness import is_in, second_of
from tests.support.office import CALLER_SAYS, LEADER_SAYS, LI, OPERATOR_SAYS, Office
from tests.support.recorded_callers import speech_only
from tests.support.sip_telephone import desk_telephone

pytestmark = [pytest.mark.speech, pytest.mark.timeout(240)]

CODE_SAID = "code_410502100012_yao_a"


def test_a_leader_plays_what_was_said_to_the_line_and_both_sides_of_the_talk(
    exchange: Exchange, office: Office
) -> None:
    line = office.served
    office.set_ready(LI)
    with desk_telephone(exchange, "8001") as telephone, dialogue(exchange, line) as caller:
        caller.says(CODE_SAID)
        key = line.latest_call().call_key  # type: ignore[union-attr]
        caller.call.media.press("0")
        operator = telephone.wait_for_call(PATIENCE_S)
        operator.wait_until_answered()
        operator.media.wait_for_sound(within_s=PATIENCE_S, since=operator.answered_at)
        operator.media.press("1")
        wait_until(office.two_talk, "no two talk")
        time.sleep(1)
        # The second side speaks when the first has done.
        operator.media.pause(len(CALLER_SAYS) / LINE_RATE + 1)
        operator.media.say(OPERATOR_SAYS)
        time.sleep(max(0.0, caller.call.media.say(CALLER_SAYS) - time.monotonic()) + len(OPERATOR_SAYS) / LINE_RATE + 2)
        # A hold key does not end the recording.
        operator.hold()
        time.sleep(2)
        operator.resume()
        time.sleep(0.5)
        time.sleep(caller.call.media.say(LEADER_SAYS) - time.monotonic() + 1)
        caller.call.hang_up()
        operator.wait_until_ended()

    with launched_browser() as browser:
        page = new_page(browser, line)
        sign_in(page, "leader", f"/calls/{key}")

        def played() -> bytes:
            return page.request.get(f"/calls/{key}/sound.wav").body()

        wait_for(page, lambda: is_in(LEADER_SAYS, mulaw(played())), 20)
        whole = mulaw(played())
        said = [speech_only(CODE_SAID)[:16_000], CALLER_SAYS, OPERATOR_SAYS, LEADER_SAYS]
        assert all(is_in(one, whole) for one in said)
        seconds = [second_of(one, whole) for one in said]
        assert seconds == sorted(seconds)
        # In a talk, time passes as it did.
        assert seconds[2] - seconds[1] == pytest.approx(len(CALLER_SAYS) / LINE_RATE + 1, abs=0.3)
        page.reload()
        expect(page.get_by_role("heading", name="整通电话的录音")).to_be_visible()
        sound = page.locator("#player-sound")
        wait_for(page, lambda: bool(sound.evaluate("one => one.readyState >= 1")))
        assert sound.evaluate("one => one.duration") == pytest.approx(len(whole) / LINE_RATE, abs=0.1)
        sound.evaluate("one => one.play()")
        wait_for(page, lambda: float(sound.evaluate("one => one.currentTime")) > 1.0)
        # A leader jumps to the talk.
        sound.evaluate(f"one => {{ one.currentTime = {seconds[3]:.2f}; }}")
        wait_for(page, lambda: float(sound.evaluate("one => one.currentTime")) > seconds[3] + 0.5)
        assert sound.evaluate("one => one.error") is None


def mulaw(wav: bytes) -> bytes:
    """The sound of a WAV file of one channel at the telephone's rate, as mu-law."""
    with wave.open(io.BytesIO(wav)) as sound:
        assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (1, LINE_RATE, 2)
        return encode_mulaw(np.frombuffer(sound.readframes(sound.getnframes()), dtype="<i2"))
