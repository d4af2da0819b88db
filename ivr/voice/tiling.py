"""A sentence divided into pieces that there is sound for, and the pauses between them."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import dataclass
from functools import cache
from typing import Final

# The pause that a mark of punctuation stands for, in milliseconds.
PAUSES_MS: Final = {
    **dict.fromkeys("。？！.?!…", 380),
    **dict.fromkeys("；：;:", 260),
    **dict.fromkeys("，,—", 200),
    **dict.fromkeys("、", 140),
    **dict.fromkeys("（）()《》“”‘’「」\"' \t\n", 0),
}
# Longer than what any prompt has between two placeholders.
LONGEST_PIECE: Final = 200
# A gap costs more than many pieces, so that nothing is left to the robot voice that the pack can say; a name that the
# pack lacks is one gap, as its single characters are not worth a change of voice.
GAP_COST: Final = 4.0
GAP_CHARACTER_COST: Final = 0.8
PIECE_COST: Final = 1.0


@dataclass(frozen=True, slots=True)
class Tile:
    """A piece of a sentence, and the pause after it in milliseconds; `gap` is true if there is no sound for it."""

    text: str
    pause_ms: int
    gap: bool = False


def piece_text(text: str) -> str:
    """The text as it names its sound: without punctuation at either end."""
    return text.strip("".join(PAUSES_MS))


def tile(sentence: str, pieces: Container[str]) -> list[Tile]:
    """The sentence in as few and as long pieces as there are, and gaps between them."""
    starts = [place for place, char in enumerate(sentence) if char not in PAUSES_MS]
    # For each place from the end: the cost of the rest, the end of its first tile, and whether that is a gap.
    best: dict[int, tuple[float, int, bool]] = {len(sentence): (0.0, len(sentence), False)}

    @cache
    def next_start(place: int) -> int:
        return next((start for start in starts if start >= place), len(sentence))

    for start in reversed(starts):
        choices = []
        for end in range(start + 1, min(len(sentence), start + LONGEST_PIECE) + 1):
            if sentence[end - 1] in PAUSES_MS:
                continue
            rest = best[next_start(end)][0]
            if sentence[start:end] in pieces:
                choices.append((PIECE_COST + rest, -end, False))
            choices.append((GAP_COST + GAP_CHARACTER_COST * (end - start) + rest, -end, True))
        cost, end, gap = min(choices)
        best[start] = (cost, -end, gap)

    tiles = []
    place = next_start(0)
    while place < len(sentence):
        _, end, gap = best[place]
        following = next_start(end)
        pause = max((PAUSES_MS[char] for char in sentence[end:following]), default=0)
        tiles.append(Tile(sentence[place:end], pause, gap))
        place = following
    return tiles


def parts_before_gaps(sentence: str, pieces: Container[str]) -> list[str]:
    """The sentence divided before each gap, so that what there is sound for can be heard while a gap is being made."""
    parts, place = [""], 0
    tiles = tile(sentence, pieces)
    for number, one in enumerate(tiles):
        start = sentence.index(one.text, place)
        end = (
            sentence.index(tiles[number + 1].text, start + len(one.text)) if number + 1 < len(tiles) else len(sentence)
        )
        if one.gap and parts[-1]:
            parts.append("")
        parts[-1] += sentence[start:end]
        place = start + len(one.text)
    return parts
