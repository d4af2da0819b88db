"""The leader writes the minutes of the morning meeting; at the end of the month the operator is assessed, objects
once, and the form is signed by the operator, the clerk and the director."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import select
from werkzeug.test import TestResponse

from ivr.figures.assessment_figures import AssessmentFigures, assessment_figures
from ivr.models import Call
from ivr.operators.models import Ticket
from orders.assessment.models import Assessment, SeatDay
from orders.book.models import OrderChange
from orders.book.order_changes import decide, request_change
from orders.reporting.period import Period
from orders.staff.models import Feedback, StaffRow
from tests.support.console_client import SignedIn
from tests.support.desk_world import CARTON, CHINA, CLASSIC, CORNER, MAIN, SHOP, World

MONTH = "2026-11-01"


def text(answer: TestResponse) -> str:
    return answer.get_data(as_text=True)


def person(world: World, login: str) -> StaffRow:
    with world.session() as session:
        return session.scalars(select(StaffRow).where(StaffRow.login == login)).one()


def talked(world: World, call_key: str, code: str, operator: StaffRow) -> None:
    """The operator talked to a retailer for two minutes, just now."""
    now = world.clock()
    with world.session() as session:
        call: dict[str, Any] = {"caller": "+8613800000000", "called": MAIN, "turn_number": 0, "reply": {}}
        ended = now + timedelta(minutes=2)
        session.add(Call(call_key=call_key, started_at=now, ended_at=ended, state={"customer_code": code}, **call))
        session.flush()
        times = {"opened_at": now, "taken_at": now, "closed_at": ended}
        session.add(Ticket(call_key=call_key, reason="asked", state="finished", taken_by=operator.id, **times))


def a_months_work(world: World) -> StaffRow:
    """The operator talked to the shop, which was due and whose order was changed afterwards, and to the corner shop,
    which was not due and complained."""
    operator = person(world, "operator")
    world.limit(CHINA, 4)
    talked(world, "CA1", SHOP, operator)
    talked(world, "CA2", CORNER, operator)
    shop, corner = world.retailer(SHOP), world.retailer(CORNER)
    with world.desk() as desk:
        draft = desk.open_draft("CA1", shop, desk.hotline(MAIN))
        draft.set_line(CHINA, 5 * CARTON)
        draft.set_line(CLASSIC, 3 * CARTON)
        number = str(draft.confirm().order.number)
    with world.session() as session:
        change: dict[str, Any] = {"by": operator.name, "reason": "听错了", "now": world.clock(), "channel": "operator"}
        request_change(session, number, {CHINA: 4 * CARTON, CLASSIC: 2 * CARTON}, **change)
    world.clock.move(minutes=10)
    with world.session() as session:
        [asked] = session.scalars(select(OrderChange))
        decide(session, asked.id, approve=True, by="another leader", now=world.clock())
        feedback: dict[str, Any] = {"kind": "service", "text": "说话太快", "state": "met", "waits_for": None}
        session.add(Feedback(retailer_id=corner.id, recorded_at=world.clock(), recorded_by=operator.id, **feedback))
    return operator


def test_the_figures_of_a_month_are_those_of_the_persons_own_work(signed_in: SignedIn, world: World) -> None:
    signed_in("operator").post("/seat", seat="3")
    operator = a_months_work(world)
    world.clock.move(minutes=10)
    signed_in("operator").get("/today")
    world.clock.move(minutes=31)
    with world.session() as session:
        [own] = assessment_figures(session, [operator], Period.around(world.clock().date(), "month")).values()
        [day] = session.scalars(select(SeatDay).where(SeatDay.staff_id == operator.id))
    assert (own.calls, own.mean_talk_s, own.orders) == (2, 120, 1)
    assert (own.due_met, own.due_talked) == (1, 1), "the corner shop was not due"
    assert (own.requested_packs, own.granted_packs) == (7 * CARTON, 6 * CARTON)
    assert (own.corrected, own.complaints, own.days) == (1, 1, 1)
    assert day.last_at - day.first_at == timedelta(minutes=20)
    assert AssessmentFigures.from_kept(own.as_kept()) == own


def test_an_assessment_is_written_objected_to_and_signed_up_the_chain(signed_in: SignedIn, world: World) -> None:
    operator = a_months_work(world)
    leader, assessed = signed_in("leader"), signed_in("operator")
    page = text(leader.get("/assessments"))
    assert f"考核{operator.name}" in page
    assert "考核" not in text(assessed.get("/assessments")).split("<tbody>")[1].split("</tbody>")[0]
    begun = leader.post("/assessments", staff=str(operator.id), month=MONTH)
    form = begun.headers["HX-Redirect"]
    again = signed_in("clerk").post("/assessments", staff=str(operator.id), month=MONTH)
    assert again.headers["HX-Redirect"] == form, "two who begin it have one"
    assert "到现在为止" in text(leader.get(form))
    assert assessed.get(form).status_code == 403, "not before it is submitted"
    for typed in (
        {"score": "101", "remarks": "好"},
        {"score": "九十", "remarks": "好"},
        {"score": "90", "remarks": ""},
    ):
        answer = leader.post(f"{form}/write", pass_up="1", **typed)
        assert answer.status_code == 422
        assert "wrong" in text(answer)
    assert "已存" in text(leader.post(f"{form}/write", score="80", remarks="有一张听错"))
    assert "等本人签字" in text(leader.post(f"{form}/write", pass_up="1", score="80", remarks="有一张听错"))

    assert signed_in("clerk").post(f"{form}/sign").status_code == 422, "the operator comes first"
    assert "退回要写明原因" in text(assessed.post(f"{form}/sign", send_back="1"))
    assert "已退回" in text(assessed.post(f"{form}/sign", send_back="1", comment="那张是客户改的"))
    assert "那张是客户改的" in text(leader.get(form))
    leader.post(f"{form}/write", pass_up="1", score="85", remarks="听错一张，已说明")
    # What is signed stays what it was, whatever comes after.
    talked(world, "CA3", CORNER, operator)
    assert "已签字" in text(assessed.post(f"{form}/sign"))
    assert "等内勤签字" in text(leader.get(form))
    assert "已签字" in text(signed_in("clerk").post(f"{form}/sign", comment="出勤无误"))
    page = text(signed_in("director").post(f"{form}/sign"))
    for words in ("已审结", "出勤无误", "80分", "85分", "本人签字："):
        assert words in page
    with world.session() as session:
        [kept] = session.scalars(select(Assessment))
        assert (kept.state, kept.score, kept.figures["calls"]) == ("approved", 85, 2)
    assert leader.post(f"{form}/write", score="1", remarks="改").status_code == 422
    assert signed_in("manager").get(form).status_code == 403


def test_the_minutes_of_the_morning_meeting_are_read_by_who_was_absent(signed_in: SignedIn, world: World) -> None:
    leader, operator = signed_in("leader"), person(world, "operator")
    assert "今天还没有晨会记录" in text(leader.get("/brief"))
    wrong = leader.post("/meetings", kind="morning", day="2026-11-24", led_by="", text="")
    assert wrong.status_code == 422
    for words in ("不能晚于今天", "请写主持人", "请写内容", "请勾选到会的人"):
        assert words in text(wrong)
    here = str(person(world, "leader").id)
    added = leader.post("/meetings", kind="morning", day="2026-11-23", led_by="主任", text="泰山到货", present=here)
    record = added.headers["HX-Redirect"]
    assert "今天的晨会记录" in text(signed_in("operator").get("/brief"))
    assert "您没有参加、还没有看过的" in text(signed_in("operator").get("/meetings"))
    assert "没有参加，还没看" in text(leader.get(record))
    assert signed_in("operator").post(f"{record}/read").status_code == 303
    assert "看过记录" in text(leader.get(record))
    assert "您没有参加、还没有看过的" not in text(signed_in("operator").get("/meetings"))
    corrected: dict[str, str] = {"kind": "training", "day": "2026-11-23", "led_by": "主任", "topic": "服务用语"}
    both = {"present": str(operator.id), f"result-{operator.id}": "92"}
    assert signed_in("clerk").post(record, text="复述", **corrected, **both).status_code == 422, (
        "its writer alone corrects it"
    )
    assert leader.post(record, text="复述", **corrected, **both).status_code == 204
    page = text(leader.get(record))
    assert "服务用语" in page
    assert "<td>92</td>" in page
    world.clock.move(days=2)
    assert "改这份记录" not in text(signed_in("leader").get(record))
