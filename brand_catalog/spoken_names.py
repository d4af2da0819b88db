"""The spoken names of specs: derived from the written names, extended by the aliases, with shared names marked.

A written name is `stem(variant)`. Callers say it as written, with the variant first, without the packaging word, or by
the variant alone where it is long enough to be unique. All of that follows from the structure of the name; the
packaging words and the readings of letters are data (`name_parts.toml`).
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice, product
from pathlib import Path
from typing import Any

from brand_catalog.catalog import NameKind, Spec, SpokenName

# A variant said before its stem (软蓝利群) is short; 恒大天青细支牡丹 is never said.
LONGEST_VARIANT_SAID_FIRST = 4
# A variant said alone has to be long enough that everyday words do not become order lines.
SHORTEST_VARIANT_SAID_ALONE = 3
# A variant shared by more specs than this is a word of the trade, not a name.
MAX_SPECS_OF_VARIANT = 3
SHORTEST_STEM_SAID_ALONE = 2
# The most readings kept of one name: readings multiply with every number in it.
MAX_READINGS = 12

_DIGITS = "零一二三四五六七八九"
_TOKEN = re.compile(r"\d+(?:\.\d+)?|[A-Za-z]+|[一-鿿]")
_NUMBERED = re.compile(r"^(?P<words>\D+)(?P<number>\d{4,}|\d+\.\d+)$")
_WRITTEN = re.compile(r"^(?P<stem>[^()（）]+)(?:[(（](?P<variant>.*)[)）])?$")


@dataclass(frozen=True, slots=True)
class Alias:
    """A name from the alias file. `targets` are barcodes, the most frequent first; with `brand` the name is that of a
    whole brand, whose usual spec, if there is one, comes first."""

    text: str
    targets: tuple[str, ...]
    brand: bool = False
    pinyin: str | None = None


@dataclass(frozen=True, slots=True)
class _SpokenForm:
    """A spoken form being built: its characters, each with its syllable where the catalogue prescribes one."""

    characters: tuple[str, ...]
    syllables: tuple[str | None, ...]

    def __add__(self, other: _SpokenForm) -> _SpokenForm:
        return _SpokenForm(self.characters + other.characters, self.syllables + other.syllables)

    def __getitem__(self, part: slice) -> _SpokenForm:
        return _SpokenForm(self.characters[part], self.syllables[part])

    def __len__(self) -> int:
        return len(self.characters)

    @property
    def text(self) -> str:
        return "".join(self.characters)

    @property
    def pinyin(self) -> str | None:
        known = [syllable for syllable in self.syllables if syllable]
        return " ".join(known) if known and len(known) == len(self.syllables) else None


def _load_parts() -> dict[str, Any]:
    with Path(__file__).with_name("name_parts.toml").open("rb") as file:
        return tomllib.load(file)


_PARTS = _load_parts()


# A strength or a length (三毫克) does not distinguish names.
_MEASURE = re.compile(rf"[{_DIGITS}十百点]+({'|'.join(word for words in _PARTS['units'].values() for word in words)})")


def derive_spoken_names(specs: Iterable[Spec], aliases: Iterable[Alias] = ()) -> tuple[SpokenName, ...]:
    """Every name under which these specs may be asked for, each text once, with the specs it may mean.

    A written name outranks an alias, and both outrank a derived name: a derived name that is also a spec's full name
    means that spec alone. A name shared by several specs becomes one ambiguous name.
    """
    specs = list(specs)
    names = _Names()
    for spec in specs:
        for stem_said, variant in _readings(spec):
            names.add(stem_said + variant, (spec.barcode,), "spec")
    names.close_rank()
    stems = _by_stem(specs)
    for alias in aliases:
        kind: NameKind = "brand" if alias.brand else "spec" if len(alias.targets) == 1 else "ambiguous"
        # An alias that is also a stem is a name of all of the stem's specs; the alias decides which come first.
        more = stems.get(alias.text, ()) if kind != "spec" else ()
        names.add_text(alias.text, (*alias.targets, *more), kind, alias.pinyin)
    names.close_rank()
    for stem, barcodes in stems.items():
        if len(stem) >= SHORTEST_STEM_SAID_ALONE:
            names.add_text(stem, barcodes, "brand", None)
    names.close_rank()
    for spec in specs:
        for stem_said, variant in _readings(spec):
            if 0 < len(variant) <= LONGEST_VARIANT_SAID_FIRST:
                names.add(variant + stem_said, (spec.barcode,), "derived")
    for alias in aliases:
        for text in _alias_with_stem(alias, specs):
            names.add_text(text, alias.targets, "derived", None)
    names.close_rank()
    for spec in specs:
        for stem_said, variant in _readings(spec):
            for said in _with_stem(stem_said, variant):
                names.add(said, (spec.barcode,), "derived")
        for text in _forms_by_number(spec):
            names.add_text(text, (spec.barcode,), "derived", None)
    alone = _Names()
    for spec in specs:
        for _, variant in _readings(spec):
            for said in _variant_alone(variant):
                alone.add(said, (spec.barcode,), "derived")
    for name in alone.all():
        if len(name.barcodes) <= MAX_SPECS_OF_VARIANT:
            names.add_text(name.text, name.barcodes, "derived", name.pinyin)
    return tuple(names.all())


def spoken_forms(written: str) -> tuple[str, ...]:
    """The spoken forms of a written text, likeliest first: numbers and letters in words, symbols dropped."""
    return tuple(said.text for said in islice(_forms_of(written), MAX_READINGS) if said.text)


class _Names:
    """Names collected by text. Within a rank, specs under one text add up; a text of a closed rank is final."""

    def __init__(self) -> None:
        self._names: dict[str, SpokenName] = {}
        self._closed: set[str] = set()

    def add(self, said: _SpokenForm, barcodes: Sequence[str], kind: NameKind) -> None:
        self.add_text(said.text, barcodes, kind, said.pinyin)

    def add_text(self, text: str, barcodes: Sequence[str], kind: NameKind, pinyin: str | None) -> None:
        if not text or not barcodes or text in self._closed:
            return
        known = self._names.get(text)
        together = tuple(dict.fromkeys((*(known.barcodes if known else ()), *barcodes)))
        if known is not None:
            kind, pinyin = known.kind, known.pinyin or pinyin
        if len(together) > 1 and kind != "brand":
            kind = "ambiguous"
        self._names[text] = SpokenName(text, together, kind, pinyin)

    def close_rank(self) -> None:
        self._closed = set(self._names)

    def all(self) -> list[SpokenName]:
        return list(self._names.values())


def split_name(name: str) -> tuple[str, str]:
    """The stem and the variant of a written name; the variant is empty where there are no brackets."""
    match = _WRITTEN.match(name.strip())
    if match is None:
        return name, ""
    return match["stem"], match["variant"] or ""


def _by_stem(specs: Sequence[Spec]) -> dict[str, tuple[str, ...]]:
    """The barcodes of each stem and each brand, by spoken form."""
    found: dict[str, tuple[str, ...]] = {}
    for spec in specs:
        for written in dict.fromkeys((split_name(spec.name)[0], spec.brand)):
            for said in islice(_forms_of(written), MAX_READINGS):
                found[said.text] = (*found.get(said.text, ()), spec.barcode)
    return found


def _readings(spec: Spec) -> Iterator[tuple[_SpokenForm, _SpokenForm]]:
    stem, variant = split_name(spec.name)
    pairs = islice(product(_forms_of(stem), _forms_of(variant)), MAX_READINGS)
    if not spec.pinyin:
        yield from pairs
        return
    syllables = tuple(spec.pinyin.split())
    for stem_said, variant_said in pairs:
        cut = len(stem_said)
        yield _SpokenForm(stem_said.characters, syllables[:cut]), _SpokenForm(variant_said.characters, syllables[cut:])


def _with_stem(stem: _SpokenForm, variant: _SpokenForm) -> Iterator[_SpokenForm]:
    """The stem combined with the variant said in another way than written."""
    for other in _other_variant_forms(variant):
        yield stem + other
        if 1 < len(other) <= LONGEST_VARIANT_SAID_FIRST:
            yield other + stem


def _alias_with_stem(alias: Alias, specs: Sequence[Spec]) -> Iterator[str]:
    """The alias of one spec combined with its stem: 二代 is also said 白沙二代."""
    if alias.brand or len(alias.targets) != 1:
        return
    spec = next((spec for spec in specs if spec.barcode == alias.targets[0]), None)
    if spec is None:
        return
    stem = next(iter(spoken_forms(split_name(spec.name)[0])), "")
    if stem and not set(stem) & set(alias.text):
        yield stem + alias.text
        yield alias.text + stem


def _forms_by_number(spec: Spec) -> Iterator[str]:
    """The halves of a variant that ends in a number: 招财猫1600 is also 招财猫, 双喜硬经典1906 also 双喜1906; of a
    strength (硬红2.0) the number is not said alone."""
    stem, variant = split_name(spec.name)
    match = _NUMBERED.match(variant)
    if match is None:
        return
    for stem_said in spoken_forms(stem):
        if "." not in match["number"]:
            yield from (stem_said + number for number in spoken_forms(match["number"]))
        for words in spoken_forms(match["words"]):
            if len(words) >= SHORTEST_VARIANT_SAID_ALONE:
                yield stem_said + words
                yield words


def _variant_alone(variant: _SpokenForm) -> Iterator[_SpokenForm]:
    """The variant by itself, if enough of it is a name and not packaging, size or strength."""
    for said in (variant, *_other_variant_forms(variant)):
        _, _, core = _split_variant(said)
        distinct = len(_MEASURE.sub("", core.text))
        if len(said) >= SHORTEST_VARIANT_SAID_ALONE and distinct >= 2:
            yield said


def _other_variant_forms(variant: _SpokenForm) -> Iterator[_SpokenForm]:
    """The variant with its size word at the other end, and both without the packaging word."""
    packaging, size, core = _split_variant(variant)
    for front in dict.fromkeys((packaging, packaging[:0])):
        for said in dict.fromkeys((front + core + size, front + size + core)):
            if len(core) and said.text != variant.text:
                yield said


def _split_variant(variant: _SpokenForm) -> tuple[_SpokenForm, _SpokenForm, _SpokenForm]:
    """The packaging word, the size word and the rest; each may be empty."""
    nothing = variant[:0]
    packaging, core = nothing, variant
    for word in _PARTS["packaging"]:
        if core.text.startswith(word):
            packaging, core = core[: len(word)], core[len(word) :]
            break
    for word in _PARTS["size"]:
        if core.text.startswith(word):
            return packaging, core[: len(word)], core[len(word) :]
        if core.text.endswith(word):
            return packaging, core[-len(word) :], core[: -len(word)]
    return packaging, nothing, core


def _forms_of(written: str) -> Iterator[_SpokenForm]:
    pieces = [_token_forms(token) for token in _TOKEN.findall(written)]
    for forms in product(*pieces):
        text = "".join(forms)
        yield _SpokenForm(tuple(text), (None,) * len(text))


def _token_forms(token: str) -> tuple[str, ...]:
    if token[0].isdigit():
        return tuple(dict.fromkeys(_number_forms(token)))
    if token.isascii():
        unit = _PARTS["units"].get(token)
        return tuple(unit) if unit else tuple("".join(form) for form in product(*map(_letter_forms, token)))
    return (token,)


def _letter_forms(letter: str) -> tuple[str, ...]:
    return tuple(_PARTS["letters"].get(letter.upper(), [letter]))


def _number_forms(digits: str) -> Iterator[str]:
    """1906: 一九零六, 幺九零六, 一千九百零六; 777: 三个七 and 七七七; 15: 十五 and 一五; 2.0: 二点零."""
    if "." in digits:
        whole, part = digits.split(".")
        for form in _number_forms(whole):
            yield f"{form}点{_one_by_one(part)}"
        return
    value = int(digits)
    cardinal = _cardinal(value) if not digits.startswith("0") and value < 10_000 else None
    if len(digits) < 3 and cardinal:
        yield cardinal
        return
    if len(digits) > 2 and len(set(digits)) == 1:
        yield f"{_DIGITS[len(digits)]}个{_DIGITS[int(digits[0])]}"
    yield _one_by_one(digits)
    if len(digits) > 2 and "1" in digits:
        yield _one_by_one(digits).replace("一", "幺")
    if cardinal:
        yield cardinal


def _one_by_one(digits: str) -> str:
    return "".join(_DIGITS[int(digit)] for digit in digits)


def _cardinal(value: int) -> str:
    if value < 10:
        return _DIGITS[value]
    if value < 20:
        return "十" + (_DIGITS[value - 10] if value > 10 else "")
    for size, word in ((1000, "千"), (100, "百"), (10, "十")):
        if value >= size:
            head, rest = divmod(value, size)
            zero = "零" if rest and rest < size // 10 else ""
            return _DIGITS[head] + word + zero + (_tail(rest, size) if rest else "")
    raise AssertionError(value)


def _tail(rest: int, size: int) -> str:
    # 一百一十五, not 一百十五
    return ("一" if 10 <= rest < 20 and size >= 100 else "") + _cardinal(rest)
