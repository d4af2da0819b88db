"""The line on an exchange of one's own under calls, measured from outside: by what a SIP telephone sends and receives.

A real Asterisk and a served line on a database of its own; callers over SIP, their sound as RTP in real time, each
ordering from a registered number: yes, one item, another, several, done, yes. A reply is measured from the last
sounding frame of the caller, as it was sent, to the first sounding frame of the line, as it was received. Then callers
who speak, or press a key, while the line speaks: from the first sounding frame, or the key, to the last sounding frame
of the prompt.

`python -m benchmarks.bench_exchange [--postgres] [CALLS ...]`: how many calls at once, one row each; 1 and 20 if left
out. `--transcript` prints one whole call instead, as heard text with times.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from benchmarks.bench_line import AUDIO, DIALS_EVERY_S, SAID, Load, calls_made, database, load, most_memory, seeded
from benchmarks.call_transcript import transcript
from benchmarks.line_callers import Speech, noise_frames
from benchmarks.listening_app import HEARD_FOLDER, kept
from benchmarks.sip_callers import SipCaller, SipOutcome, make_calls
from ivr.models import Call
from orders.book.models import OrderRow
from orders.retailers.models import RetailerPhone
from settings import Settings
from speech.evaluation.tables import Table, quantile
from tests.support.exchange import Exchange, need_asterisk, started_exchange
from tests.support.exchange_line import LINE, ExchangeLine
from tests.support.rtp import FRAME_S, KEY_PAUSE_FRAMES
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.sip_telephone import calling

KINDS = ("one item", "yes", "done", "all")
ORDERED = {"玉溪(软)": 2.0, "红塔山(硬经典)": 5.0, "利群(新版)": 5.0, "云烟(紫)": 3.0}
BARGES = 10
# A caller breaks in this long after the prompt's beginning, and later each time; a prompt that was broken off is
# silent for so long.
BARGES_IN_S = 1.0
LATER_S = 0.13
SILENT_S = 0.35
# Nobody's number: its caller is asked for the customer code.
UNKNOWN_PHONE = "+8613700000000"
HEADER = (
    "calls at once",
    *(f"{kind}, ms p50/p95/p99" for kind in KINDS),
    "no reply",
    "orders right",
    "calls not ended by the line",
    "packets lost, gaps, of received; frames played",
    "frames lost, strange, of sent",
    "CPU s a call: Asterisk, line",
    "calls a core",
    "memory MB, PSS: Asterisk, line",
    "benchmark: CPU s a call, sent late ms p95/max",
)


@dataclass(frozen=True)
class World:
    """An exchange and a line on it, with the phones of retailers that may still order."""

    exchange: Exchange
    served: ExchangeLine
    folder: Path
    phones: list[str]

    @property
    def heard(self) -> Path:
        """The folder of what the line has heard."""
        return self.folder / "heard"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("calls", nargs="*", type=int, default=[1, 20], help="how many calls at once")
    parser.add_argument("--postgres", action="store_true", help="on PostgreSQL instead of SQLite")
    parser.add_argument("--transcript", action="store_true", help="print one whole call instead")
    parser.add_argument("--barges", type=int, default=BARGES, help="how many callers break in, each way")
    arguments = parser.parse_args()
    try:
        need_asterisk()
    except pytest.skip.Exception as missing:
        # `make bench` goes on with the others.
        print(f"Not measured: {missing}")
        return
    counts = [] if arguments.transcript else arguments.calls
    with _world(sum(calls_made(count) for count in counts) + 3, arguments.postgres) as world:
        # The first call finds everything cold; it is not counted.
        first = asyncio.run(_calls(world, 1, SipOutcome()))[0]
        if arguments.transcript:
            key = _call_keys(world.served.database_url)[first.phone]
            print(transcript(first, key, world.heard / f"{key}.said", world.served.database_url))
            return
        rows = []
        for count in counts:
            rows.append(_row(world, count))
            print(Table("So far", HEADER, (rows[-1],)), flush=True)
        print(Table("Replies, from the last sounding frame sent to the first one received", HEADER, tuple(rows)))
        print(_barge_ins(world, arguments.barges))


@contextlib.contextmanager
def _world(phones: int, postgres: bool) -> Iterator[World]:
    # The folder's name is short, as the socket of Asterisk's console has a path of 107 characters at most.
    with (
        tempfile.TemporaryDirectory(prefix="x", dir="/tmp") as name,
        database(Path(name), postgres) as url,
        started_exchange(Path(name)) as exchange,
    ):
        folder, shift = Path(name), shift_to_morning()
        known = seeded(url, phones, shifted_clock(shift)())
        heard = {HEARD_FOLDER: str(folder / "heard")}
        # The voice that the line would serve with.
        voice = {"VOICE_PACK": str(Settings().voice_pack or "")}
        served = ExchangeLine(exchange, url, folder, shift, "benchmarks.listening_app", **heard, **voice)
        world = World(exchange, served, folder, known)
        world.heard.mkdir()
        try:
            served.start()
            yield world
        except BaseException:
            print(served.log()[-5_000:], file=sys.stderr)
            raise
        finally:
            served.kill()


async def _calls(world: World, count: int, outcome: SipOutcome) -> list[SipCaller]:
    """Make so many calls at once."""
    speeches = [Speech.of_file(kind, AUDIO / f"{name}.ulaw") for kind, name in SAID]
    noise = noise_frames()
    callers = [SipCaller(world.phones.pop(), speeches, noise, outcome) for _ in range(count)]
    await make_calls(world.exchange, LINE, callers, DIALS_EVERY_S)
    # The line closes its files when it has heard of the end.
    await asyncio.sleep(1)
    keys = _call_keys(world.served.database_url)
    for caller in callers:
        caller.count(*kept(world.heard, keys.get(caller.phone, "")))
    return callers


def _row(world: World, count: int) -> tuple[str, ...]:
    outcome, calls, callers = SipOutcome(), 0, []
    before, own = _loads(world), _own_cpu_s()
    memory = 0.0, 0.0
    while calls < calls_made(count):
        made, most = asyncio.run(_watched(world, count, outcome))
        callers += made
        memory = max(memory[0], most[0]), max(memory[1], most[1])
        calls += count
    after = _loads(world)
    asterisk_s, line_s = (now.cpu_s - then.cpu_s for now, then in zip(after, before, strict=True))
    own_s = _own_cpu_s() - own
    for failure in dict.fromkeys(outcome.failures):
        print(f"  {outcome.failures.count(failure)} x {failure}", file=sys.stderr)
    right = sum(_ordered(world.served.database_url, caller.phone) == [ORDERED] for caller in callers)
    a_core = sum(outcome.lasted) / (asterisk_s + line_s)
    return (
        str(count),
        *(_spread([took for of, took in outcome.replies if kind in (of, "all")], 0.5, 0.95, 0.99) for kind in KINDS),
        f"{len(outcome.unanswered)} of {len(outcome.replies) + len(outcome.unanswered)}",
        f"{right} of {calls}",
        f"{calls - outcome.ended_by_line} of {calls}",
        f"{outcome.packets_lost}, {outcome.gaps} of {outcome.packets}; {outcome.played}",
        f"{outcome.frames_lost}, {outcome.frames_strange} of {outcome.frames}",
        f"{asterisk_s / calls:.1f}, {line_s / calls:.1f}",
        f"{a_core:.0f}",
        f"{memory[0]:.0f}, {memory[1]:.0f}",
        f"{own_s / calls:.1f}, {_spread(outcome.late, 0.95, 1.0)}",
    )


async def _watched(world: World, count: int, outcome: SipOutcome) -> tuple[list[SipCaller], tuple[float, float]]:
    """Make so many calls at once, and return them with the most memory that Asterisk and the line used."""
    processes = world.exchange.process_id, world.served.process_id
    watches = [asyncio.create_task(most_memory(process)) for process in processes]
    callers = await _calls(world, count, outcome)
    for watch in watches:
        watch.cancel()
    asterisk, line = await asyncio.gather(*watches)
    return callers, (asterisk, line)


def _loads(world: World) -> tuple[Load, Load]:
    return load(world.exchange.process_id), load(world.served.process_id)


def _own_cpu_s() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _spread(seconds: Sequence[float], *shares: float) -> str:
    return " / ".join(f"{1000 * quantile(sorted(seconds), share):.0f}" for share in shares) if seconds else "-"


def _call_keys(url: str) -> dict[str, str]:
    """The key of the latest call from each phone."""
    engine = create_engine(url)
    try:
        with Session(engine) as session:
            calls = select(Call.caller, Call.call_key).order_by(Call.started_at)
            return {call.caller: call.call_key for call in session.execute(calls)}
    finally:
        engine.dispose()


def _ordered(url: str, phone: str) -> list[dict[str, float]]:
    """The cartons of each spec in the orders that the retailer with this phone has confirmed."""
    engine = create_engine(url)
    try:
        with Session(engine) as session:
            retailer = select(RetailerPhone.retailer_id).where(RetailerPhone.phone == phone)
            rows = session.scalars(
                select(OrderRow).where(OrderRow.retailer_id.in_(retailer), OrderRow.state == "confirmed")
            )
            return [{line.spec_name: line.granted_packs / line.packs_per_carton for line in row.lines} for row in rows]
    finally:
        engine.dispose()


# --- callers who break in


def _barge_ins(world: World, times: int) -> Table:
    """A registered caller speaks into the question who calls; another keys the first digit of a customer code."""
    speech = Speech.of_file("one item", AUDIO / f"{SAID[1][1]}.ulaw")
    phone = world.phones.pop()
    ways = {"speech": (phone, speech), "key, from its release": (UNKNOWN_PHONE, None)}
    rows = []
    for way, (caller, said) in ways.items():
        took = [_broken_in(world, caller, said, place * LATER_S) for place in range(times)]
        stopped = [one for one in took if one is not None]
        rows.append((way, _spread(stopped, 0.5, 0.95, 1.0), f"{times - len(stopped)} of {times}"))
    header = ("by", "ms p50/p95/max", "not broken off")
    return Table("Breaking in, until the prompt's last sounding frame received", header, tuple(rows))


def _broken_in(world: World, phone: str, speech: Speech | None, later_s: float) -> float | None:
    """The seconds from the caller's first sounding frame, or the key, to the prompt's last; None if it went on."""
    with calling(world.exchange, LINE, caller=phone) as call:
        call.wait_until_answered()
        begins = call.media.wait_for_sound(within_s=10, since=call.answered_at) + BARGES_IN_S + later_s
        time.sleep(max(0.0, begins - time.monotonic()))
        if speech is None:
            broke_in = call.media.press("1") - KEY_PAUSE_FRAMES * FRAME_S
        else:
            broke_in = call.media.say(b"".join(speech.frames)) - (len(speech.frames) - speech.begins - 1) * FRAME_S
        time.sleep(1.5)
        last = broke_in
        for at in call.media.loud_times():
            if at > last + SILENT_S:
                break
            last = max(last, at)
        return last - broke_in if last < broke_in + 1.0 else None


if __name__ == "__main__":
    main()
