"""The day's brief: new, scarce and sold-out specs, the leader's notice, the last day's figures, and the check before
the shift, each line with the action to take."""

from __future__ import annotations

import pytest
from flask import Flask

from console.day import pre_shift_check
from ivr.carrier import CarrierError
from ivr.models import Call
from ivr.services import services
from orders.staff.models import Notice
from orders.supply.models import Supply
from orders.windows import business_day
from simulator.account import Account
from tests.support.console_client import Visitor
from tests.support.desk_world import CHINA, CLASSIC, ERA, SHOP, MovingClock, World

TODAY, TOMORROW = "2026-11-23", "2026-11-24"


@pytest.fixture
def carrier_answers(application: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace the network: the line's address answers, and the carrier accepts our credentials."""
    monkeypatch.setattr(pre_shift_check, "is_reachable", lambda url: True)
    monkeypatch.setattr(services(application).line.carrier, "check", lambda: None)


def page(visitor: Visitor, path: str = "/brief") -> str:
    return visitor.get(path).get_data(as_text=True)


def section(text: str, title: str) -> str:
    """The text under a heading of the page, up to the next one."""
    return text.partition(title)[2].partition("<h2")[0]


def test_signing_in_leads_to_the_brief(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    assert visitor.get("/").location == "/brief"
    assert "今日简报" in page(visitor)


def test_the_brief_names_what_is_new_scarce_and_out(visitor: Visitor, world: World) -> None:
    today = business_day(world.clock())
    with world.session() as session:
        session.get_one(Supply, (today, ERA)).is_new = True
    world.stock(CHINA, 0, loose_packs=7)
    # Two retailers are due, so one carton is not enough for each to have one.
    world.stock(CLASSIC, 1)
    visitor.sign_in("operator")
    text = page(visitor)
    assert "红塔山(新时代)" in section(text, "新品")
    assert "中华(硬)" in section(text, "没货了")
    assert "红塔山(硬经典)" in section(text, "紧俏")
    assert "中华(硬)" not in section(text, "紧俏")


def test_the_brief_says_by_what_each_spec_was_split(visitor: Visitor, world: World) -> None:
    with world.session() as session:
        supply = session.get_one(Supply, (business_day(world.clock()), CHINA))
        supply.basis, supply.max_cartons = "grade", 3
    visitor.sign_in("operator")
    split = page(visitor).partition("按档位分")[2].partition("</details>")[0]
    assert "中华(硬)" in split
    assert "每户最多3条" in split


def test_the_brief_says_how_the_last_day_with_orders_went(visitor: Visitor, world: World, clock: MovingClock) -> None:
    main = "+8637255550000"
    with world.desk() as desk:
        shop = desk.retailer(SHOP)
        assert shop is not None
        desk.open_draft("CA1", shop, desk.hotline(main))
        desk.draft("CA1").set_line(CHINA, 50)
        desk.draft("CA1").confirm()
    with world.session() as session:
        session.add(
            Call(call_key="CA1", caller="+86138", called=main, started_at=clock(), turn_number=1, state={}, reply={})
        )
    clock.move(days=1)
    visitor.sign_in("operator")
    text = section(page(visitor), "上一个工作日")
    assert TODAY in text
    assert "订单<b>1</b>" in text
    assert "总条数<b>5</b>" in text
    assert "总金额（元）<b>1,908.00</b>" in text
    assert "订足率<b>100.0%</b>" in text
    assert "来电<b>1</b>" in text


def test_a_leader_puts_up_a_notice_and_the_operators_read_it_on_its_days(
    visitor: Visitor, world: World, clock: MovingClock
) -> None:
    visitor.sign_in("leader")
    posted = visitor.post("/brief/notices", kind="promotion", text="买一送一", first=TOMORROW, last=TOMORROW)
    assert "已发布" in posted.get_data(as_text=True)
    visitor.post("/logout")
    visitor.sign_in("operator")
    assert "买一送一" not in page(visitor)
    clock.move(days=1)
    visitor.sign_in("operator")
    assert "买一送一" in page(visitor)
    assert visitor.post("/brief/notices/1/take-down").status_code == 403
    visitor.post("/logout")
    visitor.sign_in("leader")
    assert "买一送一" not in visitor.post("/brief/notices/1/take-down").get_data(as_text=True)
    with world.session() as session:
        assert session.get_one(Notice, 1).taken_down_by == "赵红霞"


def test_a_notice_is_changed_and_what_it_said_before_is_kept(visitor: Visitor, world: World) -> None:
    visitor.sign_in("leader")
    visitor.post("/brief/notices", kind="note", text="停电到十点", first=TODAY, last=TODAY)
    form = page(visitor, "/brief/notices/1")
    assert 'name="instead_of" value="1"' in form
    assert ">停电到十点</textarea>" in form
    visitor.post("/brief/notices", kind="note", text="停电到十一点", first=TODAY, last=TODAY, instead_of="1")
    assert "停电到十一点" in page(visitor)
    assert "停电到十点" not in page(visitor)
    with world.session() as session:
        before = session.get_one(Notice, 1)
        assert (before.text, before.taken_down_by) == ("停电到十点", "赵红霞")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"text": " "}, "请写明要告诉订货员什么"),
        ({"text": "长" * 301}, "最多300个字"),
        ({"first": "soon"}, "请选一个日期"),
        ({"first": TOMORROW}, "不能早于开始的那一天"),
        ({"first": "2026-11-01", "last": "2026-11-02"}, "这一天已经过了"),
    ],
)
def test_a_notice_that_will_not_do_is_not_put_up_and_what_was_typed_stays(
    visitor: Visitor, world: World, wrong: dict[str, str], said: str
) -> None:
    visitor.sign_in("leader")
    form = {"kind": "note", "text": "停电到十点", "first": TODAY, "last": TODAY, **wrong}
    answer = visitor.post("/brief/notices", **form)
    text = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert said in text
    assert 'aria-invalid="true"' in text
    assert form["text"].strip() in text
    with world.session() as session:
        assert session.query(Notice).count() == 0


