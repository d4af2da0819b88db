"""The script of operators: the standard phrases and the forbidden ones, beside the call and on a page of their own."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from console.authentication import requires_task


@dataclass(frozen=True, slots=True)
class OperatorScript:
    """The phrases to say, by the moment they are for (AY 4.1.5.1, 4.1.5.2), and those never said (4.1.5.3)."""

    say: tuple[tuple[str, tuple[str, ...]], ...]
    never: tuple[str, ...]


@cache
def operator_script() -> OperatorScript:
    """The script, read once."""
    read = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
    said = tuple((part["when"], tuple(part["phrases"])) for part in read["say"])
    return OperatorScript(said, tuple(read["never"]["phrases"]))


def script_routes() -> Blueprint:
    """The page with the script."""
    routes = Blueprint("operator_script", __name__, url_prefix="/desk/script")

    @routes.get("")
    @requires_task("see_day")
    def page() -> ResponseReturnValue:
        return render_template("desk/script.html")

    return routes
