"""Accounts are made, changed, closed and opened again on pages, by the leader for those who may do less and by the
director for all; everybody changes their own password."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from ivr.twilio.rest import TwilioCarrier
from orders.staff.models import StaffRow
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import World

OWN = "my very own password"


def number_of(world: World, name: str) -> int:
    with world.session() as session:
        return (
            session.scalars(select(StaffRow.id).where(StaffRow.name == name).order_by(StaffRow.id.desc())).first() or 0
        )


def shown_password(answer: TestResponse) -> str:
    found = re.search(r'<b class="pin">([^<]+)</b>', answer.get_data(as_text=True))
    assert found is not None, answer.get_data(as_text=True)
    return found[1]


def engage(visitor: Visitor, **form: str) -> TestResponse:
    return visitor.post("/staff/new", **{"role": "operator", **form})


def test_a_new_operator_signs_in_with_a_password_that_is_used_once(
    new_visitor: Callable[[], Visitor], world: World
) -> None:
    leader, operator = new_visitor(), new_visitor()
    leader.sign_in("leader")
    refused = engage(leader, login="王", name="李晓燕", phone="138")
    assert refused.status_code == 422
    assert "号码要带国家码" in refused.get_data(as_text=True)
    assert "已经有人叫这个名字" in engage(leader, login="xu", name="李晓燕").get_data(as_text=True)
    assert "工号只能用字母" in engage(leader, login="许", name="许英").get_data(as_text=True)
    assert "请选一个岗位" in engage(leader, login="xu", name="许英", role="director").get_data(as_text=True)
    first = shown_password(engage(leader, login="Xu", name="许英", seat="5"))

    assert operator.sign_in("xu", first).status_code == 204
    sent_on = operator.get("/desk")
    assert (sent_on.status_code, sent_on.location) == (302, "/password")
    assert operator.post("/desk/ready").status_code == 403
    assert "请先换成自己的" in operator.get("/password").get_data(as_text=True)
    assert "不一样" in operator.post("/password", old=first, new=OWN, again="another").get_data(as_text=True)
    assert "至少10个字" in operator.post("/password", old=first, new="short", again="short").get_data(as_text=True)
    assert "现在的密码不对" in operator.post("/password", old="wrong", new=OWN, again=OWN).get_data(as_text=True)
    assert operator.post("/password", old=first, new=OWN, again=OWN).status_code == 204
    assert operator.get("/desk").status_code == 200, "this session goes on"
    assert new_visitor().sign_in("xu", first).status_code == 422
    assert new_visitor().sign_in("xu", OWN).status_code == 204

    # She has forgotten it: the leader gives her another one, and the old one ends at once.
    page = f"/staff/{number_of(world, '许英')}"
    assert leader.post(f"{page}/password").status_code == 422
    second = shown_password(leader.post(f"{page}/password", why="忘了密码"))
    assert operator.get("/desk").status_code == 302
    assert new_visitor().sign_in("xu", OWN).status_code == 422
    assert new_visitor().sign_in("xu", second).status_code == 204
    entries = leader.get(page).get_data(as_text=True)
    assert "忘了密码" in entries
    assert second not in entries


def test_an_extension_is_a_number_where_the_desk_telephones_are_ones_own(
    signed_in: SignedIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    leader = signed_in("leader")
    assert engage(leader, login="xu", name="许英", phone="8001").status_code == 422
    monkeypatch.setattr(TwilioCarrier, "has_extensions", True)
    refused = engage(leader, login="xu", name="许英", phone="8001a")
    assert "桌上的分机写分机号" in refused.get_data(as_text=True)
    assert shown_password(engage(leader, login="xu", name="许英", phone="8001"))


def test_who_has_left_comes_back_or_gives_login_and_name_to_another(
    new_visitor: Callable[[], Visitor], world: World
) -> None:
    director, other = new_visitor(), new_visitor()
    director.sign_in("director")
    first = shown_password(engage(director, login="xu", name="许英"))
    other.sign_in("xu", first)
    page = f"/staff/{number_of(world, '许英')}"
    assert "账号已停用" in director.post(f"{page}/close", why="调走").get_data(as_text=True)
    assert other.get("/desk").location.startswith("/login"), "the session is over"
    assert "刚才已经停用" in director.post(f"{page}/close", why="调走").get_data(as_text=True)
    again = shown_password(director.post(f"{page}/reopen", why="调回来"))
    assert "刚才已经恢复" in director.post(f"{page}/reopen", why="调回来").get_data(as_text=True)
    assert new_visitor().sign_in("xu", first).status_code == 422
    assert new_visitor().sign_in("xu", again).status_code == 204

    director.post(f"{page}/close", why="退休")
    new = shown_password(engage(director, login="xu", name="许英", role="clerk"))
    assert new_visitor().sign_in("xu", new).status_code == 204
    refused = director.post(f"{page}/reopen", why="又来了").get_data(as_text=True)
    assert "已经有人叫这个名字" in refused, "a name is one person's at a time"
    with world.session() as session:
        logins = session.scalars(select(StaffRow.login).where(StaffRow.name == "许英").order_by(StaffRow.id)).all()
    assert logins == [f"xu#{page.rpartition('/')[2]}", "xu"]


def test_nobody_manages_who_may_do_more_nor_themselves(signed_in: SignedIn, world: World) -> None:
    leader, director = signed_in("leader"), signed_in("director")
    for name in ("赵红霞", "陈静", "周志强", "马丽"):
        assert leader.get(f"/staff/{number_of(world, name)}").status_code == 403
        assert leader.post(f"/staff/{number_of(world, name)}/password", why="x").status_code == 403
    assert leader.get(f"/staff/{number_of(world, '刘志明')}").status_code == 200
    assert director.post(f"/staff/{number_of(world, '李晓燕')}/close", why="x").status_code == 403, "the demo's own"
    engage(director, login="xu", name="许英", role="director")
    page = f"/staff/{number_of(world, '许英')}"
    change = {"name": "许英", "role": "director", "why": "改岗"}
    seen = html.unescape(re.search(r'name="seen" value="([^"]*)"', director.get(page).get_data(as_text=True))[1])  # type: ignore[index]
    assert json.loads(seen)["role"] == "director"
    assert "已保存" in director.post(page, **change | {"role": "leader", "seat": "7"}, seen=seen).get_data(as_text=True)
    # A page that was opened before that says what has changed, and saves nothing over it.
    stale = director.post(page, **change | {"seat": "8"}, seen=seen).get_data(as_text=True)
    assert "别人改过：岗位 电访班长；席位 7" in stale
    with world.session() as session:
        row = session.scalars(select(StaffRow).where(StaffRow.login == "xu")).one()
        assert (row.role, row.seat) == ("leader", "7")


def test_the_last_director_stays(new_visitor: Callable[[], Visitor], signed_in: SignedIn, world: World) -> None:
    first = signed_in("director")
    password = shown_password(engage(first, login="xu", name="许英", role="director"))
    second = new_visitor()
    second.sign_in("xu", password)
    second.post("/password", old=password, new=OWN, again=OWN)
    with world.session() as session:
        session.scalars(select(StaffRow).where(StaffRow.login == "director")).one().active = False
    mine = f"/staff/{number_of(world, '许英')}"
    assert "不能在这里改" in second.post(f"{mine}/close", why="x").get_data(as_text=True)
    assert "不能在这里改" in second.post(mine, name="许英", role="leader", why="x").get_data(as_text=True)
    assert second.get("/staff").status_code == 200
