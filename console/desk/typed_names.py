"""The names of specs as an operator types them, for the search of the order sheet (`static/spec_search.js`).

A name is typed as characters, as pinyin, as the first letters of its syllables, or mixed. The page gets every written
and spoken name with its syllables, once for a catalogue; the search itself runs in the browser, so that it keeps up
with typing and works while a connection is lost.
"""

from __future__ import annotations

import json
import re
import threading
from bisect import bisect_right
from collections.abc import Iterable, Iterator

from brand_catalog.catalog import Catalog, Spec, SpokenName
from brand_catalog.matching import reading
from brand_catalog.sounds import is_spoken, syllables, toneless
from brand_catalog.spoken_names import split_name
from callflows.price_ranges import STEPS_YUAN
from console.filters import yuan

# The retail prices of a pack, in yuan, from and below which a shelf is: the ranges callers choose from.
SHELVES = tuple(zip((0, *STEPS_YUAN), (*STEPS_YUAN, None), strict=True))

_PIECE = re.compile(r"\d+|[a-z]+|[一-鿿〇]")


class TypedNames:
    """The table of a catalogue's names as JSON, made once for each catalogue and shared by all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._made: tuple[str, str] | None = None

    def table(self, catalog: Catalog) -> str:
        """The specs and their names: `specs` with barcode, name, code, the wholesale price of a carton in yuan and the
        retail price in fen, and the place of a pack's retail price among `SHELVES`; `names` each with its pieces
        ("红hong 塔ta 山shan 100"), the places of its specs in `specs`, and of a written name the number of pieces
        before the bracket, else 0."""
        with self._lock:
            if self._made is None or self._made[0] != catalog.version:
                self._made = catalog.version, _table(catalog)
            return self._made[1]


def _table(catalog: Catalog) -> str:
    places = {barcode: place for place, barcode in enumerate(catalog.specs)}
    names: list[tuple[str, list[int], int]] = []
    for barcode, spec in catalog.specs.items():
        pieces, stem = written_pieces(spec)
        names.append((" ".join(pieces), [places[barcode]], stem))
    for name in catalog.spoken_names:
        known = [places[barcode] for barcode in name.barcodes if barcode in places]
        if known:
            names.append((" ".join(_spoken_pieces(name)), known, 0))
    specs = [
        {
            "barcode": spec.barcode,
            "name": spec.name,
            "code": spec.short_code,
            "price": yuan(spec.wholesale_fen),
            "retailFen": spec.retail_fen,
            "shelf": bisect_right(STEPS_YUAN, spec.retail_fen / spec.packs_per_carton / 100),
        }
        for spec in catalog.specs.values()
    ]
    return json.dumps({"version": catalog.version, "specs": specs, "names": names}, ensure_ascii=False)


def written_pieces(spec: Spec) -> tuple[list[str], int]:
    """The pieces of a written name, and how many of them are before the bracket: characters each with its syllable,
    digits and Latin letters as they are. Where the catalogue prescribes another syllable than the usual one, both."""
    stem, variant = split_name(spec.name)
    before, after = _PIECE.findall(stem.lower()), _PIECE.findall(variant.lower())
    pieces = [*before, *after]
    spoken = "".join(piece for piece in pieces if is_spoken(piece))
    usual = syllables(spoken)
    prescribed = tuple(spec.pinyin.split()) if spec.pinyin else usual
    if len(prescribed) != len(usual):
        # Digits of the name are among the prescribed syllables.
        prescribed = usual
    sounds = iter(_sounds(prescribed, usual))
    return [f"{piece}{next(sounds)}" if is_spoken(piece) else piece for piece in pieces], len(before)


def written_initials(spec: Spec) -> str:
    """The letters a written name begins its syllables with, digits and Latin letters as they are; 黄鹤楼(软蓝) is
    hhlrl."""
    pieces, _ = written_pieces(spec)
    return "".join(piece[1] if is_spoken(piece[0]) else piece for piece in pieces)


def spoken_initials(name: SpokenName) -> str:
    """The letters a spoken name begins its syllables with; 软玉溪 is ryx."""
    return "".join(syllable[0] for syllable in reading(name))


def _spoken_pieces(name: SpokenName) -> Iterator[str]:
    usual = syllables(name.text)
    return (f"{char}{sound}" for char, sound in zip(name.text, _sounds(reading(name), usual), strict=False))


def _sounds(prescribed: Iterable[str], usual: Iterable[str]) -> Iterator[str]:
    for one, other in zip(prescribed, usual, strict=True):
        yield "|".join(dict.fromkeys((toneless(one), toneless(other))))
