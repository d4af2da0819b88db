"""The flow is consistent, and its diagram is the generated one."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path

import pytest

from callflows import diagram
from callflows.flow import Flow, FlowRow
from callflows.flows import ORDERING_FLOW, OUTBOUND_FLOW
from callflows.replies import HangUp
from callflows.steps.admission import ExplainRefusal, RefusalEnds
from callflows.steps.identification import AskCode, CodeGiven


def reachable(flow: Flow) -> set[str]:
    rows = {row.step.name: row for row in flow.rows}
    found, todo = set(), [flow.first]
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo += [target for target in rows[name].then.values() if isinstance(target, str)]
    return found


def test_every_step_can_be_reached() -> None:
    assert reachable(ORDERING_FLOW) == {row.step.name for row in ORDERING_FLOW.rows}


def test_every_step_keeps_nothing_of_its_own() -> None:
    assert [vars(row.step) for row in ORDERING_FLOW.rows if vars(row.step)] == []


LEAVE = FlowRow(ExplainRefusal(), {RefusalEnds.EXPLAINED: HangUp()})


@pytest.mark.parametrize(
    ("first", "rows", "problem"),
    [
        ("nowhere", [LEAVE], "begins with 'nowhere'"),
        ("refused", [LEAVE, LEAVE], "two steps have one name"),
        ("refused", [FlowRow(ExplainRefusal(), {})], "refused has no row for"),
        ("refused", [FlowRow(ExplainRefusal(), {RefusalEnds.EXPLAINED: "nowhere"})], "refused leads to 'nowhere'"),
        (
            "ask_code",
            [FlowRow(AskCode(), {outcome: HangUp() for outcome in (*CodeGiven, *RefusalEnds)})],
            "ask_code never ends in <RefusalEnds.EXPLAINED",
        ),
    ],
)
def test_a_flow_that_does_not_hold_together_is_refused(first: str, rows: list[FlowRow], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        Flow(first, rows)


def test_outcomes_of_one_step_are_told_apart() -> None:
    for row in ORDERING_FLOW.rows:
        names: list[StrEnum] = sorted(row.step.outcomes)
        assert len({str(name) for name in names}) == len(names)


def test_the_page_of_the_flow_is_current() -> None:
    kept = (diagram.ROOT / diagram.PAGE).read_text(encoding="utf-8")
    assert kept == diagram.page(ORDERING_FLOW, OUTBOUND_FLOW), "run python -m callflows.diagram"


@pytest.mark.parametrize("carrier", diagram.DOCUMENTS, ids=str)
def test_the_picture_in_the_documents_is_current(carrier: Path) -> None:
    path = diagram.ROOT / carrier
    text = path.read_text(encoding="utf-8") if path.exists() else ""
    assert text == diagram.embedded(text, ORDERING_FLOW), "run python -m callflows.diagram"


def test_the_picture_is_put_between_its_markers_only(tmp_path: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n{diagram.BEGIN}\nold\n{diagram.END}\nafter\n", encoding="utf-8")
    diagram.write(tmp_path)
    text = readme.read_text(encoding="utf-8")
    assert text.startswith("before\n")
    assert text.endswith("\nafter\n")
    assert "old" not in text
    assert diagram.mermaid(ORDERING_FLOW) in text
    assert (tmp_path / diagram.PAGE).read_text(encoding="utf-8") == diagram.page(ORDERING_FLOW, OUTBOUND_FLOW)


def test_every_way_out_of_a_step_is_in_the_picture() -> None:
    picture = diagram.mermaid(ORDERING_FLOW)
    for row in ORDERING_FLOW.rows:
        assert f"    {row.step.name} -" in picture
    for step in ("choose_spec", "ask_quantity", "read_back", "take_items"):
        assert f"--> {step}" in picture
