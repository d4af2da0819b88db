"""The computation behind a decision, for `flask hear --explain`."""

from __future__ import annotations

from collections.abc import Sequence

from brand_catalog.catalog import Catalog
from speech.decoding import Decision
from speech.rejection import POSTERIOR_POWER
from speech.understanding import SCORE_WEIGHT, Interpretation
from speech.utterance import Item

_SHOWN = 4


def explain(decision: Decision, catalog: Catalog) -> str:
    """The interpretations of each pass with their evidence, and the confidence that follows from it."""
    if (code := decision.code) is not None:
        verdict = "accepted" if code.accepted else "not accepted"
        shown = zip(code.codes[:_SHOWN], code.posteriors, strict=False)
        return "\n".join(
            [
                f"  read as {code.reading or 'no whole code'}, {verdict}:",
                *(f"    {candidate} posterior {posterior:.3f}" for candidate, posterior in shown),
            ]
        )
    lines = []
    for title, interpretations in (("first pass", decision.first), ("both passes", decision.ranked)):
        lines.append(f"  {title}:")
        lines += [f"    {_interpretation(found, catalog)}" for found in interpretations[:_SHOWN]] or ["    nothing"]
    if (evidence := decision.evidence) is not None:
        terms = ", ".join(f"{name} {value:+.2f}" for name, value in evidence.terms.items())
        lines.append(
            f"  confidence {evidence.confidence:.2f}: posterior {evidence.posterior:.2f}^{POSTERIOR_POWER}"
            f" x odds of {terms}"
        )
    return "\n".join(lines)


def _interpretation(found: Interpretation, catalog: Catalog) -> str:
    meaning = found.meaning
    said = [_item(item, catalog) for item in meaning.items]
    said += [meaning.command] if meaning.command else []
    said += [f"option {meaning.choice + 1}"] if meaning.choice is not None else []
    return (
        f"{found.evidence:8.2f} = -{SCORE_WEIGHT} x {found.behind:.2f} behind - {found.cost:.2f} cost  "
        f"posterior {found.posterior:.3f}  「{found.hypothesis.text}」 {', '.join(said)}"
    )


def _item(item: Item, catalog: Catalog) -> str:
    names: Sequence[str] = [catalog.specs[barcode].name for barcode in item.barcodes]
    shown = "/".join(names[:3]) + (f"/… ({len(names)})" if len(names) > 3 else "")
    quantity = item.quantity
    said = f"{item.action} {shown or '?'}"
    if quantity is None:
        return said
    return f"{said} {quantity.halves / 2:g} {quantity.unit}{' (vague)' if quantity.vague else ''}"
