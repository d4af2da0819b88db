"""The pieces that a voice pack has to have for the line to say everything by it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from itertools import product

from sqlalchemy import select
from sqlalchemy.orm import Session

from brand_catalog.catalog import Catalog
from brand_catalog.spoken_names import split_name, spoken_forms
from callflows import speaking
from callflows.prompts import Prompt, Prompts
from ivr.voice.tiling import PAUSES_MS, piece_text
from orders.models import HotlineRow
from orders.retailers.models import RetailerRow

# Prompts whose name ends so are what callers may say.
_SAID_BY_CALLERS = "_said"
_PLACEHOLDER = re.compile(r"\{[a-z_]+\}")
# Quantities, prices and counts up to here are one piece; larger ones begin with thousands and hundreds.
_WHOLE_UP_TO = 99
_THOUSANDS = 9
_TEN_THOUSANDS = 50
_KINDS = 20
_BELOW_TEN = range(1, 10)
_DIGITS = "零幺二三四五六七八九"
_WEEKDAYS = "一二三四五六日"


def prompt_pieces(prompts: Prompts) -> Iterator[tuple[str, str]]:
    """What stands between the placeholders of each prompt, with the mark that ends it, which decides its melody; each
    after the prompt's key."""
    for key, prompt in prompts.items():
        if not key.endswith(_SAID_BY_CALLERS):
            for text in filter(None, (prompt.say, prompt.keys)):
                yield from ((key, piece) for piece in _PLACEHOLDER.split(text))


def greetings(session: Session, prompts: Prompts) -> Iterator[str]:
    """The greetings of each hotline: prompts with its name, between what is not known before a call. So the first
    sentence of a call has one melody."""
    texts = [text for _, prompt in prompts.items() for text in (prompt.say, prompt.keys or "") if "{company}" in text]
    hellos = [prompts.text(f"greeting.{hello}") for hello in ("hello", "new_year")]
    hotlines = session.scalars(select(HotlineRow).order_by(HotlineRow.id)).all()
    for hello, hotline, text in product(hellos, hotlines, texts):
        known = {"{hello}": hello, "{company}": hotline.name, "{seat}": speaking.seat(hotline.seat)}
        for placeholder, words in known.items():
            text = text.replace(placeholder, words)
        yield from _PLACEHOLDER.split(text)


def prompts_with(piece: str, prompts: Prompts) -> list[str]:
    """The keys of the prompts that have this piece."""
    return list(dict.fromkeys(key for key, text in prompt_pieces(prompts) if piece_text(text) == piece))


def prompt_texts(prompts: Prompts) -> dict[str, str]:
    """The texts of the prompts without placeholders by key; `KEY.keys` is what is said to who has only keys."""
    texts: dict[str, str] = {}
    for key, prompt in prompts.items():
        if prompt.placeholders or key.endswith(_SAID_BY_CALLERS):
            continue
        texts |= _texts_of(key, prompt)
    return texts


def _texts_of(key: str, prompt: Prompt) -> dict[str, str]:
    return {key: prompt.say} | ({f"{key}.keys": prompt.keys} if prompt.keys else {})


def number_pieces(prompts: Prompts) -> Iterator[str]:
    """Numbers, quantities, amounts, days, times of day, and digits, single and in pairs."""
    carton, pack, kind = (prompts.text(f"words.{unit}") for unit in ("carton", "pack", "kind"))
    yield from (char for char in _DIGITS)
    yield from (first + second for first, second in product(_DIGITS, repeat=2))
    for value in range(_WHOLE_UP_TO + 1):
        yield speaking.number(value)
        yield from (speaking.counted(value, unit) for unit in (carton, "元"))
    for value in _BELOW_TEN:
        yield from (speaking.number(value) + unit for unit in "角分")
        yield from ("零" + speaking.counted(value, unit) for unit in (carton, pack, "元"))
        yield from (f"零{speaking.number(value)}{unit}" for unit in ("", "分"))
        yield from (speaking.number(100 * value) + unit for unit in ("", "零", carton, "元"))
        yield speaking.counted(value, pack)
    yield "两角"
    for value in range(1, _THOUSANDS + 1):
        yield from (speaking.number(1000 * value) + unit for unit in ("", "零", carton, "元"))
    yield from (speaking.number(10_000 * value) for value in range(1, _TEN_THOUSANDS + 1))
    yield from (carton, pack, "元", "万", "零", "负")
    for value in range(1, _KINDS + 1):
        yield from (speaking.counted(value, kind), speaking.ordinal(value))
    for hour in range(25):
        yield from (speaking.counted(hour, "点"), speaking.counted(hour, "点") + "半")
    yield from (speaking.number(minute) + "分" for minute in range(10, 60))
    yield from (speaking.number(month) + "月" for month in range(1, 13))
    yield from (speaking.number(day) + "日" for day in range(1, 32))
    yield from ("星期" + weekday for weekday in _WEEKDAYS)


def spec_names(catalog: Catalog) -> Iterator[str]:
    """The names by which the line calls the specs, whole and the parts that specs of a brand share and do not, and the
    codes that they are keyed by."""
    for spec in catalog.specs.values():
        stem, variant = split_name(spec.name)
        yield from (spoken_forms(text)[0] for text in (spec.name, variant or stem, stem))
    for spec in catalog.specs.values():
        yield from _groups(speaking.one_by_one(spec.short_code))


def department_names(session: Session) -> Iterator[str]:
    """The names and numbers of the hotlines with their regions, and the names and codes of the retailers. Digits that
    are said in one breath are one piece: the ear takes eight codes of eight for what they are, against four by pairs
    of digits."""
    for hotline in session.scalars(select(HotlineRow).order_by(HotlineRow.id)):
        yield hotline.name
        yield from (region for _, region in hotline.regions)
        yield from _groups(speaking.telephone(hotline.number))
    for name, code in session.execute(
        select(RetailerRow.name, RetailerRow.customer_code).order_by(RetailerRow.customer_code)
    ):
        yield from (name, *_groups(speaking.one_by_one(code)))


def _groups(digits: str) -> list[str]:
    return digits.split("，")


def wanted_pieces(session: Session, catalog: Catalog, prompts: Prompts) -> dict[str, str]:
    """Every piece the line needs, the most used ones first: by its text, as it is given to the voice."""
    of_prompts = (piece for _, piece in prompt_pieces(prompts))
    groups = (
        greetings(session, prompts),
        of_prompts,
        number_pieces(prompts),
        spec_names(catalog),
        department_names(session),
    )
    return _by_text(text for group in groups for text in group)


def _by_text(texts: Iterable[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for text in texts:
        key = piece_text(text)
        if key:
            ending = text[text.rindex(key) + len(key) :].strip()[:1]
            # A question is asked as one wherever it is one.
            if key not in found or (ending == "？" and not found[key].endswith("？")):
                found[key] = key + (ending if ending in PAUSES_MS else "")
    return found
