"""Every page and form of the console asks who is there, and none of them lets a stranger in."""

from __future__ import annotations

import re

from flask import Flask

from tests.console_pages import Visitor

FOR_EVERYBODY = {
    "console.static",
    "console.home",
    "console.login",
    "console.logout",
    "console.choose_language",
}
# The demo's web phone stands in for a telephone, which needs no account either.
OPEN_ROOMS = ("console.phone.",)


def addresses(application: Flask) -> list[tuple[str, str]]:
    """The method and address of everything that is for staff only, with something in the place of each variable."""
    found = []
    for rule in application.url_map.iter_rules():
        if not rule.endpoint.startswith("console."):
            continue
        if rule.endpoint in FOR_EVERYBODY or rule.endpoint.startswith(OPEN_ROOMS):
            continue
        path = re.sub(r"<(?:any\((\w+).*?)?[^>]*>", lambda part: part[1] or "1", rule.rule)
        found += [(method, path) for method in sorted(rule.methods & {"GET", "POST"})]
    return found


def test_a_stranger_gets_into_nothing_but_the_way_in(application: Flask, visitor: Visitor) -> None:
    token = visitor.token()
    asked = addresses(application)
    assert len(asked) > 40
    for method, path in asked:
        answer = visitor.client.open(path, method=method, headers={"X-CSRFToken": token})
        assert answer.status_code == 302, (method, path, answer.status_code)
        assert answer.location.startswith("/login?next="), (method, path)
