"""The files of deployment say what the code does: `make check` validates their form, these tests their words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.serve import PARTS
from settings import Settings

DEPLOY = Path(__file__).parents[2] / "deploy"
# Read by deploy/ and gunicorn's settings, not by the application.
OF_DEPLOYMENT = {
    "SITE_ADDRESS",
    "TRUSTED_PROXIES",
    "WEB_CONCURRENCY",
    "WEB_UPSTREAMS",
    "LINE_UPSTREAMS",
    "HTTP_PORT",
    "HTTPS_PORT",
    "CERTIFICATES_FOLDER",
}
KNOWN = {name.upper() for name in Settings.model_fields} | OF_DEPLOYMENT


def documents(file: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(file.read_text(encoding="utf-8")) if document]


def compose() -> dict[str, Any]:
    [found] = documents(DEPLOY / "compose.yaml")
    return found


def kubernetes() -> list[dict[str, Any]]:
    return [document for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")) for document in documents(file)]


def containers() -> list[dict[str, Any]]:
    pods = [each["spec"]["template"]["spec"] for each in kubernetes() if "template" in each.get("spec", {})]
    return [container for pod in pods for container in pod["containers"]]


def started_parts(commands: list[list[str]]) -> set[str]:
    return {command[3] for command in commands if command[:3] == ["python", "-m", "deploy.serve"]}


def test_every_part_has_a_container_and_the_dialler_too() -> None:
    composed = [
        service["command"] for service in compose()["services"].values() if isinstance(service["command"], list)
    ]
    for commands in (composed, [container["command"] for container in containers()]):
        assert started_parts(commands) == set(PARTS)
        assert ["flask", "--app", "app", "outbound", "run"] in commands
        assert ["flask", "--app", "app", "migrate"] in commands


def test_every_setting_in_them_is_one_that_is_read() -> None:
    services = [service for name, service in compose()["services"].items() if name != "database"]
    assert {name for service in services for name in service["environment"]} <= KNOWN
    given = [
        each.get("data", each.get("stringData")) for each in kubernetes() if each["kind"] in ("ConfigMap", "Secret")
    ]
    assert {name for data in given for name in data} <= KNOWN


def test_the_example_of_settings_has_each_that_compose_asks_for() -> None:
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / "compose.yaml").read_text(encoding="utf-8")))
    example = (DEPLOY / "compose.env.example").read_text(encoding="utf-8")
    assert asked == set(re.findall(r"^(\w+)=", example, re.MULTILINE))


def test_the_proxy_knows_every_container_of_the_processes() -> None:
    services = compose()["services"]
    proxy = services["proxy"]["environment"]
    for part in ("web", "line"):
        named = {f"{name}:8000" for name in services if name.startswith(part)}
        assert set(proxy[f"{part.upper()}_UPSTREAMS"].split()) == named
    [config] = [each["data"] for each in kubernetes() if each["kind"] == "ConfigMap"]
    [line] = [each["spec"] for each in kubernetes() if each["kind"] == "StatefulSet"]
    pods = {f"line-{number}.{line['serviceName']}:8000" for number in range(line["replicas"])}
    assert set(config["LINE_UPSTREAMS"].split()) == pods


@pytest.mark.parametrize("file", sorted((DEPLOY / "kubernetes").glob("*.yaml")), ids=lambda file: file.name)
def test_every_file_for_kubernetes_is_applied_or_an_example(file: Path) -> None:
    [kustomization] = documents(DEPLOY / "kubernetes" / "kustomization.yaml")
    assert file.name in kustomization["resources"] or file.name in ("kustomization.yaml", "secret.example.yaml")
