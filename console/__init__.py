"""The web pages: the operators' desk, the managers' pages of the day, and the web phone of the demo."""

from __future__ import annotations

from console.pages import register
from console.services import Services

__all__ = ["Services", "register"]
