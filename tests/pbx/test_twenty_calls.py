"""Twenty callers order at once: every order is saved as it was said, and no sound is lost either way.

It takes most of two processors, and therefore has nothing beside it in continuous integration.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from benchmarks.bench_line import DIALS_EVERY_S, seeded
from benchmarks.line_callers import Speech, noise_frames
from benchmarks.listening_app import HEARD_FOLDER, kept
from benchmarks.sip_callers import SipCaller, SipOutcome, make_calls
from ivr.models import Call
from orders.book.models import OrderRow
from tests.support.exchange import Exchange
from tests.support.exchange_line import LINE, ExchangeLine
from tests.support.recorded_callers import AUDIO
from tests.support.served_app import shifted_clock

pytestmark = pytest.mark.speech

CALLS = 20
SAID = ("cmd_yes_duide_a", "items_liqunxinban_5_yunyanzi_3_a", "cmd_done_jiuzhexie_a", "cmd_yes_duide_a")


def test_twenty_callers_order_at_once_without_a_lost_frame(
    exchange: Exchange, shift: timedelta, tmp_path: Path
) -> None:
    url, heard = f"sqlite:///{tmp_path}/hotline.db", tmp_path / "heard"
    phones = seeded(url, CALLS, shifted_clock(shift)())
    heard.mkdir()
    outcome = SipOutcome()

    async def callers() -> list[SipCaller]:
        speeches, noise = [Speech.of_file(name, AUDIO / f"{name}.ulaw") for name in SAID], noise_frames()
        called = [SipCaller(phone, speeches, noise, outcome) for phone in phones]
        await make_calls(exchange, LINE, called, DIALS_EVERY_S)
        # The line closes its files when it has heard of the end.
        await asyncio.sleep(1)
        return called

    line = ExchangeLine(exchange, url, tmp_path, shift, "benchmarks.listening_app", **{HEARD_FOLDER: str(heard)})
    try:
        line.start()
        called = asyncio.run(callers())
    finally:
        line.kill()
    with Session(create_engine(url)) as session:
        keys = {call.caller: call.call_key for call in session.scalars(select(Call))}
        orders = session.scalars(select(OrderRow).where(OrderRow.state == "confirmed")).all()
        saved = [{one.spec_name: one.granted_packs / one.packs_per_carton for one in order.lines} for order in orders]
    for caller in called:
        caller.count(*kept(heard, keys[caller.phone]))
    assert not outcome.failures
    assert not outcome.unanswered
    assert saved.count({"利群(新版)": 5, "云烟(紫)": 3}) == CALLS
    assert (outcome.packets_lost, outcome.frames_lost, outcome.frames_strange) == (0, 0, 0)
    assert outcome.packets == outcome.played
