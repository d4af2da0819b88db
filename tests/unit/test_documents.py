"""The documents agree with the checkout they describe."""

from __future__ import annotations

import ast
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
PICTURES = ROOT / "docs" / "screenshots"
DOCUMENTS = (*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"))
# Pictures are the heaviest files of the repository; the browser tests make the others into build/screenshots.
PICTURES_MAX = 6


def shown() -> set[Path]:
    """The pictures the documents show."""
    return {
        (document.parent / target).resolve()
        for document in DOCUMENTS
        for target in re.findall(r"!\[[^]]*\]\(([^)]+)\)", document.read_text(encoding="utf-8"))
    }


def test_every_picture_shown_is_there_and_every_picture_there_is_shown() -> None:
    assert shown() == set(PICTURES.resolve().iterdir())


def test_the_pictures_are_few() -> None:
    assert len(shown()) <= PICTURES_MAX


def test_the_changelog_begins_with_the_current_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    versions = re.findall(r"^## (\S+) - \d{4}-\d\d-\d\d$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.M)
    assert versions[0] == project["version"]


def test_every_function_a_document_walks_through_exists() -> None:
    named = [
        match
        for document in DOCUMENTS
        for match in re.findall(r"`([\w/]+\.py):([\w.]+)`", document.read_text(encoding="utf-8"))
    ]
    assert named
    assert [place for place in named if place[1] not in defined(ROOT / place[0])] == []


def test_every_link_between_documents_leads_somewhere() -> None:
    broken = [
        (document.name, target)
        for document in DOCUMENTS
        for target in re.findall(r"(?<!!)\[[^]]*\]\(([^)#:]+)(?:#[^)]*)?\)", document.read_text(encoding="utf-8"))
        if not (document.parent / target).exists()
    ]
    assert broken == []


def defined(file: Path) -> set[str]:
    """The functions, classes and methods of a file, by the names they are called with; none for a missing file."""
    if not file.exists():
        return set()
    names = set()
    for node in ast.parse(file.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            names.add(node.name)
        if isinstance(node, ast.ClassDef):
            methods = (one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef))
            names |= {f"{node.name}.{method.name}" for method in methods}
    return names


def test_every_package_the_line_needs_is_in_the_list_of_dependencies_as_it_is_locked() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    needed = {re.split(r"[\[<>=]", one)[0] for one in project["dependencies"]}
    listed = set(re.findall(r"^\| ([\w-]+) \| \S+ \| \d{4}-\d\d-\d\d \|", document("docs/dependencies.md"), re.M))
    assert listed == needed


def test_every_package_is_locked_with_its_hashes() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock", "requirements-voice.lock"):
        text = document(lock)
        locked = re.findall(r"^[\w.-]+==\S+ \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)*)", text, re.M)
        assert locked
        assert all(locked), lock
        assert "://" not in text, lock


def document(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")
