"""Every command that changes something names a member of staff with an account and a fitting role."""

from __future__ import annotations

import pytest
from flask.testing import FlaskCliRunner
from sqlalchemy import select

from orders.staff.models import StaffRow
from tests.support.commands import application_on
from tests.support.desk_world import World


@pytest.fixture
def office(world: World) -> FlaskCliRunner:
    world.engage("leader", "operator")
    return application_on(world).test_cli_runner()


def set_a_rule(office: FlaskCliRunner, login: str) -> str:
    return office.invoke(args=["department-rule", "order_min_packs", "10", "--why", "as agreed", "--by", login]).output


def test_an_account_is_named_by_its_login_in_any_case(office: FlaskCliRunner) -> None:
    assert set_a_rule(office, " Leader ") == "order_min_packs is 10.\n"


@pytest.mark.parametrize(
    ("login", "said"),
    [
        ("nobody", "There is no account 'nobody': give a login that `list-staff` shows"),
        ("the leader", "There is no account 'the leader'"),
        ("operator", "the operator (operator) is operator; this is for: leader, manager, director."),
    ],
)
def test_nobody_else_is_taken_for_one(office: FlaskCliRunner, login: str, said: str) -> None:
    assert said in set_a_rule(office, login)


def test_a_closed_account_does_nothing_more(office: FlaskCliRunner, world: World) -> None:
    assert office.invoke(args=["close-account", "leader"]).output == "the leader can no longer sign in.\n"
    assert "is closed: somebody else has to do this" in set_a_rule(office, "leader")
    assert "There is no open account 'leader'" in office.invoke(args=["close-account", "leader"]).output
    listed = office.invoke(args=["list-staff"]).output
    assert listed.splitlines() == ["leader  the leader  leader  closed", "operator  the operator  operator"]
    with world.session() as session:
        assert session.scalars(select(StaffRow).where(StaffRow.login == "leader")).one().name == "the leader"


def test_a_name_is_one_persons(office: FlaskCliRunner) -> None:
    make = ["create-staff", "wang", "--role", "clerk", "--password", "a long enough one", "--name"]
    assert "There is a 'the leader' already" in office.invoke(args=[*make, "the leader"]).output
    assert office.invoke(args=[*make, "王敏"]).output == "王敏 may now sign in as wang.\n"
