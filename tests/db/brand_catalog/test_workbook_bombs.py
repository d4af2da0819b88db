"""A workbook that would fill the memory is refused with a sentence, in a process that hardly grows."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from flask import Flask

from console.file_errors import localised_reason
from tests.support.workbook_bombs import BOMBS

ROOT = Path(__file__).parents[3]
MEMORY_MAX = 64 * 1024 * 1024
# Reads the file in its own process, with a twentieth of the cells so that the test is quick; prints the reasons
# of the refusal and by how many kilobytes it grew at most.
READ_ALONE = """
import json, sys
from pathlib import Path
from brand_catalog import workbook_bounds
from brand_catalog.sheets import SheetError, read_sheet

def peak_kb():
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0])

workbook_bounds.ELEMENTS_MAX //= 20
before, reasons = peak_kb(), []
try:
    read_sheet(Path(sys.argv[1]))
except SheetError as refused:
    reasons = [problem.reason for problem in refused.problems]
print(json.dumps([reasons, peak_kb() - before]))
"""


@pytest.mark.parametrize("name", BOMBS)
def test_a_bomb_is_refused_with_a_sentence_before_it_is_unpacked(tmp_path: Path, name: str) -> None:
    make, sentence = BOMBS[name]
    path = tmp_path / "list.xlsx"
    path.write_bytes(make())
    command = [sys.executable, "-c", READ_ALONE, str(path)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, timeout=60)
    [reason], grown_kb = json.loads(done.stdout)
    assert reason.startswith(sentence)
    with Flask("pages").test_request_context():
        assert re.search("[一-鿿]", localised_reason(reason))
    assert grown_kb * 1024 < MEMORY_MAX
