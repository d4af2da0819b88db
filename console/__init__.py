"""The web pages: the operators' desk, the managers' pages of the day, and the web phone of the demo."""

from __future__ import annotations

from console.pages import register

__all__ = ["register"]
