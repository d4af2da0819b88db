"""Pages in Chinese or English: the Chinese is in the templates, the English in translations/en, by Flask-Babel.

After a change of texts: run `make words`, translate the new ones in messages.po, and run `make words` again.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask, session
from flask_babel import Babel, get_locale, gettext

LANGUAGES = {"zh": "中文", "en": "English"}
_KEY = "language"


def _(sentence: str, **filled: object) -> str:
    """The sentence in the visitor's language, with its variables filled in."""
    return str(gettext(sentence, **filled))


def init_babel(app: Flask) -> None:
    """Set up Flask-Babel to show pages in the visitor's language; Chinese is the default."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "zh")
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", "Asia/Shanghai")
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(Path(__file__).parent / "translations"))
    Babel(app, locale_selector=chosen)


def chosen() -> str:
    """The visitor's language."""
    language = session.get(_KEY, "zh")
    return language if language in LANGUAGES else "zh"


def choose(language: str) -> None:
    """Set the visitor's language; an unknown one changes nothing."""
    if language in LANGUAGES:
        session[_KEY] = language


def html_language() -> str:
    """The value of the pages' `lang` attribute."""
    locale = get_locale()
    return "en" if locale is not None and locale.language == "en" else "zh-CN"
