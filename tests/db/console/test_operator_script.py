"""Operators have the standard and the forbidden phrases at hand; pages that fail explain themselves in Chinese."""

from __future__ import annotations

from tests.support.console_client import Visitor


def test_the_script_is_a_page_and_a_card_beside_the_call(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    for address in ("/desk/script", "/desk"):
        page = visitor.get(address).get_data(as_text=True)
        assert "好，现在我们核对一下您的订货。" in page
        assert "这不关我的事，问别人去。" in page


def test_a_page_that_does_not_exist_is_explained_in_chinese(visitor: Visitor) -> None:
    visitor.sign_in("operator")
    assert "没有这一页" in visitor.get("/no-such-page").get_data(as_text=True)
