"""Sessions: they end with signing out, in every copy, after half an hour without a click, and after a shift."""

from __future__ import annotations

from collections.abc import Callable

from flask import Flask

from tests.support.console_client import Visitor
from tests.support.desk_world import MovingClock


def copied(visitor: Visitor, application: Flask) -> Visitor:
    """Another browser with a copy of the session's cookie."""
    thief = Visitor(application.test_client())
    cookie = visitor.client.get_cookie("order_hotline")
    assert cookie is not None
    thief.client.set_cookie("order_hotline", cookie.value)
    return thief


def test_signing_out_ends_every_copy_of_the_session(application: Flask, visitor: Visitor) -> None:
    visitor.sign_in("operator")
    thief = copied(visitor, application)
    assert thief.get("/today").status_code == 200
    visitor.post("/logout")
    assert thief.get("/today").status_code == 302
    visitor.sign_in("operator")
    assert thief.get("/today").status_code == 302, "signing in again does not bring it back"


def test_signing_out_ends_the_session_in_another_browser_as_well(new_visitor: Callable[[], Visitor]) -> None:
    first, second, colleague = new_visitor(), new_visitor(), new_visitor()
    for one, login in ((first, "operator"), (second, "operator"), (colleague, "leader")):
        one.sign_in(login)
    second.post("/logout")
    assert first.get("/today").status_code == 302
    assert colleague.get("/today").status_code == 200


def test_a_session_renewed_by_clicks_ends_after_twelve_hours(visitor: Visitor, clock: MovingClock) -> None:
    visitor.sign_in("operator")
    for _ in range(12 * 3):
        clock.move(minutes=20)
        assert visitor.get("/today").status_code == 200
    clock.move(minutes=20)
    assert visitor.get("/today").status_code == 302


def test_a_closed_account_is_signed_out(application: Flask, visitor: Visitor) -> None:
    visitor.sign_in("operator")
    application.test_cli_runner().invoke(args=["close-account", "operator"])
    assert visitor.get("/today").status_code == 302


def test_a_session_of_the_version_before_has_to_sign_in_again(visitor: Visitor, clock: MovingClock) -> None:
    with visitor.client.session_transaction() as session:
        session["staff_id"], session["last_seen"] = 1, clock().timestamp()
    assert visitor.get("/today").status_code == 302


def test_the_cookie_is_kept_from_scripts_and_from_other_sites(visitor: Visitor) -> None:
    cookies = visitor.sign_in("operator").headers.getlist("Set-Cookie")
    [session] = [one for one in cookies if one.startswith("order_hotline=")]
    assert "HttpOnly" in session
    assert "SameSite=Lax" in session
