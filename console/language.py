"""Pages in Chinese or English: the Chinese is in the templates, the English in translations/en, by Flask-Babel.

After a change of words: `make words`, fill in what is new in messages.po, and `make words` again.
"""

from __future__ import annotations

from pathlib import Path

from flask import Flask, session
from flask_babel import Babel, get_locale, gettext

LANGUAGES = {"zh": "中文", "en": "English"}
_KEY = "language"


def _(sentence: str, **filled: object) -> str:
    """The sentence in the visitor's language, filled in."""
    return str(gettext(sentence, **filled))


def speak_languages(app: Flask) -> None:
    """Let pages be shown in the language the visitor chose; Chinese where none was."""
    app.config.setdefault("BABEL_DEFAULT_LOCALE", "zh")
    app.config.setdefault("BABEL_DEFAULT_TIMEZONE", "Asia/Shanghai")
    app.config.setdefault("BABEL_TRANSLATION_DIRECTORIES", str(Path(__file__).parent / "translations"))
    Babel(app, locale_selector=chosen)


def chosen() -> str:
    """The visitor's language."""
    language = session.get(_KEY, "zh")
    return language if language in LANGUAGES else "zh"


def choose(language: str) -> None:
    """Show pages in this language from now on; one we do not have changes nothing."""
    if language in LANGUAGES:
        session[_KEY] = language


def html_language() -> str:
    """The language as a page declares it."""
    locale = get_locale()
    return "en" if locale is not None and locale.language == "en" else "zh-CN"
