"""Access to the console's pages by role, and the response to visitors without it."""

from __future__ import annotations

from pathlib import Path

import pytest
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po
from flask import Flask
from werkzeug.routing import AnyConverter, BaseConverter, IntegerConverter

import console
from callflows.prompts import load_prompts
from console.web_phone.gloss import gloss, read_gloss
from tests.support.console_client import SignedIn, Visitor
from tests.support.desk_world import MovingClock

CONSOLE = Path(console.__file__).parent


def test_a_page_for_staff_sends_strangers_to_sign_in_and_back(visitor: Visitor) -> None:
    answer = visitor.get("/today?state=due")
    assert answer.status_code == 302
    assert answer.location == "/login?next=/today?state%3Ddue"
    token = visitor.token()
    signed_in = visitor.client.post(
        answer.location, data={"login": "operator", "password": "demo-2468-demo", "csrf_token": token}
    )
    assert signed_in.location == "/today?state=due"
    assert "李晓燕" in visitor.get("/today").get_data(as_text=True)


@pytest.mark.parametrize(
    "onward", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", "/login"]
)
def test_signing_in_never_leads_to_another_site(visitor: Visitor, onward: str) -> None:
    token = visitor.token()
    answer = visitor.client.post(
        "/login",
        query_string={"next": onward},
        data={"login": "operator", "password": "demo-2468-demo", "csrf_token": token},
    )
    assert answer.location == "/"


def test_a_wrong_password_and_an_unknown_login_get_the_same_words(visitor: Visitor) -> None:
    wrong = visitor.sign_in("operator", "not the password")
    unknown = visitor.sign_in("nobody", "not the password")
    assert wrong.status_code == unknown.status_code == 422
    assert "工号或者密码不对" in wrong.get_data(as_text=True)
    assert "工号或者密码不对" in unknown.get_data(as_text=True)


def test_what_is_wrong_is_said_beside_the_field(visitor: Visitor) -> None:
    page = visitor.post("/login", login="", password="x").get_data(as_text=True)
    assert '<small id="login-wrong" class="wrong">请输入工号。</small>' in page
    assert 'aria-invalid="true" aria-describedby="login-wrong"' in page


def test_a_form_without_the_pages_token_changes_nothing(visitor: Visitor) -> None:
    assert visitor.post("/login", token=False, login="operator", password="demo-2468-demo").status_code == 400
    assert visitor.get("/today").status_code == 302


def test_a_session_runs_out_and_a_click_in_time_keeps_it(visitor: Visitor, clock: MovingClock) -> None:
    visitor.sign_in("operator")
    clock.move(minutes=25)
    assert visitor.get("/today").status_code == 200
    clock.move(minutes=25)
    assert visitor.get("/today").status_code == 200
    clock.move(minutes=31)
    assert visitor.get("/today").status_code == 302


def test_a_part_of_a_page_asks_for_a_new_sign_in_instead_of_going_away(visitor: Visitor) -> None:
    assert visitor.get("/today", HX_Request="true").status_code == 401
    dialog = visitor.get("/login", HX_Request="true").get_data(as_text=True)
    assert "<html" not in dialog
    assert "页面上填的内容都还在" in dialog


def test_the_top_bar_shows_the_pages_of_ones_role_and_where_one_is(visitor: Visitor, signed_in: SignedIn) -> None:
    visitor.sign_in("operator")
    orders = visitor.get("/orders/1").get_data(as_text=True)
    assert '<a href="/orders" aria-current="page">订单</a>' in orders
    assert '<a href="/supply">货源</a>' in orders
    assert "/reports" not in orders
    manager = signed_in("manager")
    page = manager.get("/reports").get_data(as_text=True)
    assert '<a href="/reports" aria-current="page">报表</a>' in page
    assert "/desk" not in page


def test_a_form_sent_after_the_session_was_lost_asks_for_a_new_sign_in(visitor: Visitor) -> None:
    answer = visitor.post("/desk/orders", token=False, customer_code="410502100012")
    assert answer.status_code == 401
    visitor.sign_in("operator")
    assert visitor.post("/desk/orders", token=False, customer_code="410502100012").status_code == 400


