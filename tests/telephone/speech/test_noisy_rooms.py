"""Orders from rooms that stay noisy: the caller is heard out, and answered although the noise goes on."""

from __future__ import annotations

import pytest

from speech.evaluation.live import Noise, in_room, play, room_noise
from speech.listening import Items
from speech.sound.audio import decode_mulaw
from speech.sound.speech_detection import SpeechDetector
from speech.stream_recogniser import StreamRecogniser
from tests.support.recorded_callers import demo_understanding, recording, speech_model

pytestmark = pytest.mark.speech

VOICES = [decode_mulaw(recording(name)) for name in ("none_weather_a", "none_wait_call_b")]


@pytest.mark.parametrize(("noise", "snr_db"), [("hum", 6), ("street", 8), ("music", 10), ("tv", 12)])
def test_an_order_from_a_noisy_room_is_one_utterance_and_is_answered_soon(noise: Noise, snr_db: float) -> None:
    speech = decode_mulaw(recording("item_ruanyuxi_2_a"))
    line, end_ms = in_room(speech, room_noise(noise, VOICES), snr_db)
    result = play(StreamRecogniser(speech_model(), demo_understanding()), Items(), line, end_ms)
    assert result.early == ()
    assert result.utterance is not None
    assert [item.quantity.halves // 2 for item in result.utterance.items if item.quantity is not None] == [2]
    assert result.late_ms is not None
    assert result.late_ms <= 1_200


@pytest.mark.parametrize("noise", ["hum", "street"])
def test_noise_without_a_voice_is_not_speech(noise: Noise) -> None:
    detector = SpeechDetector()
    sound = room_noise(noise, VOICES, seconds=10).astype("int16")
    assert not any(detector.feed(frame) for frame in sound.reshape(-1, 160))
