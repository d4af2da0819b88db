"""A catalogue held in memory: the specs, and the names people say for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

NameKind = Literal["spec", "ambiguous", "brand", "derived"]


@dataclass(frozen=True, slots=True)
class Spec:
    """One 品规, keyed by its carton barcode everywhere in the project.

    `wholesale_fen` and `retail_fen` are fen a carton; `wholesale_estimated` marks an interpolated price, fit for
    demonstration only. `price_band` is the order department's own number, 1 the dearest. `short_code` is keyed on a
    telephone: digits only, unique, stable over imports.
    """

    barcode: str
    name: str
    brand: str
    maker: str
    price_class: str
    pack_barcode: str
    packs_per_carton: int
    cartons_per_case: int
    wholesale_fen: int
    wholesale_estimated: bool
    retail_fen: int
    price_band: int
    short_code: str
    # The reading of the name without brackets where the characters alone mislead, one toned syllable each.
    pinyin: str | None = None


@dataclass(frozen=True, slots=True)
class SpokenName:
    """A name as it is said, and the specs it may mean: one, or several between which the caller is asked."""

    text: str
    barcodes: tuple[str, ...]
    kind: NameKind
    # The reading where the characters alone mislead, one toned syllable each: "chang2 bai2 shan1".
    pinyin: str | None = None

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True)
class Catalog:
    """All specs and spoken names of one catalogue version; `version` changes when either does."""

    version: str
    specs: Mapping[str, Spec]
    spoken_names: tuple[SpokenName, ...]

    @cached_property
    def by_name_or_barcode(self) -> Mapping[str, Spec]:
        """Every spec by its name and by its barcode: files may have either."""
        return {key: spec for spec in self.specs.values() for key in (spec.name, spec.barcode)}
