"""Every route for every role, as it stands in `access.txt`; a new route without a row there fails.

A row has the method, the route, the status for a stranger, and one each for operator, leader, clerk, manager,
director, customer manager and county clerk. 401 asks to sign in, 403 refuses; any other status is what the page answers
to an empty form, for things that do not exist where the route names one. Routes of the carrier and of web shops are
refused to everybody: these sign.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from flask import Flask
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter

from orders.staff.models import ROLES
from tests.support.console_client import Visitor

STRANGER = "stranger"
WHO = (STRANGER, *ROLES)


class Row(NamedTuple):
    method: str
    rule: str
    statuses: tuple[int, ...]


def table() -> list[Row]:
    lines = (Path(__file__).parent / "access.txt").read_text(encoding="utf-8").splitlines()
    rows = (line.split() for line in lines if line and not line.startswith("#"))
    # A route may have spaces, so it is all between the method and the statuses.
    return [Row(words[0], " ".join(words[1 : -len(WHO)]), tuple(map(int, words[-len(WHO) :]))) for words in rows]


def routes(application: Flask) -> Iterator[tuple[str, str]]:
    for rule in application.url_map.iter_rules():
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"}):
            yield method, rule.rule


def something(converter: BaseConverter) -> object:
    """A valid value for this placeholder of an address."""
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 999 if isinstance(converter, IntegerConverter) else "x"


def addresses(application: Flask) -> dict[str, str]:
    """Every rule filled in."""
    found = {}
    with application.test_request_context():
        for rule in application.url_map.iter_rules():
            filled = {name: something(rule._converters[name]) for name in rule.arguments}
            found[rule.rule] = application.url_for(rule.endpoint, **filled)
    return found


def test_every_route_has_its_row_and_every_row_its_route(application: Flask) -> None:
    assert sorted((row.method, row.rule) for row in table()) == sorted(routes(application))
    assert all(len(row.statuses) == len(WHO) for row in table())


@pytest.mark.parametrize("who", WHO)
def test_every_route_answers_each_role_as_the_table_says(application: Flask, visitor: Visitor, who: str) -> None:
    if who != STRANGER:
        assert visitor.sign_in(who).status_code == 204
    place, filled = WHO.index(who), addresses(application)
    answers = {}
    token = visitor.token()
    for method, rule, _ in table():
        headers = {"HX-Request": "true", "X-CSRFToken": token}
        with visitor.client.open(filled[rule], method=method, headers=headers) as answer:
            answers[method, rule] = answer.status_code
    assert answers == {(row.method, row.rule): row.statuses[place] for row in table()}


@pytest.mark.parametrize("who", ROLES)
def test_nothing_is_done_without_the_pages_token(
    application: Flask, new_visitor: Callable[[], Visitor], who: str
) -> None:
    visitor, filled = new_visitor(), addresses(application)
    visitor.sign_in(who)
    token = visitor.token()
    for method, rule, _ in table():
        if method == "GET" or rule.startswith(("/voice/", "/api/")):
            continue
        for headers in ({}, {"X-CSRFToken": ""}, {"X-CSRFToken": token[:-2] + "xx"}):
            sent = {"HX-Request": "true", "Referer": "https://elsewhere.example/", **headers}
            status = visitor.client.open(filled[rule], method=method, headers=sent).status_code
            assert status == 400, f"{method} {rule} answers {status} without the token"
    assert visitor.get("/retailers").status_code == 200, "signing out needs it too"


def test_the_token_of_another_session_is_none(application: Flask, new_visitor: Callable[[], Visitor]) -> None:
    mine, other, filled = new_visitor(), new_visitor(), addresses(application)
    mine.sign_in("director")
    other.sign_in("director")
    token = other.token()
    for method, rule, _ in table():
        if method == "POST" and not rule.startswith(("/voice/", "/api/")):
            answer = mine.client.open(filled[rule], method=method, headers={"X-CSRFToken": token, "HX-Request": "true"})
            assert answer.status_code == 400, rule


def test_no_page_that_is_read_changes_anything(application: Flask, visitor: Visitor) -> None:
    """A request of another site that only reads is sent with the cookie: it must not do anything."""
    doing = {"add", "save", "begin", "record", "settle", "take", "leave", "logout", "decide", "sign", "write", "apply"}
    for rule in application.url_map.iter_rules():
        if "GET" in rule.methods and "POST" not in rule.methods:
            assert rule.endpoint.rpartition(".")[2] not in doing, rule.rule
