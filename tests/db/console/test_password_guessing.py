"""Passwords are guessed from one address, from many, and at once: the guesser waits, and the staff do not."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from flask import Flask
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from orders.models import SettingChange, SignInCounter
from orders.staff.accounts import check_password
from tests.support.console_client import Visitor
from tests.support.desk_world import MovingClock, World

WRONG = "not the password"


def test_too_many_wrong_passwords_have_to_wait_longer_and_longer(visitor: Visitor, clock: MovingClock) -> None:
    for _ in range(4):
        visitor.sign_in("operator", WRONG)
    assert "请过1分钟再登录" in visitor.sign_in("operator", WRONG).get_data(as_text=True)
    assert "请过1分钟" in visitor.sign_in("operator").get_data(as_text=True), "not even with the right one"
    clock.move(minutes=1)
    assert "请过2分钟" in visitor.sign_in("operator", WRONG).get_data(as_text=True)
    clock.move(minutes=2)
    assert visitor.sign_in("operator").status_code == 204


def test_a_guesser_keeps_nobody_from_the_usual_browser(new_visitor: Callable[[], Visitor], clock: MovingClock) -> None:
    usual = new_visitor()
    usual.sign_in("operator")
    usual.post("/logout")
    guesser = new_visitor()
    for _ in range(20):
        guesser.sign_in("operator", WRONG)
    assert usual.sign_in("operator").status_code == 204


def test_fifty_one_wrong_logins_behind_one_proxy_lock_nobody_out(
    new_visitor: Callable[[], Visitor], clock: MovingClock
) -> None:
    usual = new_visitor()
    usual.sign_in("leader")
    usual.post("/logout")
    guesser = new_visitor()
    for n in range(51):
        guesser.sign_in(f"nobody{n}", WRONG)
    assert "请过1分钟" in new_visitor().sign_in("clerk").get_data(as_text=True), "a new browser waits some seconds"
    assert usual.sign_in("leader").status_code == 204, "who is behind the same proxy, at the usual browser"
    clock.move(seconds=11)
    assert new_visitor().sign_in("clerk").status_code == 204


def test_what_a_browser_is_known_by_helps_its_own_login_only(new_visitor: Callable[[], Visitor]) -> None:
    usual = new_visitor()
    usual.sign_in("operator")
    usual.post("/logout")
    for _ in range(5):
        usual.sign_in("leader", WRONG)
    assert "再登录" in usual.sign_in("leader").get_data(as_text=True)
    assert usual.sign_in("operator").status_code == 204
    [cookie] = [one for one in usual.client._cookies.values() if one.key.startswith("known_")]
    assert cookie.http_only
    assert cookie.path == "/login"
    assert "operator" not in cookie.key


def test_a_made_up_name_of_a_browser_is_none(visitor: Visitor, new_visitor: Callable[[], Visitor]) -> None:
    signed_in = new_visitor()
    signed_in.sign_in("operator")
    [cookie] = [one for one in signed_in.client._cookies.values() if one.key.startswith("known_")]
    visitor.client.set_cookie(cookie.key, cookie.value[:-2] + "xx", path="/login")
    for _ in range(5):
        visitor.sign_in("operator", WRONG)
    assert "再登录" in visitor.sign_in("operator").get_data(as_text=True)


def test_passwords_guessed_at_once_are_all_counted(application: Flask, world: World, clock: MovingClock) -> None:
    def guess(n: int) -> bool:
        answer = check_password(world.sessions, "operator", WRONG, address=f"192.0.2.{n}", browser="", now=clock())
        return answer.waits_until is None

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(guess, range(16))) <= 4
    with world.session() as session:
        assert session.get_one(SignInCounter, "staff operator").failures == 5


def test_guessing_is_shown_on_the_brief_and_the_desk_until_a_leader_has_seen_to_it(
    new_visitor: Callable[[], Visitor], clock: MovingClock
) -> None:
    operator, leader = new_visitor(), new_visitor()
    operator.sign_in("operator")
    leader.sign_in("leader")
    assert "有人在猜密码" not in operator.get("/alarms").get_data(as_text=True)
    for n in range(50):
        new_visitor().sign_in(f"nobody{n}", WRONG)
    for page in ("/brief", "/desk"):
        assert 'hx-get="/alarms"' in operator.get(page).get_data(as_text=True)
    banner = operator.get("/alarms").get_data(as_text=True)
    assert "从网络地址127.0.0.1试了50次登录密码" in banner
    assert "已处理" not in banner
    assert operator.post("/alarms/1/settle").status_code == 403
    assert "已处理" in leader.get("/alarms").get_data(as_text=True)
    assert "有人在猜密码" not in leader.post("/alarms/1/settle").get_data(as_text=True)
    assert "有人在猜密码" not in operator.get("/alarms").get_data(as_text=True)


def test_the_banner_asks_by_itself_and_keeps_nobody_signed_in(visitor: Visitor, clock: MovingClock) -> None:
    visitor.sign_in("operator")
    for _ in range(2):
        clock.move(minutes=16)
        status = visitor.get("/alarms", HX_Request="true").status_code
    assert status == 401


def test_the_wait_of_a_login_is_ended_by_command_and_that_is_on_record(
    application: Flask, visitor: Visitor, world: World
) -> None:
    office: FlaskCliRunner = application.test_cli_runner()
    for _ in range(6):
        visitor.sign_in("operator", WRONG)
    said = office.invoke(args=["end-wait", "operator", "--by", "leader", "--why", "came by herself"]).output
    assert said == "李晓燕 can try again now.\n"
    assert visitor.sign_in("operator").status_code == 204
    with world.session() as session:
        change = session.scalars(select(SettingChange).where(SettingChange.subject == "staff")).one()
        assert (change.name, change.reason) == ("operator", "came by herself")
