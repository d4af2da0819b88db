"""Utterances as they are stored with a turn."""

from __future__ import annotations

from ivr.turns.serialisation import utterance_from_json, utterance_to_json
from speech.utterance import Item, Quantity, Utterance


def test_an_utterance_comes_back_as_it_was_stored() -> None:
    said = Utterance(
        (
            Item("add", ("6901028315005",), Quantity(12), said="玉溪", other_quantities=(Quantity(18),)),
            Item("add", (), Quantity(3, "case"), said="天王星", not_carried=True),
        ),
        command="done",
        confidence=0.8,
        confirm=True,
        incomplete=True,
    )
    assert utterance_from_json(utterance_to_json(said)) == said


def test_an_utterance_stored_before_a_field_was_added_can_be_read() -> None:
    stored = utterance_to_json(Utterance((Item("add", ("6901028315005",), Quantity(12)),)))
    del stored["incomplete"]
    for item in stored["items"]:
        del item["other_quantities"], item["not_carried"]
    assert utterance_from_json(stored) == Utterance((Item("add", ("6901028315005",), Quantity(12)),))
