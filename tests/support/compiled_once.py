"""Statements and addresses compiled once in a test process, although every test has an application and an engine of
its own."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, Engine, event
from werkzeug.routing import Rule


@contextmanager
def compiled_once() -> Iterator[None]:
    """Within the block statements and addresses are compiled once. Compiling them again for each test was a third of
    the processor time of the db tier (measured by sampling, 2026-11-30)."""
    with _statements_compiled_once(), _addresses_compiled_once():
        yield


class _ByKind(dict[Any, Any]):
    """Compiled statements, whose keys begin with an engine's own dialect, by the kind of database instead."""

    def get(self, key: Any, default: Any = None) -> Any:
        return super().get((key[0].name, *key[1:]), default)

    def __setitem__(self, key: Any, compiled: Any) -> None:
        super().__setitem__((key[0].name, *key[1:]), compiled)


@contextmanager
def _statements_compiled_once() -> Iterator[None]:
    """All connections to databases of one kind use the statements compiled for the first one."""
    compiled = _ByKind()

    def share(connection: Connection) -> None:
        connection.execution_options(compiled_cache=compiled)

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
