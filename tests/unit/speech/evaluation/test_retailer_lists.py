"""The lists of retailers drawn for the evaluation, and what counts as understood when a spec is not on the list."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from brand_catalog.catalog import Catalog
from brand_catalog.importing import read_catalog_file
from speech.evaluation.recordings import Evaluated, LabelledRecording, verdict_on
from speech.evaluation.retailer_lists import (
    draw_list,
    names_specs,
    off_list_answer,
    off_list_tables,
    on_list_table,
)
from speech.listening import Items, YesNo
from tests.support.recorded_callers import DEMO


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return read_catalog_file(DEMO / "catalog.csv", DEMO / "aliases.csv")


def said(text: str, *items: tuple[str, int], step: Any = "items", kind: str = "items") -> LabelledRecording:
    return LabelledRecording(Path("set/one.ulaw"), text, {"kind": kind, "items": [list(i) for i in items]}, (), step)


def heard(kind: str, *items: Any) -> dict[str, Any]:
    return {"kind": kind, "items": list(items), "name": None, "text": "", "digits": None}


SAID = said("软玉溪五条", ("玉溪(软)", 5))


def test_a_list_holds_what_is_said_or_lacks_it_and_is_always_the_same(catalog: Catalog) -> None:
    barcode = catalog.by_name_or_barcode["玉溪(软)"].barcode
    on, off = draw_list(catalog, SAID, "on the list"), draw_list(catalog, SAID, "off the list")
    assert barcode in on.barcodes
    assert barcode not in off.barcodes
    for drawn in (on, off):
        assert 60 <= len(set(drawn.barcodes)) == len(drawn.barcodes) <= 120
        assert len(drawn.usual) == 20
        assert set(drawn.usual) <= set(drawn.barcodes) <= set(catalog.specs)
    assert draw_list(catalog, SAID, "on the list") == on


def test_no_bearer_of_a_name_that_is_short_for_several_is_left_to_be_meant(catalog: Catalog) -> None:
    name = next(name for name in catalog.spoken_names if name.kind == "ambiguous")
    meant = catalog.specs[name.barcodes[0]].name
    drawn = draw_list(catalog, said(f"{name.text}五条", (meant, 5)), "off the list")
    assert set(name.barcodes).isdisjoint(drawn.barcodes)


def test_the_step_of_the_recording_listens_with_the_list(catalog: Catalog) -> None:
    drawn = draw_list(catalog, SAID, "on the list")
    assert drawn.listen(SAID) == Items(drawn.barcodes, drawn.usual)
    corrected = said("不对，软玉溪五条", ("玉溪(软)", 5), step="yes_no+items")
    assert drawn.listen(corrected) == YesNo(True, drawn.barcodes, drawn.usual)


@pytest.mark.parametrize(("kind", "judged"), [("items", True), ("change", True), ("remove", False), ("none", False)])
def test_lines_of_certain_specs_are_judged(kind: str, judged: bool) -> None:
    assert names_specs(said("软玉溪五条", ("玉溪(软)", 5), kind=kind)) is judged


@pytest.mark.parametrize(
    ("answer", "counted"),
    [
        (heard("items", ["玉溪(软)", 5]), "itself"),
        (heard("items", ["玉溪(软)", 4]), "itself"),
        (heard("ask_back", [["玉溪(软)"], 5]), "itself"),
        (heard("ask_back", [["玉溪(软)", "玉溪(硬)"], 5]), "asked, itself among others"),
        (heard("items", ["玉溪(硬)", 5]), "another taken"),
        (heard("items", ["玉溪(软)", 5], ["云烟(紫)", 5]), "another taken"),
        (heard("remove", ["云烟(紫)", None]), "another taken"),
        (heard("ask_back", [["云烟(紫)"], 5]), "asked about others"),
        (heard("ask_back", [[], 5]), "not understood"),
        (heard("none"), "not understood"),
    ],
)
def test_a_spec_off_the_list_comes_out_as_itself_or_not(answer: dict[str, Any], counted: str) -> None:
    assert off_list_answer(SAID, answer) == counted


def test_of_two_specs_off_the_list_both_have_to_come_out() -> None:
    two = said("软玉溪五条紫云两条", ("玉溪(软)", 5), ("云烟(紫)", 2))
    assert off_list_answer(two, heard("items", ["玉溪(软)", 5])) == "not understood"
    assert off_list_answer(two, heard("items", ["云烟(紫)", 2], ["玉溪(软)", 5])) == "itself"


def test_the_tables_count_what_was_taken_instead() -> None:
    answers = [heard("items", ["玉溪(硬)", 5]), heard("items", ["玉溪(硬)", 5]), heard("items", ["玉溪(软)", 5])]
    evaluated = [Evaluated(SAID, answer, verdict_on(SAID.expect, answer), 1.0, 0.1) for answer in answers]
    rates, instead = off_list_tables(evaluated)
    assert {name: value.split()[-1] for name, value in rates.rows if not value.endswith("0/3")} == {
        "itself": "1/3",
        "another taken": "2/3",
    }
    assert instead.rows == (("玉溪(软)", "玉溪(硬)", "2"),)
    assert [value.split()[-1] for _, value in on_list_table(evaluated).rows] == ["1/3", "2/3", "0/3", "0/3"]