def test_an_operator_puts_up_nothing(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    assert "发布促销" not in page(visitor)
    assert visitor.post("/brief/notices", text="x", first=TODAY, last=TODAY).status_code == 403


@pytest.mark.usefixtures("carrier_answers")
def test_before_a_good_shift_nothing_is_wrong(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    text = page(visitor, "/brief/health")
    assert "有问题" not in text
    assert "应订2户都有限量，07:50 已锁定" in text
    assert "1 李晓燕" in text


@pytest.mark.usefixtures("carrier_answers")
def test_the_check_says_what_is_missing_and_who_mends_it(visitor: Visitor, world: World, clock: MovingClock) -> None:
    # A week later there is neither supply nor any limit for that week.
    clock.move(days=7, hours=-2)
    visitor.sign_in("operator")
    text = page(visitor, "/brief/health")
    assert "今天应订2户，其中2户没有限量" in text
    assert "今天还没有货源" in text
    assert "请货源管理员" in text
    world.supply()
    assert "07:50 锁定" in page(visitor, "/brief/health")


def test_a_line_and_a_carrier_that_do_not_answer_are_told(
    visitor: Visitor, application: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away() -> None:
        raise CarrierError("nobody there")

    monkeypatch.setattr(pre_shift_check, "is_reachable", lambda url: False)
    monkeypatch.setattr(services(application).line.carrier, "check", away)
    visitor.sign_in("operator")
    text = page(visitor, "/brief/health")
    assert "没有应答，电话可能打不进来" in text
    assert "联系不上，或者账号不对" in text


def test_a_database_of_an_older_version_is_told_before_anything_else_is_asked(
    application: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pre_shift_check, "tables_state", lambda session: "older")
    with application.test_request_context():
        [check] = pre_shift_check.checks(services(application))
    assert (check.state, check.name) == ("bad", "数据库")
    assert "flask --app app migrate" in check.remedy


def test_the_carrier_is_asked_for_our_own_account(account: Account) -> None:
    from ivr.twilio.rest import TwilioCarrier
    from settings import Settings

    def carrier(token: str) -> TwilioCarrier:
        return TwilioCarrier(
            Settings(twilio_account_sid=account.sid, twilio_auth_token=token, twilio_api_base=account.api_base)
        )

    carrier(account.auth_token).check()
    with pytest.raises(CarrierError):
        carrier("another").check()
