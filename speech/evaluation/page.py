"""The evaluation as an HTML page: every recording playable beside its result, the wrong ones first."""

from __future__ import annotations

import base64
import io
import json
import wave
from collections.abc import Sequence
from html import escape
from pathlib import Path

from speech.evaluation.recordings import Evaluated
from speech.evaluation.tables import Table
from speech.sound.audio import LINE_RATE, read_audio

_ORDER = ("wrong", "missed", "asked back", "accepted", "exact")
_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2em auto; max-width: 72em; padding: 0 1em; }
table { border-collapse: collapse; width: 100%; margin: 1em 0 2em; }
td, th { border-bottom: 1px solid #ddd; padding: .35em .6em; text-align: left; vertical-align: top; }
.wrong td:first-child { border-left: 4px solid #c00; } .missed td:first-child { border-left: 4px solid #e80; }
.asked td:first-child { border-left: 4px solid #cc0; }
.accepted td:first-child, .exact td:first-child { border-left: 4px solid #090; }
code { font-size: 13px; } audio { height: 2em; width: 14em; }
"""


def write_report(path: Path, title: str, tables: Sequence[Table], evaluated: Sequence[Evaluated]) -> None:
    """Write the page to `path`: the tables and the recordings; it needs no other file."""
    rows = "".join(_row(one) for one in sorted(evaluated, key=lambda one: _ORDER.index(one.verdict)))
    path.write_text(
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>"
        f"<h1>{escape(title)}</h1>{''.join(map(_table, tables))}"
        "<h2>Recordings</h2><table>"
        "<tr><th>verdict<th>sound<th>condition<th>said<th>recognised<th>words recognised<th>confidence</tr>"
        f"{rows}</table></html>",
        encoding="utf-8",
    )


def _table(table: Table) -> str:
    rows = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in table.rows)
    header = "".join(f"<th>{escape(name)}" for name in table.header)
    return f"<h2>{escape(table.title)}</h2><table><tr>{header}</tr>{rows}</table>"


def _row(one: Evaluated) -> str:
    recognised = {key: one.answer[key] for key in ("kind", "items", "digits", "name") if one.answer[key]}
    expected = json.dumps(dict(one.recording.expect), ensure_ascii=False)
    return (
        f"<tr class='{one.verdict.split()[0]}'><td>{one.verdict}</td>"
        f"<td><audio controls preload=none src='data:audio/wav;base64,{_wav(one.recording.file)}'></audio></td>"
        f"<td>{escape(one.recording.condition)}</td>"
        f"<td>{escape(one.recording.text)}<br><code>{escape(expected)}</code></td>"
        f"<td><code>{escape(json.dumps(recognised, ensure_ascii=False))}</code></td>"
        f"<td>{escape(one.answer['text'])}</td><td>{one.answer['score']}</td></tr>"
    )


def _wav(file: Path) -> str:
    sound = io.BytesIO()
    with wave.open(sound, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(LINE_RATE)
        out.writeframes(read_audio(file, LINE_RATE).tobytes())
    return base64.b64encode(sound.getvalue()).decode("ascii")
