"""The sounds of sentences are fetched by who was given their address, and by nobody else."""

from __future__ import annotations

from pathlib import Path

from app import create_app
from ivr.services import services
from settings import Settings
from speech.sound.audio import LINE_RATE, read_wav
from tests.support.databases import Databases

PACK = Path(__file__).parents[2] / "audio" / "voice"


def test_a_sentence_of_the_pack_is_fetched_as_a_telephones_sound(databases: Databases) -> None:
    app = create_app(Settings(database_url=databases.without_tables(), demo=True, voice_pack=PACK))
    path = services(app).line.sentence_sounds.path_if_whole("红塔山硬经典，五条。")
    assert path is not None
    answer = app.test_client().get(path)
    assert answer.mimetype == "audio/x-wav"
    assert LINE_RATE < len(read_wav(answer.data, LINE_RATE)) < 4 * LINE_RATE


def test_nobody_else_can_have_a_text_said(databases: Databases) -> None:
    app = create_app(Settings(database_url=databases.without_tables(), demo=True, voice_pack=PACK))
    ours = services(app).line.sentence_sounds.path("红塔山硬经典，五条。")
    for path in (ours[:-8] + "AAAA.wav", "/sounds/said/5a.wav", "/sounds/said/客户.wav", "/sounds/said/.wav"):
        assert app.test_client().get(path).status_code == 404


def test_what_the_pack_lacks_has_no_address_for_the_carrier(databases: Databases) -> None:
    app = create_app(Settings(database_url=databases.without_tables(), demo=True, voice_pack=PACK))
    sounds = services(app).line.sentence_sounds
    assert sounds.path_if_whole("建设路便民超市，您好。") is None
    assert sounds.path_if_whole("") is None