def test_pages_may_run_nothing_from_elsewhere(visitor: Visitor) -> None:
    headers = visitor.get("/phone").headers
    assert "default-src 'self'" in headers["Content-Security-Policy"]
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"


def test_pages_speak_english_when_asked_to(visitor: Visitor) -> None:
    assert 'lang="zh-CN"' in visitor.get("/phone").get_data(as_text=True)
    visitor.client.post("/language/en", data={"csrf_token": visitor.token(), "onward": "/phone"})
    page = visitor.get("/phone").get_data(as_text=True)
    assert 'lang="en"' in page
    assert "Web phone" in page


# Public pages: signing in, the first page, and in the demo the web phone.
FOR_ANYBODY = {"login", "logout", "home", "choose_language", "static"} | {
    # What is published of an allocation (AY 5.2.3).
    "allocation.latest",
    "allocation.published_day",
    "allocation.published_file",
}


def _something(converter: BaseConverter) -> object:
    """A valid value for this placeholder of an address."""
    if isinstance(converter, AnyConverter):
        return min(converter.items)
    return 1 if isinstance(converter, IntegerConverter) else "x"


def test_no_page_for_staff_and_nothing_they_do_is_open_to_strangers(application: Flask, visitor: Visitor) -> None:
    token = visitor.token()
    tried = 0
    for rule in application.url_map.iter_rules():
        _console, _, name = rule.endpoint.partition("console.")
        # A socket has to be opened before it can refuse.
        if not name or name in FOR_ANYBODY or name.startswith(("phone.", "shop.")) or rule.websocket:
            continue
        filled = {name: _something(rule._converters[name]) for name in rule.arguments}
        with application.test_request_context():
            address = application.url_for(rule.endpoint, **filled)
        for method in rule.methods & {"GET", "POST"}:
            headers = {"HX-Request": "true", "X-CSRFToken": token}
            answer = visitor.client.open(address, method=method, headers=headers)
            assert answer.status_code == 401, f"{method} {address} answers {answer.status_code} to a stranger"
            tried += 1
    assert tried > 60


def test_signing_out_ends_it(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    visitor.post("/logout")
    assert visitor.get("/today").status_code == 302


def test_every_question_of_the_line_has_its_english() -> None:
    prompts, english = load_prompts(), read_gloss()
    assert {key for key in prompts if key.endswith(".first")} <= set(english)
    assert set(english) <= set(prompts)
    for key, prompt in english.items():
        assert prompt.placeholders <= prompts[key].placeholders, key


def test_a_sentence_is_put_into_english_with_its_figures() -> None:
    assert gloss("红塔山硬经典，好的，五条。") == "红塔山硬经典: good, 5 cartons."
    assert gloss("您卡内余额两万五千元。") == "Your balance is 25,000 yuan."
    assert gloss("您卡内余额五百一十九元八角。") == "Your balance is 519.80 yuan."
    assert gloss("这一句谁也没说过") is None


def test_every_sentence_of_the_pages_has_its_english_and_the_compiled_ones_are_current() -> None:
    written = {
        (context, message)
        for folder in (CONSOLE, CONSOLE.parent / "orders" / "reporting")
        for _file, _line, message, _comments, context in extract_from_dir(
            folder,
            method_map=[("**.py", "python"), ("templates/**.html", "jinja2")],
            keywords={"_": None, "lazy_gettext": None, "N_": None, "pgettext": ((1, "c"), 2)},
        )
    }
    folder = CONSOLE / "translations" / "en" / "LC_MESSAGES"
    with (folder / "messages.po").open("rb") as po, (folder / "messages.mo").open("rb") as mo:
        english = {(message.context, message.id): message.string for message in read_po(po) if message.id}
        # Babel reads the context of a compiled message as bytes.
        compiled = {
            (message.context and bytes(message.context).decode(), message.id): message.string  # type: ignore[arg-type]
            for message in read_mo(mo)
            if message.id
        }
    assert {sentence for sentence in written if not english.get(sentence)} == set(), (
        "make words, and fill in what is new"
    )
    assert compiled == english, "make words"
