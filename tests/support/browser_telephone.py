"""An operator's browser as a telephone of a real exchange: its desk, its window, and what is heard in a call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from playwright.sync_api import Browser, Page, expect

import storage
from ivr.asterisk.browser_telephones import browser_endpoint
from orders.demo import seed_demo
from orders.demo.demo_staff import seed_demo_staff
from orders.models import DepartmentRule
from settings import DEMO_SECRET_KEY
from simulator.account import Account
from simulator.mulaw import RATE, to_mulaw, to_pcm
from tests.support.chromium import launched_browser, new_page, sign_in, write_wav
from tests.support.databases import Databases
from tests.support.exchange import Exchange
from tests.support.far_end import FarEnd, wait_until
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine

IDENTITY = "staff-1"
ENDPOINT = browser_endpoint(IDENTITY, DEMO_SECRET_KEY)
SPOKEN = Path(__file__).parents[1] / "audio" / "ask_yingzhonghua_b.ulaw"
TONE_HZ = 1000
# Root mean square of mu-law sound, 0 to 32,767.
SPEECH = 500
# What the page hears can be measured, and that it is played.
OPEN_EARS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...given) { super(...given); window.connections.push(this); }
};
window.sockets = [];
window.WebSocket = class extends WebSocket {
  constructor(...given) { super(...given); window.sockets.push(this); }
};
window.sounds = [];
window.Audio = class extends Audio { constructor() { super(); window.sounds.push(this); } };
window.tracks = [];
const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
navigator.mediaDevices.getUserMedia = async (wanted) => {
  const stream = await open(wanted);
  window.tracks.push(...stream.getTracks());
  return stream;
};
"""
# The frequency that is loudest in what the browser hears, and its level in dB.
LOUDEST = """async () => {
  const [receiver] = window.connections.at(-1).getReceivers();
  const context = new AudioContext();
  const analyser = new AnalyserNode(context, { fftSize: 8192 });
  context.createMediaStreamSource(new MediaStream([receiver.track])).connect(analyser);
  await new Promise((later) => setTimeout(later, 500));
  const levels = new Float32Array(analyser.frequencyBinCount);
  analyser.getFloatFrequencyData(levels);
  const at = levels.indexOf(Math.max(...levels));
  await context.close();
  return { hz: at * context.sampleRate / analyser.fftSize, db: levels[at], played: window.sounds.at(-1).currentTime };
}"""


@contextmanager
def served_desk(exchange: Exchange, databases: Databases, folder: Path, **settings: str) -> Iterator[ServedLine]:
    """A running line on this exchange with the demo's data and staff, whose operators are rung again at once after a
    call; `settings` are more variables of its environment."""
    url, shift = databases.without_tables(), shift_to_morning()
    storage.migrate(url)
    engine = storage.open_engine(url)
    with storage.transaction(storage.open_sessions(engine)) as session:
        seed_demo(session, shifted_clock(shift)())
        seed_demo_staff(session, shifted_clock(shift)())
        session.add(DepartmentRule(name="wrap_up_seconds", value=0))
    engine.dispose()
    environment = {**exchange.environment, **settings}
    served = ServedLine(url, folder, Account("http://127.0.0.1:9"), "keypad", shift, environment=environment)
    try:
        served.start()
        yield served
    finally:
        served.kill()


@contextmanager
def speaking_browser(folder: Path, *arguments: str) -> Iterator[Browser]:
    """Chromium whose microphone hears speech."""
    wav = folder / "spoken.wav"
    write_wav(wav, [SPOKEN], before_s=0.2, after_s=0.5)
    with launched_browser(
        "--use-fake-ui-for-media-stream",
        "--use-fake-device-for-media-stream",
        f"--use-file-for-fake-audio-capture={wav}",
        *arguments,
    ) as browser:
        yield browser


def opened_telephone(browser: Browser, line: ServedLine, *scripts: str) -> Page:
    """The telephone window of an operator, registered; the scripts run before its own."""
    page = new_page(browser, line)
    for script in (*scripts, OPEN_EARS):
        page.context.add_init_script(script)
    page.clock.install()
    sign_in(page, "operator")
    page.goto("/desk/softphone")
    expect(page.locator("#softphone-state")).to_have_text("接上了")
    return page


def tone(seconds: float) -> bytes:
    times = np.arange(int(seconds * RATE)) / RATE
    return to_mulaw((8000 * np.sin(2 * np.pi * TONE_HZ * times)).astype(np.int16))


def loudness(mulaw: bytes) -> float:
    """The root mean square of the sound."""
    return float(np.sqrt(np.mean(to_pcm(mulaw).astype(float) ** 2))) if mulaw else 0.0


def answered_call(telephone: Page, far_end: FarEnd) -> str:
    """The channel of a call that is rung, answered and talked in."""
    channel = far_end.ring(ENDPOINT)
    expect(telephone.locator("#softphone-state")).to_have_text("来电")
    telephone.locator("#softphone-answer").click()
    expect(telephone.locator("#softphone-state")).to_have_text("通话中")
    far_end.wait_for("StasisStart", channel)
    far_end.talk(channel)
    return channel


def hears_speech(far_end: FarEnd) -> bool:
    """True once the far end hears the browser's microphone, from now on."""
    far_end.heard.clear()
    wait_until(lambda: len(far_end.heard) > 2 * RATE, "sound from the browser")
    return loudness(bytes(far_end.heard)) > SPEECH
