"""English glosses of what the hotline says, for a visitor who knows no Chinese. Shown, never spoken.

A sentence is matched to the prompt it was made from; a prompt without a gloss is shown in Chinese alone.
"""

from __future__ import annotations

import re
import string
from functools import cache
from pathlib import Path

from cn2an import cn2an

from callflows.prompts import Prompt, load_prompts, read_prompts

_ENGLISH = Path(__file__).with_name("gloss.en.toml")
_NUMBER = re.compile(r"([零一二三四五六七八九十百千万亿两点]+)")
_COUNTED = re.compile(_NUMBER.pattern + r"(?=条|盒|种)")
_MONEY = re.compile(
    r"(?:([零一二两三四五六七八九十百千万亿]+)元)?零?(?:([一二两三四五六七八九])角)?(?:([一二两三四五六七八九])分)?"
)
# Digits are read one by one, with a pause after every four.
_CODE = re.compile(r"[零一幺二三四五六七八九]{4}(，[零一幺二三四五六七八九]{1,4})+")
_DIGITS = str.maketrans("零一幺二三四五六七八九", "01123456789")
_UNITS = (("条", " cartons"), ("盒", " packs"), ("种", " kinds"))


@cache
def read_gloss() -> dict[str, Prompt]:
    """The English of every prompt that has one, by the prompt's key."""
    return dict(read_prompts(_ENGLISH))


def gloss(sentence: str) -> str | None:
    """The sentence in English, or None if it matches no prompt."""
    for pattern, english in _patterns():
        if found := pattern.fullmatch(sentence):
            return english.format_map({name: _with_figures(value) for name, value in found.groupdict().items()})
    return None


@cache
def _patterns() -> tuple[tuple[re.Pattern[str], str], ...]:
    """The prompts as patterns, those with the most literal text first: they are the most specific."""
    found: list[tuple[int, re.Pattern[str], str]] = []
    for key, english in read_gloss().items():
        chinese = load_prompts().get(key)
        if chinese is None:
            continue
        for text, meaning in ((chinese.say, english.say), (chinese.keys, english.keys or english.say)):
            if text is not None:
                pattern, words = _pattern(text)
                found.append((words, pattern, meaning))
    return tuple((pattern, text) for _, pattern, text in sorted(found, key=lambda entry: -entry[0]))


def _pattern(text: str) -> tuple[re.Pattern[str], int]:
    parts: list[str] = []
    words = 0
    seen: set[str] = set()
    for literal, name, _, _ in string.Formatter().parse(text):
        parts.append(re.escape(literal))
        words += len(literal)
        if name:
            parts.append(f"(?P={name})" if name in seen else f"(?P<{name}>.+?)")
            seen.add(name)
    return re.compile("".join(parts)), words


def _with_figures(value: str) -> str:
    """The value with its numbers in figures: 红塔山，五条 becomes 红塔山，5 cartons, and a code becomes its digits."""
    if _CODE.fullmatch(value):
        return value.replace("，", " ").translate(_DIGITS)
    if value and (money := _MONEY.fullmatch(value)):
        yuan, jiao, fen = (int(cn2an(place.replace("两", "二"), "smart")) if place else 0 for place in money.groups())
        return f"{yuan:,}.{jiao}{fen} yuan" if jiao or fen else f"{yuan:,} yuan"
    if _NUMBER.fullmatch(value):
        return _NUMBER.sub(_figure, value).strip()
    value = _COUNTED.sub(_figure, value.replace("条零", "条"))
    for unit, english in _UNITS:
        value = re.sub(rf"(?<=\d){unit}", english, value)
    return re.sub(r"\b1 (carton|pack|kind)s", r"1 \1", value).strip()


def _figure(found: re.Match[str]) -> str:
    try:
        return f" {cn2an(found[1], 'smart'):,}"
    except ValueError:
        return found[0]
