"""Recognition rate of spoken customer codes: `python -m benchmarks.code_recognition DIR...` (labelled folders).

The retailers are synthetic: 15,000 of one city, its serial numbers as dense as a city's are, the labelled codes among
them. Labelled codes from elsewhere are unlike the rest, which helps; so "neighbours" puts every labelled code into the
middle of a city of its own, where almost every serial number next to it is taken.
"""

from __future__ import annotations

import json
import random
import sys
import time
from collections import Counter
from pathlib import Path

from settings import Settings
from speech.customer_codes import CODE_ALTERNATIVES, KnownCodes, code_grammar, recognise_code
from speech.model import load_model, locate_model
from speech.recogniser import recognise
from speech.sound.audio import LINE_RATE, read_audio
from speech.stream_recogniser import speech_segment

RETAILERS = 15_000
REGION = "410502"


def city_codes(region: str, labelled: set[str]) -> KnownCodes:
    """A city's retailers, mostly individual (1) with some companies (2), and the labelled codes among them."""
    chance = random.Random(region)
    codes = set(labelled)
    while len(codes) < RETAILERS:
        codes.add(f"{region}{chance.choice('1111112')}{chance.randrange(1, RETAILERS + 1_000):05d}")
    return KnownCodes(codes)


def neighbouring_codes(code: str) -> KnownCodes:
    """As many codes of the same region, as near to `code` as a city's codes are to each other."""
    chance = random.Random(code)
    serial = int(code[7:])
    first = max(0, min(serial - RETAILERS // 2, 99_999 - RETAILERS))
    kinds = f"{code[6] * 6}{'1' if code[6] == '2' else '2'}"
    codes = {code}
    while len(codes) < RETAILERS:
        codes.add(f"{code[:6]}{chance.choice(kinds)}{first + chance.randrange(RETAILERS + 1_000):05d}"[:12])
    return KnownCodes(codes)


def main() -> None:
    """Print right, wrong and asked again for every folder, and the share with all digits right without any table."""
    model = load_model(locate_model(Settings()))
    for folder in map(Path, sys.argv[1:]):
        rows = [json.loads(line) for line in (folder / "labels.jsonl").read_text().splitlines()]
        rows = [row for row in rows if row["expect"]["kind"] == "digits"]
        city = city_codes(REGION, {row["expect"]["digits"] for row in rows})
        counts: dict[str, Counter[str]] = {"city": Counter(), "neighbours": Counter(), "no table": Counter()}
        took: list[float] = []
        for row in rows:
            code = row["expect"]["digits"]
            pcm = speech_segment(read_audio(folder / row["file"], LINE_RATE))
            first = recognise(model, code_grammar(), pcm, CODE_ALTERNATIVES)
            for name, known in (("city", city), ("neighbours", neighbouring_codes(code)), ("no table", None)):
                begun = time.perf_counter()
                heard = recognise_code(model, pcm, len(code), known, first)
                if name == "city":
                    took.append(time.perf_counter() - begun)
                right = heard.codes[:1] == (code,)
                if name == "no table":
                    counts[name]["right" if right else "wrong"] += 1
                else:
                    counts[name][("right" if right else "WRONG") if heard.accepted else "asked"] += 1
                    counts[name]["right though asked"] += right and not heard.accepted
        print(f"{folder}: {len(rows)} codes; deciding took {sorted(took)[len(took) // 2]:.2f} s (median)")
        for name, count in counts.items():
            shares = ", ".join(f"{what} {number} ({number / len(rows):.0%})" for what, number in sorted(count.items()))
            print(f"  {name:>10}: {shares}")


if __name__ == "__main__":
    main()
