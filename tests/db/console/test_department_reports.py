"""Diaries and reports on their pages: drafted from the figures, completed, sent back, signed in turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from orders.reporting.models import DepartmentReport
from tests.support.console_client import SignedIn
from tests.support.desk_world import CLASSIC, MAIN, SHOP, MovingClock, World

TODAY = "2026-11-23"


@pytest.fixture
def diary(signed_in: SignedIn, world: World) -> str:
    """The address of the operator's diary of a day with one order."""
    with world.desk() as desk:
        shop = desk.retailer(SHOP)
        assert shop is not None
        desk.open_draft("CA1", shop, desk.hotline(MAIN))
        desk.draft("CA1").set_line(CLASSIC, 50)
        desk.draft("CA1").confirm()
    return signed_in("operator").post("/department-reports", kind="diary", day=TODAY).headers["HX-Redirect"]


@contextmanager
def kept(world: World) -> Iterator[DepartmentReport]:
    with world.session() as session:
        yield session.query(DepartmentReport).one()


def text(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined,no-any-return]


def test_a_diary_comes_with_the_days_figures_and_is_completed_by_its_author(
    diary: str, signed_in: SignedIn, world: World
) -> None:
    operator = signed_in("operator")
    page = text(operator.get(diary))
    assert "已订 1 户" in page
    assert "<textarea" in page
    assert "已存" in text(operator.post(f"{diary}/write", text="客户问新品，已解释。"))
    with kept(world) as report:
        assert (report.text, report.state) == ("客户问新品，已解释。", "draft")
    again = operator.post("/department-reports", kind="diary", day=TODAY)
    assert again.headers["HX-Redirect"] == diary
    assert "已订 1 户" in text(operator.post(f"{diary}/redraft"))


def test_an_operators_diary_is_signed_by_the_leader_and_its_week_by_the_director(
    diary: str, signed_in: SignedIn, world: World
) -> None:
    passed_up = text(signed_in("operator").post(f"{diary}/write", text="今天顺利", pass_up="1"))
    assert "已提交" in passed_up
    assert "等电访班长审批" in passed_up
    assert "<textarea" not in passed_up
    leader, director = signed_in("leader"), signed_in("director")
    assert diary in text(leader.get("/department-reports")).partition("待我审批")[2].partition("<section")[0]
    assert "已审结" in text(leader.post(f"{diary}/sign", comment="同意"))
    assert text(signed_in("operator").get(diary)).count("：同意") == 1
    with kept(world) as report:
        assert report.state == "approved"
    week = signed_in("operator").post("/department-reports", kind="weekly", day=TODAY).headers["HX-Redirect"]
    assert "等主任审批" in text(signed_in("operator").post(f"{week}/write", text="一周", pass_up="1"))
    assert leader.post(f"{week}/sign").status_code == 422
    assert "已审结" in text(director.post(f"{week}/sign"))


def test_a_diary_sent_back_says_why_and_goes_up_again(diary: str, signed_in: SignedIn) -> None:
    operator, leader = signed_in("operator"), signed_in("leader")
    operator.post(f"{diary}/write", text="今天", pass_up="1")
    unsaid = leader.post(f"{diary}/sign", send_back="1")
    assert unsaid.status_code == 422
    assert 'id="comment-wrong" class="wrong">退回要写明原因' in text(unsaid)
    assert "已退回" in text(leader.post(f"{diary}/sign", send_back="1", comment="请写清楚客户的意见"))
    page = text(operator.get(diary))
    assert "退回的原因：</b>请写清楚客户的意见" in page
    assert "退回了" in text(operator.get("/department-reports"))
    assert "等电访班长审批" in text(operator.post(f"{diary}/write", text="客户都满意", pass_up="1"))


def test_an_empty_diary_is_refused_beside_the_field(diary: str, signed_in: SignedIn) -> None:
    answer = signed_in("operator").post(f"{diary}/write", text="  ")
    assert answer.status_code == 422
    assert 'id="text-wrong" class="wrong">请写内容' in text(answer)


def test_who_comes_second_is_told_and_nothing_is_done_twice(diary: str, signed_in: SignedIn) -> None:
    operator, leader = signed_in("operator"), signed_in("leader")
    operator.post(f"{diary}/write", text="今天", pass_up="1")
    late = operator.post(f"{diary}/write", text="再改改")
    assert late.status_code == 422
    assert "刚才有了变化" in text(late)
    leader.post(f"{diary}/sign")
    assert leader.post(f"{diary}/sign").status_code == 422


def test_operators_do_not_read_each_others_diaries_and_nobody_signs_out_of_turn(
    diary: str, signed_in: SignedIn
) -> None:
    assert signed_in("operator2").get(diary).status_code == 403
    assert signed_in("operator2").post(f"{diary}/write", text="x").status_code == 403
    assert signed_in("manager").post("/department-reports", kind="diary", day=TODAY).status_code == 403
    signed_in("operator").post(f"{diary}/write", text="今天", pass_up="1")
    assert signed_in("director").post(f"{diary}/sign").status_code == 422
    assert signed_in("leader").get("/department-reports/999").status_code == 404


def test_what_is_late_is_marked_for_its_author_and_for_those_above(
    diary: str, signed_in: SignedIn, clock: MovingClock
) -> None:
    assert "逾期" not in text(signed_in("operator").get(diary))
    clock.move(days=2)
    for login in ("operator", "leader"):
        signed_in(login).sign_in(login)
        late = (
            text(signed_in(login).get("/department-reports")).partition('id="late-title"')[2].partition("</section>")[0]
        )
        assert diary in late
    assert "逾期，最晚 2026-11-24" in text(signed_in("operator").get(diary))


def test_who_wrote_no_diary_is_late_by_name_and_begins_their_own_from_the_list(
    signed_in: SignedIn, world: World, clock: MovingClock
) -> None:
    with world.desk() as desk:
        shop = desk.retailer(SHOP)
        assert shop is not None
        desk.open_draft("CA1", shop, desk.hotline(MAIN))
        desk.draft("CA1").set_line(CLASSIC, 50)
        desk.draft("CA1").confirm()
    clock.move(days=2)
    for login, names in (("leader", ("李晓燕", "王敏", "刘志明", "赵红霞")), ("operator", ("李晓燕",))):
        page = text(signed_in(login).get("/department-reports"))
        late = page.partition('id="late-title"')[2].partition("</section>")[0]
        assert late.count("还没有写") == len(names)
        assert all(name in late for name in names)
        assert late.count(f'name="day" value="{TODAY}"') == 1, "their own only"


@pytest.mark.parametrize("form", [{"kind": "diary", "day": "2026-11-24"}, {"kind": "diary", "day": ""}, {"kind": "x"}])
def test_a_report_of_no_day_or_of_one_to_come_is_not_begun(signed_in: SignedIn, form: dict[str, str]) -> None:
    answer = signed_in("operator").post("/department-reports", **form)
    assert answer.status_code == 422
    assert "请选一个日期" in text(answer)
