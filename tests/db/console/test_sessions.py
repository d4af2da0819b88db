"""Sessions: they end with signing out, in every copy, after half an hour without a click, and after a shift."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask
from starlette.requests import Request
from starlette.responses import StreamingResponse

from console import held_open
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


def test_a_page_that_is_kept_up_to_date_is_no_more_once_its_session_is_over(
    application: Flask, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(held_open, "KEEPALIVE_S", 0.01)
    visitor.sign_in("operator")
    cookie = visitor.client.get_cookie("order_hotline")
    assert cookie is not None
    headers = {"host": "localhost", "cookie": f"order_hotline={cookie.value}", "accept": "text/event-stream"}
    scope = {
        "type": "http",
        "method": "GET",
        "path": "/desk/events",
        "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
    }

    async def nothing_more() -> dict[str, str]:
        await asyncio.Event().wait()
        raise AssertionError

    async def open_page() -> list[str]:
        with ThreadPoolExecutor(2) as pool:
            answer = await held_open.HeldOpen(application, pool).answer(Request(scope, nothing_more))
            assert isinstance(answer, StreamingResponse)
            seen = []
            async with asyncio.timeout(60):
                async for part in answer.body_iterator:
                    seen.append(str(part))
                    if len(seen) == 2:
                        await asyncio.to_thread(visitor.post, "/logout")
            return seen

    assert len(asyncio.run(open_page())) >= 2
