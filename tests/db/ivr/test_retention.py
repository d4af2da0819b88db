"""Personal data is kept for the days the department sets, and no longer; orders and figures stay."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from ivr.figures.call_figures import outcomes
from ivr.models import Call, JobRun, TurnRecording, TurnRow
from ivr.operators.models import Callback
from ivr.recordings import retention
from orders.book.models import OrderRow
from orders.department_rules import UnknownRule, set_rule
from orders.reporting.period import Period
from orders.staff.accounts import close_account
from orders.staff.models import StaffRow
from tests.support.carrier_client import Telephone
from tests.support.console_client import Visitor
from tests.support.desk_world import SHOP, MovingClock, World
from tests.support.outbound_world import OutboundWorld

# Nobody's registered number.
CALLER = "+8613900000077"


def order_by_keys(application: Flask, world: World) -> str:
    """A whole order by keys, and the words of a turn that a recogniser would have heard; returns the call's key."""
    phone = Telephone(application.test_client(), token="demo-auth-token", base="http://127.0.0.1:8000")
    answer = phone.request("/voice/incoming", From=CALLER, CallStatus="ringing")
    for keys in (SHOP, "2468", "101*2", "#", "1"):
        pressed = {"Digits": "", "FinishedOnKey": "#"} if keys == "#" else {"Digits": keys, "FinishedOnKey": ""}
        answer = phone.request(answer.action, From=CALLER, **pressed)
    phone.post("/voice/status", CallStatus="completed")
    with world.session() as session:
        session.add(TurnRecording(call_key=phone.sid, turn_number=3, recorded_at=world.clock(), sound=b"\xff" * 80))
        session.add(
            Callback(
                call_key=phone.sid,
                phone=CALLER,
                customer_code=SHOP,
                reason="asked",
                requested_at=world.clock(),
                attempts=0,
            )
        )
    return phone.sid


def run(world: World, **later: float) -> dict[str, int]:
    world.clock.move(**later)
    return retention.run(world.sessions, world.clock)


def test_within_the_days_everything_is_kept(application: Flask, world: World) -> None:
    order_by_keys(application, world)
    assert not any(run(world, days=29).values())


def test_words_go_first_then_numbers_and_the_order_and_its_figures_stay(
    application: Flask, world: World, visitor: Visitor, clock: MovingClock
) -> None:
    call_key, day = order_by_keys(application, world), clock().date()
    with world.session() as session:
        set_rule(session, "call_days", 60, by="王主任", why="少留", now=clock())
        set_rule(session, "number_days", 90, by="王主任", why="少留", now=clock())
    assert run(world, days=31)["recordings"] == 1
    counts = run(world, days=30)
    assert (counts["turns"], counts["callers"]) == (5, 0)
    with world.session() as session:
        call = session.get_one(Call, call_key)
        assert session.scalar(select(func.count()).select_from(TurnRow)) == 0
        assert (call.caller, call.reply["say"], call.turn_before) == (CALLER, [], None)
        assert "last_sentences" not in call.state
    counts = run(world, days=30)
    assert (counts["callers"], counts["callbacks"]) == (1, 1)
    with world.session() as session:
        call = session.get_one(Call, call_key)
        assert CALLER not in (call.caller, call.state["caller"], session.scalars(select(Callback.phone)).one())
        assert session.scalars(select(OrderRow.state)).one() == "confirmed"
        assert outcomes(session, Period(day, day), world.clock())["ordered"] == 1
    visitor.sign_in("director")
    assert visitor.get(f"/calls/{call_key}").status_code == 200
    assert visitor.get(f"/calls?day={day}").status_code == 200
    assert not any(run(world).values())


def test_an_account_that_was_closed_loses_its_number_and_password_and_keeps_its_name(
    application: Flask, world: World
) -> None:
    with world.session() as session:
        person = session.scalars(select(StaffRow).where(StaffRow.login == "operator")).one()
        person.phone, name = "+8613700000001", person.name
        close_account(session, "operator", by="the director", now=world.clock())
    assert run(world)["former_staff"] == 0
    assert run(world, days=364)["former_staff"] == 0
    assert run(world, days=2)["former_staff"] == 1
    with world.session() as session:
        person = session.scalars(select(StaffRow).where(StaffRow.login == "operator")).one()
        assert (person.name, person.phone, person.password_hash) == (name, None, retention.NO_PASSWORD)


@pytest.mark.parametrize("rule", ["call_days", "number_days"])
def test_the_last_days_cannot_be_deleted(world: World, clock: MovingClock, rule: str) -> None:
    with world.session() as session, pytest.raises(UnknownRule, match="cannot be 6"):
        set_rule(session, rule, 6, by="王主任", why="少留", now=clock())


def test_a_run_that_fails_is_in_the_log_of_jobs_too(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OperationalError("DELETE", {}, Exception("disk I/O error"))

    monkeypatch.setattr(retention, "_delete", fail)
    with pytest.raises(OperationalError):
        retention.run(world.sessions, world.clock)
    with world.session() as session:
        assert "disk I/O error" in session.scalars(select(JobRun.problem)).one()


def test_the_dialler_runs_it_once_a_day_after_three_in_the_night(application: Flask, world: World) -> None:
    day = OutboundWorld(application, world)

    def runs() -> int:
        with world.session() as session:
            return session.scalar(select(func.count()).select_from(JobRun)) or 0

    day.advance()
    day.advance(seconds=1)
    assert runs() == 1
    world.clock.move_to(world.clock().replace(hour=2) + timedelta(days=1))
    day.advance()
    assert runs() == 1
    day.advance(hours=1)
    day.advance(seconds=1)
    assert runs() == 2
