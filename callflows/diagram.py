"""The flow as a diagram: Mermaid text made from the table of steps, for the documentation.

`python -m callflows.diagram` rewrites docs/call-flow.md and the part of the README between its markers.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path

from callflows.flow import Flow, FlowRow, Target
from callflows.flows import LINE_GOTOS, ORDERING_FLOW, OUTBOUND_FLOW
from callflows.replies import Transfer

ROOT = Path(__file__).parent.parent
PAGE = Path("docs") / "call-flow.md"
# Documents that show the diagram between these markers, if they have them.
DOCUMENTS = (Path("README.md"), Path("README.zh-CN.md"))
BEGIN, END = "<!-- call flow: made by python -m callflows.diagram -->", "<!-- end of call flow -->"


def mermaid(flow: Flow) -> str:
    """The flow as a Mermaid chart. The targets shared by all steps that take lines are drawn once."""
    return "\n".join(["flowchart TD", *(f"    {row}" for row in _rows(flow))])


def page(flow: Flow, outbound: Flow) -> str:
    """The documentation page: the diagram, what each step does, and what differs in an outbound call."""
    steps = _described(flow.rows)
    different = _described(row for row in outbound.rows if row not in flow.rows)
    return f"""# The call flow

Made from the table in `callflows/flows.py` by `python -m callflows.diagram`; a test keeps it current.

```mermaid
{mermaid(flow)}
```

From every step the caller reaches an operator with 0 or 人工, and after the step's last reprompt. A step that takes
lines asks what they leave open, one question at a time, and then continues where it was.

| step | what it does |
| --- | --- |
{steps}

An outbound call to a retailer that is due begins with `{outbound.first}`; from the admission on the steps are the
same.

| step | what it does |
| --- | --- |
{different}
"""


def _described(rows: Iterable[FlowRow]) -> str:
    return "\n".join(f"| `{row.step.name}` | {inspect.getdoc(row.step)} |".replace("\n", " ") for row in rows)


def embedded(text: str, flow: Flow) -> str:
    """The document with the diagram between its markers replaced; the same document where it has no markers."""
    if BEGIN not in text or END not in text:
        return text
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    return f"{before}{BEGIN}\n\n```mermaid\n{mermaid(flow)}\n```\n\n{END}{after}"


def write(root: Path = ROOT) -> None:
    """Write the page, and the diagram into the documents that show it."""
    (root / PAGE).parent.mkdir(exist_ok=True)
    (root / PAGE).write_text(page(ORDERING_FLOW, OUTBOUND_FLOW), encoding="utf-8")
    for document in DOCUMENTS:
        if (root / document).exists():
            text = (root / document).read_text(encoding="utf-8")
            (root / document).write_text(embedded(text, ORDERING_FLOW), encoding="utf-8")


def _rows(flow: Flow) -> Iterator[str]:
    yield f"start([a call]) --> {flow.first}"
    takers = [row.step.name for row in flow.rows if set(row.then) >= set(LINE_GOTOS)]
    for row in flow.rows:
        own = {outcome: target for outcome, target in row.then.items() if outcome not in LINE_GOTOS}
        for target, outcomes in _by_target(own).items():
            yield f"{row.step.name} -- {' / '.join(outcomes)} --> {target}"
        if row.step.name in takers:
            yield f"{row.step.name} --> lines"
    yield "lines{{open questions of the lines}}"
    for target, outcomes in _by_target(LINE_GOTOS).items():
        yield f"lines -- {' / '.join(outcomes)} --> {target}"


def _by_target(then: Mapping[StrEnum, Target]) -> dict[str, list[str]]:
    gathered: dict[str, list[str]] = {}
    for outcome, target in then.items():
        gathered.setdefault(_node(target), []).append(str(outcome).replace("_", " "))
    return gathered


def _node(target: Target) -> str:
    if isinstance(target, str):
        return target
    return "operator([an operator])" if isinstance(target, Transfer) else "goodbye([goodbye])"


if __name__ == "__main__":
    write()
