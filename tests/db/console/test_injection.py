"""Texts that would be markup, SQL, a header or a line of a log are texts, on every page, in TwiML and in logs."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from xml.etree import ElementTree

import pytest
import structlog
from flask import Flask
from sqlalchemy import func, select, text
from werkzeug.routing import AnyConverter, IntegerConverter, Rule

from ivr.instructions import EndCall
from ivr.twilio.twiml import Twiml
from logs import configure_logs
from orders.demo.demo_staff import DEMO_PASSWORD
from orders.retailers.models import RetailerRow
from settings import Settings
from storage import Base, read_only, transaction
from tests.db.console.test_chinese_pages import pages
from tests.support.console_client import Visitor
from tests.support.desk_world import World

MARKUP = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>{{7*7}}"
RAW = re.compile(r"<script>alert|<img src=x|>49<")
NAMED = {
    "retailers": ("name", "county", "manager", "route"),
    "hotlines": ("name",),
    "brand_specs": ("name", "brand", "maker", "price_class"),
    "staff": ("name",),
}
HOSTILE = (
    "%'; DROP TABLE retailers; --",
    MARKUP,
    "\r\nSet-Cookie: a=b",
    "9" * 5_000,
    "1e1000000",
    "长" * 2_000,
)
FIELDS = (
    *("q", "day", "date", "first", "last", "kind", "page", "batch", "text", "why", "note", "name", "number", "seat"),
    *("code", "customer_code", "key", "barcode", "cartons", "version", "reason", "outcome", "result", "which", "spec"),
    *("opens", "closes", "regions", "login", "onward", "language", "hold_minutes", "comment", "decision", "device"),
    *("missed_callers", "met", "pass_to", "instead_of", "remedy", "status", "order_day", "known", "remove", "as"),
)
# The login has its own tests and takes its time; a logout would end the walk.
LEFT_OUT = ("/voice/", "/assets", "/static", "/api/", "/login", "/logout")


def rules(application: Flask, method: str) -> list[Rule]:
    return [
        rule
        for rule in application.url_map.iter_rules()
        if method in (rule.methods or ()) and not rule.rule.startswith(LEFT_OUT)
    ]


def address(application: Flask, rule: Rule, value: str) -> str:
    """An address of the rule, with this value for every text in it."""
    values: dict[str, object] = {}
    for name, converter in rule._converters.items():
        if isinstance(converter, AnyConverter):
            values[name] = min(converter.items)
        else:
            values[name] = 1 if isinstance(converter, IntegerConverter) else value.replace("/", "|")
    built = rule.build(values, append_unknown=False)
    assert built is not None
    return built[1]


@pytest.mark.timeout(400)
@pytest.mark.parametrize("value", HOSTILE, ids=range(len(HOSTILE)))
def test_no_page_and_no_form_fails_at_what_is_sent(
    application: Flask, world: World, visitor: Visitor, value: str
) -> None:
    """All fields there are, in every page and form there is, each with the same hostile value."""
    visitor.sign_in("director")
    with read_only(world.sessions) as session:
        before = session.scalar(select(func.count()).select_from(RetailerRow))
    failed = []
    # No address is longer than the proxy's 16 kB (deploy/Caddyfile), where a character takes up to nine bytes.
    asked = dict.fromkeys(FIELDS, value[:30])
    for rule in rules(application, "GET"):
        answer = visitor.client.get(address(application, rule, value[:200]), query_string=asked, buffered=True)
        failed += [(rule.rule, answer.status_code)] if answer.status_code >= 500 else []
    for rule in rules(application, "POST"):
        answer = visitor.post(address(application, rule, value), **dict.fromkeys(FIELDS, value))
        failed += [(rule.rule, answer.status_code)] if answer.status_code >= 500 else []
        assert "Set-Cookie: a=b" not in str(answer.headers).splitlines()
    assert failed == []
    with read_only(world.sessions) as session:
        assert session.scalar(select(func.count()).select_from(RetailerRow)) == before


@pytest.mark.timeout(400)
def test_names_that_are_markup_are_shown_as_names(world: World, visitor: Visitor) -> None:
    with transaction(world.sessions) as session:
        for table, columns in NAMED.items():
            for column in columns:
                most = Base.metadata.tables[table].c[column].type.length  # type: ignore[attr-defined]
                key = next(iter(Base.metadata.tables[table].primary_key)).name
                # Unique where names have to be.
                named = f"UPDATE {table} SET {column} = substr({key} || :name, 1, {most})"
                session.execute(text(named), {"name": MARKUP})
    visitor.sign_in("director")
    seen = 0
    for where, page in pages(visitor):
        assert RAW.search(page) is None, where
        seen += "&lt;script&gt;" in page
    assert seen > 3


def test_names_that_are_markup_are_said_as_names() -> None:
    document = Twiml(Settings(demo=True)).render(EndCall((MARKUP, "&lol;]]>")))
    root = ElementTree.fromstring(document)
    assert [verb.tag for verb in root] == ["Say", "Say", "Hangup"]
    assert [say.text for say in root.iter("Say")] == [MARKUP, "&lol;]]>"]


def test_a_log_entry_is_one_line_whatever_is_in_it(capsys: pytest.CaptureFixture[str]) -> None:
    configure_logs()
    hostile = 'x\r\n{"event": "made up"}\u2028\x1b[2J'
    structlog.get_logger("t").warning(hostile, path=hostile, **{"a\nb": hostile})
    lines = capsys.readouterr().err.split("\n")
    assert [json.loads(line)["path"] for line in lines if line] == [hostile]


def test_an_onward_address_is_no_header_and_no_other_site(new_visitor: Callable[[], Visitor]) -> None:
    for onward in (
        "/today\r\nSet-Cookie: a=b",
        "//evil.example",
        "/\\evil.example",
        "https://evil.example",
        "/\t/evil",
    ):
        visitor = new_visitor()
        answer = visitor.post("/login", login="director", password=DEMO_PASSWORD, onward=onward)
        location = answer.headers.get("Location", "/")
        assert "evil" not in location.split("?")[0].partition("/today")[0]
        assert "a=b" not in answer.headers.getlist("Set-Cookie")
