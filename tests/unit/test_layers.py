"""The layers import-linter cannot see: the modules below every package import none of them."""

from __future__ import annotations

import ast
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
PACKAGES = set(PROJECT["importlinter"]["root_packages"]) | {"app"}
BELOW_STORAGE = {"clock", "logs", "plain_text", "settings"}


def imported(module: str) -> set[str]:
    """The top-level names a module imports."""
    tree = ast.parse((ROOT / f"{module}.py").read_text(encoding="utf-8"))
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add((node.module or "").partition(".")[0])
    return names


def test_every_single_module_has_its_place():
    assert set(PROJECT["mypy"]["modules"]) == BELOW_STORAGE | {"app", "storage"}


@pytest.mark.parametrize("module", ["storage", *sorted(BELOW_STORAGE)])
def test_a_module_below_the_packages_imports_none_of_them(module):
    above = PACKAGES if module == "storage" else PACKAGES | BELOW_STORAGE | {"storage"}
    assert imported(module).isdisjoint(above)
