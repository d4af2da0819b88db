"""The matrix in its short form: the cells at which most could go wrong. All of them: `make faults`."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.recorded_callers import need_speech_model
from tests.telephone.faults.caller import Manner
from tests.telephone.faults.line import FaultyLine, Rest
from tests.telephone.faults.matrix import FAULTS, Cell, faulty_line, run

pytestmark = pytest.mark.timeout(600)

# The fault, the turn it strikes in, and how the caller answers: 3 to 5 are lines, 6 is the yes.
CHOSEN: tuple[tuple[str, int, Manner], ...] = (
    ("web processes killed", 6, "keys"),
    ("line processes killed", 4, "voice"),
    ("power cut and restart", 6, "keys"),
    ("database away for 5 s", 3, "keys"),
    ("disk full from then on", 4, "keys"),
    ("media socket cut", 6, "voice"),
    ("requests repeated", 6, "keys"),
    ("requests reordered", 5, "keys"),
    ("REST fails", 4, "voice"),
    ("midnight passes", 6, "keys"),
)


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[FaultyLine, Rest]]:
    need_speech_model()
    with faulty_line(tmp_path_factory.mktemp("faults"), None) as line:
        yield line


@pytest.mark.speech
@pytest.mark.parametrize(("name", "turn", "manner"), CHOSEN)
def test_nothing_is_lost_and_the_caller_is_served(
    broken: tuple[FaultyLine, Rest], name: str, turn: int, manner: Manner
) -> None:
    fault = next(fault for fault in FAULTS if fault.name == name)
    result = run(Cell(fault, turn, manner, "sqlite"), *broken)
    assert result.wrong == ()


def test_a_chosen_cell_is_one_of_the_matrix() -> None:
    assert {name for name, _, _ in CHOSEN} <= {fault.name for fault in FAULTS}
