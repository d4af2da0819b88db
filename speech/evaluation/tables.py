"""The tables of an evaluation: rates with their uncertainty, by kind and by condition, and what was confused."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeVar, get_args

from speech.evaluation.recordings import COUNTED_KINDS, Evaluated, Verdict

T = TypeVar("T")

_Z: Final = 1.96


@dataclass(frozen=True)
class Rate:
    """A share of some utterances, with its 95 % interval (Wilson's: of none in 240 it says "up to 1.6 %")."""

    hits: int
    total: int

    @property
    def interval(self) -> tuple[float, float]:
        """The lower and upper end, 0 to 1."""
        if not self.total:
            return 0.0, 1.0
        share, z2 = self.hits / self.total, _Z**2 / self.total
        middle = (share + z2 / 2) / (1 + z2)
        half = _Z * math.sqrt(share * (1 - share) / self.total + z2 / self.total / 4) / (1 + z2)
        return max(0.0, middle - half), min(1.0, middle + half)

    def __str__(self) -> str:
        if not self.total:
            return "-"
        low, high = self.interval
        return f"{100 * self.hits / self.total:.1f} % [{100 * low:.1f}, {100 * high:.1f}] {self.hits}/{self.total}"


@dataclass(frozen=True)
class Table:
    """One table of the report: a title, the names of its columns, and rows of as many cells."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    def __str__(self) -> str:
        lines = [self.header, *self.rows]
        widths = [max(map(_columns, column)) for column in zip(*lines, strict=True)]
        return "\n".join([self.title, *(_padded(line, widths) for line in lines)])


def rate(some: Iterable[T], hit: Callable[[T], bool]) -> Rate:
    """The share of hits."""
    hits = [hit(one) for one in some]
    return Rate(sum(hits), len(hits))


def recording_tables(evaluated: Sequence[Evaluated]) -> list[Table]:
    """The tables of recordings recognised each as a whole: right answers by kind and by condition, harm, cost."""
    found = [_verdicts("Right answers, by kind", evaluated, lambda one: one.recording.group)]
    if any(one.recording.condition for one in evaluated):
        found.append(_verdicts("Right answers, by condition", evaluated, lambda one: one.recording.condition or "-"))
    return [*found, _harm(evaluated), _confusions(evaluated), cost_table("Processor time", evaluated)]


def line_errors(evaluated: Iterable[Evaluated]) -> tuple[Rate, Rate]:
    """The error rates of the lines in utterances that were accepted without a question: lines without the right spec,
    and of those with the right spec the ones with another quantity."""
    specs, quantities = [], []
    for one in evaluated:
        if one.recording.expect["kind"] not in COUNTED_KINDS or one.answer["kind"] not in COUNTED_KINDS:
            continue
        recognised = dict(map(tuple, one.answer["items"]))
        for spec, cartons in one.recording.expect["items"]:
            specs.append(spec not in recognised)
            if spec in recognised:
                quantities.append(recognised[spec] != cartons)
    return rate(specs, bool), rate(quantities, bool)


def cost_table(title: str, evaluated: Sequence[Evaluated]) -> Table:
    """Processor time of recognition: a second of sound, and an utterance."""
    took = sorted(1000 * one.took for one in evaluated) or [0.0]
    sound = sum(one.seconds for one in evaluated) or 1.0
    return Table(
        title,
        ("s per s of sound", "ms an utterance, p50", "p95", "p99", "worst"),
        ((f"{sum(took) / 1000 / sound:.3f}", *(f"{quantile(took, share):.0f}" for share in (0.5, 0.95, 0.99, 1.0))),),
    )


def quantile(ordered: Sequence[float], share: float) -> float:
    """The smallest of the ascending values that at least this share of them does not exceed."""
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]


def _verdicts(title: str, evaluated: Sequence[Evaluated], group_of: Callable[[Evaluated], str]) -> Table:
    groups: dict[str, list[Evaluated]] = {}
    for one in evaluated:
        groups.setdefault(group_of(one), []).append(one)
    rows = []
    for group, members in [*groups.items(), ("all", list(evaluated))]:
        counts = Counter(one.verdict for one in members)
        rows.append((group, str(rate(members, lambda one: one.right)), *(str(counts[v]) for v in get_args(Verdict))))
    return Table(title, ("", "right", *get_args(Verdict)), tuple(rows))


def _harm(evaluated: Sequence[Evaluated]) -> Table:
    off_topic = [one for one in evaluated if one.recording.group == "off-topic"]
    for_the_line = [one for one in evaluated if one.recording.group != "off-topic"]
    spec_errors, quantity_errors = line_errors(evaluated)
    rows = (
        ("wrong or dropped lines taken without a question", rate(for_the_line, lambda one: one.changes_wrongly)),
        ("another command that acts, or another code, taken", rate(for_the_line, lambda one: one.acts_wrongly)),
        ("off-topic speech changing the order", rate(off_topic, lambda one: one.changes_wrongly)),
        ("off-topic speech taken for a command that acts", rate(off_topic, lambda one: one.acts_wrongly)),
        ("wrong specs, of lines taken", spec_errors),
        ("wrong quantities, of lines taken", quantity_errors),
        ("asked back", rate(for_the_line, lambda one: one.verdict == "asked back")),
        ("missed", rate(for_the_line, lambda one: one.verdict == "missed")),
    )
    return Table("Harm, of utterances for the line", ("", "rate"), tuple((name, str(of)) for name, of in rows))


def _confusions(evaluated: Iterable[Evaluated]) -> Table:
    seen: Counter[tuple[str, str]] = Counter()
    for one in evaluated:
        if one.verdict == "wrong":
            seen[_describe(one.recording.expect), _describe(one.answer)] += 1
    rows = tuple((wanted, got, str(count)) for (wanted, got), count in seen.most_common())
    return Table("Confusions, the commonest first", ("said", "recognised", "times"), rows)


def _describe(meaning: Mapping[str, Any]) -> str:
    kind = meaning["kind"]
    if kind == "command":
        return str(meaning["name"])
    if kind == "digits":
        return str(meaning["digits"])
    lines = (f"{spec} {'' if cartons is None else cartons}".strip() for spec, cartons in meaning.get("items", ()))
    return f"{kind}: {', '.join(lines)}".removesuffix(": ")


def _columns(cell: str) -> int:
    """The columns a cell takes on a terminal: a Chinese character takes two."""
    return sum(2 if ord(character) > 0x2E7F else 1 for character in cell)


def _padded(line: Sequence[str], widths: Sequence[int]) -> str:
    cells = (cell + " " * (width - _columns(cell)) for cell, width in zip(line, widths, strict=True))
    return "  " + "   ".join(cells).rstrip()
