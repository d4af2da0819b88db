"""Feedback from retailers: noted with the order or separately, passed up, answered, and read where it is reported."""

from __future__ import annotations

import pytest

from orders.staff.models import Feedback
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import SHOP, World


@pytest.fixture
def operator(signed_in: SignedIn) -> Visitor:
    return signed_in("operator")


@pytest.fixture
def leader(signed_in: SignedIn) -> Visitor:
    return signed_in("leader")


@pytest.fixture
def manager(signed_in: SignedIn) -> Visitor:
    return signed_in("manager")


def text(answer: object) -> str:
    return answer.get_data(as_text=True)  # type: ignore[attr-defined,no-any-return]


def waiting_for(visitor: Visitor) -> str:
    return text(visitor.get("/feedback")).partition("等我答复")[2].partition("</section>")[0]


def note(visitor: Visitor, **form: str) -> tuple[int, str]:
    given = {"code": SHOP, "kind": "delivery", "text": "想上午送货", "met": "leader"} | form
    answer = visitor.post("/feedback", **given)
    return answer.status_code, text(answer)


def state(world: World) -> tuple[str, str | None]:
    with world.session() as session:
        row = session.query(Feedback).one()
        return row.state, row.waits_for


def test_what_was_met_at_once_is_noted_and_waits_for_nobody(operator: Visitor, leader: Visitor, world: World) -> None:
    status, page = note(operator, met="met")
    assert status == 200
    assert "已记下" in page
    assert state(world) == ("met", None)
    assert "想上午送货" in text(operator.get("/feedback"))
    assert "想上午送货" not in waiting_for(leader)


def test_what_was_not_met_goes_up_is_passed_on_and_the_answer_comes_back(
    operator: Visitor, leader: Visitor, manager: Visitor, world: World
) -> None:
    note(operator)
    assert state(world) == ("waiting", "leader")
    assert "等电访班长答复" in text(operator.get("/feedback"))
    assert "想上午送货" in waiting_for(leader)
    leader.post("/feedback/1/answer", pass_to="manager", text="请看线路")
    assert "想上午送货" not in waiting_for(leader)
    assert "请看线路" in waiting_for(manager)
    assert manager.post("/feedback/1/answer", text="下周起上午送").status_code == 200
    page = text(operator.get("/feedback"))
    assert "有答复了" in page
    assert "孙建国 已答复</span>：下周起上午送" in page
    assert state(world) == ("answered", None)


def test_the_next_operator_reads_the_answer_beside_the_order_and_notes_another_request_there(
    operator: Visitor, leader: Visitor, world: World
) -> None:
    note(operator)
    leader.post("/feedback/1/answer", text="下周起上午送")
    sheet = operator.post("/desk/orders", customer_code=SHOP).headers["HX-Redirect"]
    assert "下周起上午送" in text(operator.get(sheet))
    status, form = note(operator, beside_order="1", kind="", text="还要发票")
    assert status == 422
    assert "请选事项类别" in form
    assert f'type="hidden" name="code" value="{SHOP}"' in form
    assert note(operator, beside_order="1", text="还要发票")[0] == 200
    assert "还要发票" in text(operator.get(sheet))


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"code": "1"}, "没有这个客户代码"),
        ({"kind": "weather"}, "请选事项类别"),
        ({"met": ""}, "请选办理情况"),
        ({"met": "operator"}, "请选办理情况"),
        ({"text": " "}, "请写客户要什么"),
        ({"text": "长" * 501}, "最多500个字"),
    ],
)
def test_what_is_wrong_is_said_beside_the_field_and_nothing_is_noted(
    operator: Visitor, world: World, wrong: dict[str, str], said: str
) -> None:
    status, page = note(operator, **wrong)
    assert status == 422
    assert said in page
    assert 'aria-invalid="true"' in page
    with world.session() as session:
        assert session.query(Feedback).count() == 0


def test_an_answer_needs_words_and_is_given_once_by_whom_it_waits_for(
    operator: Visitor, leader: Visitor, manager: Visitor, world: World
) -> None:
    note(operator)
    unsaid = leader.post("/feedback/1/answer", text="")
    assert unsaid.status_code == 422
    assert 'id="answer-1-wrong" class="wrong">请写答复' in text(unsaid)
    assert manager.post("/feedback/1/answer", text="我来答").status_code == 422
    assert operator.post("/feedback/1/answer", text="自己答").status_code == 422
    assert leader.post("/feedback/1/answer", text="上午送").status_code == 200
    again = leader.post("/feedback/1/answer", text="下午送")
    assert "已经有人答复或者转走了" in text(again)
    assert "上午送" in text(operator.get("/feedback"))


def test_a_manager_notes_nothing(manager: Visitor) -> None:
    assert "记一条" not in text(manager.get("/feedback"))
    assert note(manager)[0] == 403
