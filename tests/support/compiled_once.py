"""Statements and addresses compiled once in a test process, although every test has an application and an engine of
its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Dialect, Engine, event
from werkzeug.routing import Rule


@contextmanager
def compiled_once() -> Iterator[None]:
    """Within the block statements and addresses are compiled once. Compiling them again for each test was a third of
    the processor time of the db tier (measured by sampling, 2026-11-30)."""
    with _statements_compiled_once(), _addresses_compiled_once():
        yield


@contextmanager
def _statements_compiled_once() -> Iterator[None]:
    """All connections to databases of one kind use the dialect of the first one, and the statements compiled for it."""
    dialects: dict[str, Dialect] = {}
    compiled: dict[str, dict[Any, Any]] = {}

    def share(connection: Connection) -> None:
        kind = connection.dialect.name
        connection.dialect = dialects.setdefault(kind, connection.dialect)
        connection.execution_options(compiled_cache=compiled.setdefault(kind, {}))

    event.listen(Engine, "engine_connect", share)
    try:
        yield
    finally:
        event.remove(Engine, "engine_connect", share)


@contextmanager
def _addresses_compiled_once() -> Iterator[None]:
    """A rule's function that builds an address is made of nothing but these parts of it; the rule is its argument."""
    compiled: dict[tuple[object, ...], Callable[..., tuple[str, str]]] = {}
    compile_builder = Rule._compile_builder

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        key = (rule.rule, tuple(rule._trace), tuple((rule.defaults or {}).items()), append_unknown)
        if key not in compiled:
            compiled[key] = compile_builder(rule, append_unknown)
        return compiled[key]

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Rule, "_compile_builder", compile_once)
        yield
