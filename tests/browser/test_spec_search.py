"""The search of the order sheet over the demo's whole catalogue: what an operator types is taken for the spec it means,
or asked about. The script is tried by itself, without a line."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from playwright.sync_api import Browser, Page

from brand_catalog.importing import read_catalog_file
from console.desk.typed_names import TypedNames

ROOT = Path(__file__).parents[2]
DEMO = ROOT / "brand_catalog" / "demo"
CATALOG = read_catalog_file(DEMO / "catalog.csv", DEMO / "aliases.csv")
TABLE = TypedNames().table(CATALOG)
NAMES: list[tuple[list[str], list[int], int]] = [
    (text.split(), places, stem) for text, places, stem in json.loads(TABLE)["names"]
]
SPECS = [spec.name for spec in CATALOG.specs.values()]
# A page of its own for each example would take minutes; the search keeps nothing between two texts.
often = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@dataclass(frozen=True)
class Found:
    """The answer to a typed text: what Enter takes, if anything, and all that is offered, as (spec, cartons)."""

    taken: tuple[str, str] | None
    offered: list[tuple[str, str]]


Typed = Callable[[str], Found]


@pytest.fixture(scope="module")
def search_page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    page.add_script_tag(path=ROOT / "console" / "static" / "spec_search.js")
    page.evaluate("table => { window.tried = SpecSearch.over(JSON.parse(table)); }", TABLE)
    yield page
    page.close()


@pytest.fixture
def typed(search_page: Page) -> Typed:
    def type_text(text: str) -> Found:
        found = search_page.evaluate(
            "(text) => window.tried.search(text, () => ({ left: 9, last: 0 }))",
            text,
        )
        offered = [(option["spec"]["name"], option["cartons"]) for option in found["options"]]
        return Found(offered[0] if found["sure"] else None, offered)

    return type_text


@pytest.mark.parametrize(
    ("text", "name", "cartons"),
    [
        # Spoken names, nicknames, and their initials.
        ("软玉溪", "玉溪(软)", ""),
        ("软玉溪5条", "玉溪(软)", "5"),
        ("ryx5", "玉溪(软)", "5"),
        ("硬中华 2", "中华(硬)", "2"),
        ("yzh2", "中华(硬)", "2"),
        ("yzh +2", "中华(硬)", "+2"),
        ("ryx0", "玉溪(软)", "0"),
        ("硬中2", "中华(硬)", "2"),
        ("xhm3", "南京(炫赫门)", "3"),
        # The written name: initials, pinyin whole and begun, characters mixed with letters, wide letters.
        ("hhlrl5", "黄鹤楼(软蓝)", "5"),
        ("ruanyuxi3", "玉溪(软)", "3"),
        ("ruanyx3", "玉溪(软)", "3"),
        ("软yx5", "玉溪(软)", "5"),
        ("红塔山(硬经典)5", "红塔山(硬经典)", "5"),
        ("红塔山新5", "红塔山(新时代)", "5"),
        ("ＨＨＬＲＬ５", "黄鹤楼(软蓝)", "5"),
        # Codes and barcodes.
        ("101*5", "白沙(和天下尊品中支)", "5"),
        ("101 5", "白沙(和天下尊品中支)", "5"),
        ("6901028000659", "双喜(硬经典)", ""),
        # Digits of the name, and the cartons after them.
        ("hhl1916", "黄鹤楼(软1916)", ""),
        ("黄鹤楼 1916", "黄鹤楼(软1916)", ""),
        ("hhl19165", "黄鹤楼(软1916)", "5"),
        ("sxyjd19065", "双喜(硬经典1906)", "5"),
        ("htsyjd5", "红塔山(硬经典)", "5"),
        ("htsyjd 100", "红塔山(硬经典)", "100"),
    ],
)
def test_one_enter_takes_what_the_operator_means(typed: Typed, text: str, name: str, cartons: str) -> None:
    assert typed(text).taken == (name, cartons)


@pytest.mark.parametrize(
    ("text", "offered"),
    [
        # A brand of many specs, two letters that begin many names, a variant of three brands.
        ("hhl5", ("黄鹤楼(软蓝)", "5")),
        ("zh3", ("中华(硬)", "3")),
        ("cz2", ("利群(长嘴)", "2")),
        ("rl5", ("利群(软蓝)", "5")),
        ("软蓝5", ("黄鹤楼(软蓝)", "5")),
        # The digits are a part of the name or the cartons.
        ("htsyjd100", ("红塔山(硬经典100)", "")),
        ("htsyjd100", ("红塔山(硬经典)", "100")),
        ("hts100", ("红塔山(硬经典100)", "")),
        ("hhl3", ("黄鹤楼(软蓝)", "3")),
        # Letters left out in between, or a single one.
        ("fwr5", ("芙蓉王(软蓝)", "5")),
        ("hrl5", ("黄鹤楼(软蓝)", "5")),
        ("r5", ("玉溪(软)", "5")),
        # A part of a code.
        ("10", ("白沙(和天下)", "")),
    ],
)
def test_what_may_mean_several_is_asked_about(typed: Typed, text: str, offered: tuple[str, str]) -> None:
    found = typed(text)
    assert found.taken is None
    assert offered in found.offered


def test_of_equal_matches_the_one_ordered_last_is_the_first(search_page: Page) -> None:
    first = search_page.evaluate(
        """() => window.tried.search("hhl5", (spec) => ({ left: 1, last: spec.name === "黄鹤楼(软蓝)" ? 2 : 0 }))
            .options[0]"""
    )
    assert first["spec"]["name"] == "黄鹤楼(软蓝)"


@pytest.mark.parametrize("text", ["", " ", "5", "+", "*", "*5", "。。", "zzzzqq5", "0", "99999999999999", "ryx*x"])
def test_what_means_nothing_takes_nothing(typed: Typed, text: str) -> None:
    assert typed(text).taken is None


def syllables_of(piece: str) -> list[str]:
    """The ways to spell a piece of a name in full."""
    return piece[1:].split("|") if "一" <= piece[0] <= "鿿" else [piece]


def can_be_spelt(text: str, pieces: list[str]) -> bool:
    """True if the text spells consecutive pieces of a name, each by its character or by letters that begin it."""
    pattern = ""
    numerals = dict(zip("零一幺二三四五六七八九", "01123456789", strict=True))
    for piece in reversed(pieces):
        ways = {way[:length] for way in syllables_of(piece) for length in range(1, len(way) + 1)}
        ways |= {piece[0], numerals.get(piece[0], piece[0])} if len(syllables_of(piece)[0]) < len(piece) else set()
        pattern = f"(?:{'|'.join(sorted(map(re.escape, ways)))})(?:{pattern})?"
    return bool(re.fullmatch(pattern, text))


def fits(text: str, spec: str) -> bool:
    """True if the text is a code of the spec, or spells consecutive pieces of one of its names."""
    place = SPECS.index(spec)
    known = [pieces for pieces, places, _ in NAMES if place in places]
    code = list(CATALOG.specs.values())[place].short_code
    return text == code or any(can_be_spelt(text, pieces[start:]) for pieces in known for start in range(len(pieces)))


written = st.sampled_from([name for name in NAMES if name[2]])


@often
@given(name=written, ways=st.lists(st.integers(0, 2), min_size=20, max_size=20), cartons=st.integers(1, 99))
def test_a_written_name_spelt_in_any_way_is_offered_and_nothing_else_is_taken(
    typed: Typed, name: tuple[list[str], list[int], int], ways: list[int], cartons: int
) -> None:
    pieces, [place], _ = name
    text = ""
    for piece, way in zip(pieces, ways, strict=False):
        spelt = syllables_of(piece)[0]
        text += piece[0] if way == 0 and spelt != piece else spelt if way < 2 or piece.isdigit() else spelt[0]
    found = typed(f"{text} {cartons}")
    assert (SPECS[place], str(cartons)) in found.offered
    if found.taken is not None:
        assert found.taken[1] in (str(cartons), "")
        assert found.taken[0] == SPECS[place] or fits(text, found.taken[0])


@often
@given(name=written, kept=st.lists(st.booleans(), min_size=20, max_size=20), cartons=st.integers(1, 99))
def test_letters_left_out_in_between_are_never_taken(
    typed: Typed, name: tuple[list[str], list[int], int], kept: list[bool], cartons: int
) -> None:
    letters = "".join(
        syllables_of(piece)[0][0] for piece, keep in zip(name[0], kept, strict=False) if keep and not piece.isdigit()
    )
    found = typed(f"{letters}{cartons}")
    assert found.taken is None or fits(letters, found.taken[0]) or fits(f"{letters}{cartons}", found.taken[0])


@often
@given(text=st.text(alphabet="abcdefghijlmnqrstxyz0123456789 +*软硬红中华玉溪", max_size=9))
def test_whatever_is_typed_only_what_it_spells_is_taken_and_with_the_cartons_typed(typed: Typed, text: str) -> None:
    found = typed(text)
    if found.taken is not None:
        name, cartons = found.taken
        plain = re.sub(r"[ +*]", "", text)
        assert plain.endswith(cartons.lstrip("+"))
        rest = plain[: len(plain) - len(cartons.lstrip("+"))]
        assert fits(rest, name)
        # Nothing else that is offered is spelt as wholly with other cartons typed.
        assert len(set(found.offered)) == len(found.offered)
