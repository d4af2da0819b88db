"""What is watched is what is exported: the dashboard and the alert rules name no figure that the line does not give."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from flask import Flask
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from ivr import metrics
from ivr.models import JobRun
from orders.book.models import OrderRow
from tests.db.orders.test_day_end import order
from tests.support.desk_world import CHINA, SHOP, World

MONITORING = Path(__file__).parents[3] / "deploy" / "monitoring"
RULES = yaml.safe_load((MONITORING / "alerts.yaml").read_text(encoding="utf-8"))["groups"][0]["rules"]
DASHBOARD = json.loads((MONITORING / "dashboard.json").read_text(encoding="utf-8"))
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]


def expressions() -> Iterator[str]:
    yield from (rule["expr"] for rule in RULES)
    yield from (target["expr"] for panel in PANELS for target in panel["targets"])


def exported(application: Flask) -> dict[str, list[str]]:
    """The labels of each figure, by its name in queries."""
    text = application.test_client().get("/metrics").get_data(as_text=True)
    found: dict[str, list[str]] = {}
    for family in text_string_to_metric_families(text):
        name = f"{family.name}_total" if family.type == "counter" else family.name
        suffixes = ("_bucket", "_count", "_sum") if family.type == "histogram" else ("",)
        for suffix in suffixes:
            found[name + suffix] = [label for sample in family.samples for label in sample.labels]
    return found


@pytest.fixture
def figures(application: Flask, world: World) -> dict[str, list[str]]:
    order(world, SHOP, {CHINA: 2})
    with world.session() as session:
        now = world.clock()
        session.add(JobRun(job="backup", begun_at=now, ended_at=now, counts={}, problem=""))
        assert session.scalars(select(OrderRow.state)).all() == ["confirmed"]
    return exported(application)


def test_every_figure_that_is_watched_is_exported(figures: dict[str, list[str]]) -> None:
    watched = {name for one in expressions() for name in re.findall(r"\bhotline_\w+", one)}
    assert len(watched) > 25
    assert watched - set(figures) == set()


def test_every_figure_that_is_exported_is_shown(figures: dict[str, list[str]]) -> None:
    shown = " ".join(target["expr"] for panel in PANELS for target in panel["targets"])
    own = {name.removesuffix("_bucket") for name in figures if name.startswith("hotline_")}
    own = {name for name in own if not name.endswith(("_count", "_sum", "_created"))}
    assert {name for name in own if name not in shown} == set()


def test_the_labels_that_are_asked_for_are_there() -> None:
    labels = {
        "direction": metrics.CALLS_STARTED,
        "outcome": metrics.TURNS,
        "event": metrics.WEBHOOK_SECONDS,
        "kind": metrics.DATABASE_ERRORS,
    }
    assert all(name in metric._labelnames for name, metric in labels.items())


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_how_urgent_it_is_and_is_explained_to_who_is_woken(rule: dict[str, Any]) -> None:
    assert rule["labels"]["severity"] in ("page", "ticket")
    assert rule["annotations"]["summary"].endswith(".")
    assert f"`{rule['alert']}`" in (MONITORING.parents[1] / "docs" / "running.md").read_text(encoding="utf-8")


def test_the_panels_do_not_lie_over_each_other() -> None:
    taken = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for at in [panel["gridPos"]]
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(taken) == len(set(taken))


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool, of Prometheus, is not installed here")
@pytest.mark.parametrize("check", [("check", "config", "prometheus.yaml"), ("test", "rules", "alerts.test.yaml")])
def test_prometheus_s_own_tool_finds_nothing_wrong(check: tuple[str, ...]) -> None:
    done = subprocess.run(["promtool", *check], cwd=MONITORING, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
