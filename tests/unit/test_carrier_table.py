"""docs/carriers.md: for each feature of the line and each carrier, a test that is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.unit.test_documents import defined

ROOT = Path(__file__).parents[2]
ROWS = [
    (feature, carrier, cell)
    for line in (ROOT / "docs" / "carriers.md").read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| feature")
    for feature, *cells in [line.strip("| ").split(" | ")]
    for carrier, cell in zip(("Twilio", "exchange"), cells, strict=True)
]
NAMED = re.compile(r"`([\w/]+\.py)::(test_\w+)`")


@pytest.mark.parametrize(("feature", "carrier", "cell"), ROWS)
def test_every_cell_names_a_test_or_says_why_there_is_none(feature: str, carrier: str, cell: str) -> None:
    if cell.startswith("none: "):
        return
    named = NAMED.fullmatch(cell)
    assert named, f"{feature} on {carrier} names no test"
    assert named[2] in defined(ROOT / "tests" / named[1]), f"{cell} is not there"


def test_the_table_has_all_of_both_carriers() -> None:
    """The rows above are found."""
    assert len(ROWS) > 60
