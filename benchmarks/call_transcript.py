"""One call as text with times: what its caller said, and what the telephone received, as our own ear understands it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from benchmarks.sip_callers import QUIET_S, Packet, SipCaller
from ivr.models import TurnRow
from settings import Settings
from speech.model import load_model, locate_model
from speech.recogniser import recognise
from speech.sound.audio import FRAME_BYTES, LINE_RATE, decode_mulaw, upsample

# Sound before and after what was said, in frames.
PADDING = 15


def transcript(caller: SipCaller, call_key: str, said: Path, url: str) -> str:
    """The call, two lines for each thing said: its times in seconds since the answer, who said it, and what: of the
    line the prompt's text, from the file `said` of listening_app, of the caller what the line understood; and below it
    what our ear makes, without a grammar, of the sound that was received or sent."""
    model = load_model(locate_model(Settings()))
    prompts = [(float(at), text) for at, _, text in (one.partition(" ") for one in said.read_text().splitlines())]
    rows: list[tuple[float, float, str, str, bytes]] = []
    for begins, ends, sound in _prompts(caller.received):
        texts = [text for at, text in prompts if at < ends]
        prompts = prompts[len(texts) :]
        rows.append((begins, ends, "line", "".join(texts), sound))
    understood = [*_understood(url, call_key), *("" for _ in caller.said)]
    for (_kind, began, ended), text in zip(caller.said, understood, strict=False):
        first, last = (round((at - caller.answered_at) * LINE_RATE / FRAME_BYTES) for at in (began, ended))
        rows.append((began, ended, "caller", text, b"".join(caller.sent[max(0, first - PADDING) : last + PADDING])))
    lines = [f"Call of {caller.phone}, {caller.over_at - caller.answered_at:.1f} s"]
    for begins, ends, who, text, sound in sorted(rows):
        pcm = upsample(decode_mulaw(sound)).tobytes()
        heard = (recognise(model, None, pcm, 1) or [None])[0]
        times = f"{begins - caller.answered_at:6.2f} - {ends - caller.answered_at:6.2f}"
        lines += [f"{times}  {who:6}  {text}", f"{'':17}  {'heard':6}  {heard.text.replace(' ', '') if heard else '-'}"]
    return "\n".join(lines)


def _prompts(received: Sequence[Packet]) -> list[tuple[float, float, bytes]]:
    """What the line said: the times of the first and last sounding packet of each prompt, and its sound."""
    stretches: list[list[Packet]] = []
    for packet in received:
        if not packet.loud:
            continue
        if not stretches or packet.at - stretches[-1][-1].at > QUIET_S:
            stretches.append([])
        stretches[-1].append(packet)
    found = []
    for stretch in stretches:
        first, last = stretch[0].at, stretch[-1].at
        sound = np.full(round((last - first + 0.4) * LINE_RATE), 0xFF, np.uint8)
        for packet in received:
            at = round((packet.at - first + 0.2) * LINE_RATE)
            if 0 <= at <= len(sound) - len(packet.mulaw):
                sound[at : at + len(packet.mulaw)] = np.frombuffer(packet.mulaw, np.uint8)
        found.append((first, last, sound.tobytes()))
    return found


def _understood(url: str, call_key: str) -> list[str]:
    """What the line understood in the call's turns."""
    engine = create_engine(url)
    try:
        with Session(engine) as session:
            turns = select(TurnRow.turn_input).where(TurnRow.call_key == call_key).order_by(TurnRow.turn_number)
            return [str((one or {}).get("text", "")) for one in session.scalars(turns)]
    finally:
        engine.dispose()
