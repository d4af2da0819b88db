"""The evaluation of a labelled folder with the speech model, by its command."""

from __future__ import annotations

import base64
import json
import re
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from backoffice.evaluate_recordings import evaluate
from tests.support.recorded_callers import AUDIO, DEMO, speech_model


def sounds(page: str) -> list[bytes]:
    return [base64.b64decode(found) for found in re.findall(r"<audio controls[^>]*base64,([^']+)'", page)]


@pytest.mark.speech
def test_a_labelled_folder_is_heard_and_judged(tmp_path: Path) -> None:
    speech_model()
    folder = tmp_path / "few"
    folder.mkdir()
    labels = (AUDIO / "heard" / "labels.jsonl").read_text(encoding="utf-8").splitlines()
    few = [line for line in labels if json.loads(line)["file"] in ("002.ulaw", "227.ulaw", "258.ulaw")]
    for line in few:
        shutil.copy(AUDIO / "heard" / json.loads(line)["file"], folder)
    (folder / "labels.jsonl").write_text("\n".join(few), encoding="utf-8")
    page = tmp_path / "new" / "page.html"
    result = CliRunner().invoke(evaluate, [str(folder), "--catalog", str(DEMO / "catalog.csv"), "--report", str(page)])
    assert result.exit_code == 0, result.output
    for row in ("one item", "command", "customer code"):
        assert re.search(rf"{row} +100\.0 %", result.output)
    assert len(sounds(page.read_text(encoding="utf-8"))) == 3
