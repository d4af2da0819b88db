"""The voice pack is built, checked and listed by commands; the real voice is replaced by one that hums."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result

from callflows.prompts import load_prompts
from ivr.voice import pack_keeper
from ivr.voice.kokoro_files import VoiceMissing
from ivr.voice.pack import VoicePack
from ivr.voice.pack_keeper import PackKeeper
from ivr.voice.tiling import tile
from ivr.voice.wanted_pieces import wanted_pieces
from speech.sound.audio import LINE_RATE, Samples
from tests.support.commands import run_command
from tests.support.desk_world import World
from tests.support.dialogue import Dialogue


class HummingVoice:
    def render(self, text: str) -> Samples:
        return (5_000 * np.sin(np.arange(LINE_RATE // 10) / 8)).astype(np.int16)


@contextmanager
def humming(_folder: Path, _voice: str) -> Iterator[HummingVoice]:
    yield HummingVoice()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a pack that does not exist yet, on a machine that has the voice."""
    monkeypatch.setenv("VOICE_PACK", str(tmp_path / "pack"))
    for module in ("backoffice.voice_commands", "ivr.voice.pack_keeper"):
        monkeypatch.setattr(f"{module}.started_renderer", humming)
    monkeypatch.setattr("backoffice.voice_commands.fetch_voice", lambda: tmp_path)
    monkeypatch.setattr(pack_keeper, "is_fetched", lambda _folder: True)
    return tmp_path / "pack"


def voice_pack(world: World, *args: object) -> Result:
    return run_command(world, "voice-pack", *args)


def test_a_pack_is_built_in_parts_and_checked(world: World, folder: Path) -> None:
    before = voice_pack(world, "check")
    assert before.exit_code == 1
    assert "missing     请问您需要什么烟  (take_items.first)" in before.output
    assert "40 pieces rendered" in voice_pack(world, "build", "--most", 40).output
    assert len(VoicePack(folder).pieces) == 40
    assert voice_pack(world, "build").exit_code == 0
    checked = voice_pack(world, "check")
    assert checked.exit_code == 0, checked.output[-500:]
    assert "can say everything" in checked.output
    assert "has all" in voice_pack(world, "build").output


def test_a_pack_is_listed_with_ones_own_recordings(world: World, folder: Path) -> None:
    voice_pack(world, "build", "--most", 3)
    own = folder / "own"
    own.mkdir()
    piece = next(iter(VoicePack(folder).pieces.values()))
    (own / "请问您需要什么烟？.wav").write_bytes(piece.path.read_bytes())
    listed = voice_pack(world, "list").output
    assert "own" in listed
    assert "请问您需要什么烟" in listed
    assert "4 sounds" in listed


def test_a_sound_that_cannot_be_read_is_found(world: World, folder: Path) -> None:
    voice_pack(world, "build")
    piece = next(iter(VoicePack(folder).pieces.values()))
    piece.path.write_bytes(b"RIFF")
    checked = voice_pack(world, "check")
    assert checked.exit_code == 1
    assert f"unreadable  {piece.text}" in checked.output


def test_without_the_voice_the_command_says_what_to_do(
    world: World, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails() -> Path:
        raise VoiceMissing("The voice could not be fetched. Run `make voice` again when the network is back.")

    monkeypatch.setattr("backoffice.voice_commands.fetch_voice", fails)
    refused = voice_pack(world, "build")
    assert refused.exit_code == 1
    assert "make voice" in refused.output


def test_names_that_are_taken_in_are_added_to_a_pack_that_was_built(world: World, folder: Path) -> None:
    keeper = PackKeeper(folder, world.sessions, lambda _session: world.catalog)
    assert keeper.render_next() == 0, "nobody has built a pack yet"
    voice_pack(world, "build")
    with world.session() as session:
        wanted = wanted_pieces(session, world.catalog, load_prompts())
    (folder / "index.jsonl").write_text(
        "".join(line for line in (folder / "index.jsonl").read_text().splitlines(True) if "店37" not in line)
    )
    assert not wanted.keys() <= VoicePack(folder).pieces.keys()
    assert keeper.render_next() > 0
    assert wanted.keys() <= VoicePack(folder).pieces.keys()
    assert keeper.render_next() == 0


def test_the_greeting_is_one_piece_up_to_the_retailer_s_name(world: World) -> None:
    with world.session() as session:
        wanted = wanted_pieces(session, world.catalog, load_prompts())
    (greeting,) = Dialogue(world).reply.say
    first, name, last = tile(greeting, wanted)
    assert first.text.startswith("您好")
    assert first.text.endswith("请问您是")
    assert not name.gap
    assert last.text == "吗"
