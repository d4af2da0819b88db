"""The console as a browser without a screen sees it: a client of its own, signed in or not."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from orders.demo.demo_staff import DEMO_PASSWORD

_TOKEN = re.compile(r'X-CSRFToken": "([^"]+)"')


@dataclass
class Visitor:
    """One browser."""

    client: FlaskClient

    def get(self, path: str, **headers: str) -> TestResponse:
        return self.client.get(path, headers={name.replace("_", "-"): value for name, value in headers.items()})

    def post(self, path: str, token: bool = True, **form: str) -> TestResponse:
        """Post a form as htmx does, with the page's token unless it is left out."""
        headers = {"HX-Request": "true"}
        if token:
            headers["X-CSRFToken"] = self.token()
        return self.client.post(path, data=form, headers=headers)

    def token(self) -> str:
        found = _TOKEN.search(self.client.get("/login").get_data(as_text=True))
        if found is None:
            # A signed-in visitor is redirected from there; any page for signed-in staff has the token too.
            found = _TOKEN.search(self.client.get("/today", follow_redirects=True).get_data(as_text=True))
        assert found is not None
        return found[1]

    def sign_in(self, login: str, password: str = DEMO_PASSWORD) -> TestResponse:
        return self.post("/login", login=login, password=password)


SignedIn = Callable[[str], Visitor]
"""Returns the browser in which the person with this login is signed in."""


def shown_version(page: str) -> str:
    """The state an order sheet shows, to be sent along with requests about it."""
    found = re.search(r'data-version="([^"]*)"', page)
    assert found is not None, page
    return found[1]
