"""The files of deployment say what the code does: `make check` validates their form, these tests their words."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from deploy.asterisk.keeping import DRAIN_S, STOP_WITHIN_S
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
# Read by the exchange: a test holds them to the table of its document.
DOCUMENT = (DEPLOY.parent / "docs" / "own-exchange.md").read_text(encoding="utf-8")
OF_THE_EXCHANGE = set(re.findall(r"`(ASTERISK_\w+|TELEPHONES)`", DOCUMENT))
KNOWN = {name.upper() for name in Settings.model_fields} | OF_DEPLOYMENT | OF_THE_EXCHANGE
COMPOSE_FILES = ("compose.yaml", "compose.exchange.yaml")


def documents(file: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(file.read_text(encoding="utf-8")) if document]


def compose(file: str = "compose.yaml") -> dict[str, Any]:
    [found] = documents(DEPLOY / file)
    return found


def kubernetes() -> list[dict[str, Any]]:
    return [document for file in sorted((DEPLOY / "kubernetes").glob("*.yaml")) for document in documents(file)]


def of_the_exchange() -> list[dict[str, Any]]:
    files = sorted((DEPLOY / "kubernetes" / "exchange").glob("*.yaml"))
    return [document for file in files for document in documents(file)]


def containers() -> list[dict[str, Any]]:
    pods = [each["spec"]["template"]["spec"] for each in kubernetes() if "template" in each.get("spec", {})]
    return [container for pod in pods for container in pod["containers"]]


def started_parts(commands: list[list[str]]) -> set[str]:
    return {command[3] for command in commands if command[:3] == ["python", "-m", "deploy.serve"]}


def test_every_part_has_a_container_and_the_dialler_too() -> None:
    services = [compose(file)["services"].values() for file in COMPOSE_FILES]
    composed = [
        [service["command"] for service in of_file if isinstance(service.get("command"), list)] for of_file in services
    ]
    for commands in (*composed, [container["command"] for container in containers()]):
        assert started_parts(commands) == set(PARTS)
        assert ["flask", "--app", "app", "outbound", "run"] in commands
        assert ["flask", "--app", "app", "migrate"] in commands


@pytest.mark.parametrize("file", COMPOSE_FILES)
def test_every_setting_of_compose_is_one_that_is_read(file: str) -> None:
    services = [service for name, service in compose(file)["services"].items() if name != "database"]
    assert {name for service in services for name in service["environment"]} <= KNOWN


def test_every_setting_of_kubernetes_is_one_that_is_read() -> None:
    given = [
        each.get("data", each.get("stringData"))
        for each in (*kubernetes(), *of_the_exchange())
        if each["kind"] in ("ConfigMap", "Secret")
    ]
    assert {name for data in given for name in data} <= KNOWN


@pytest.mark.parametrize("file", COMPOSE_FILES)
def test_the_example_of_settings_has_each_that_compose_asks_for(file: str) -> None:
    asked = set(re.findall(r"\$\{(\w+)", (DEPLOY / file).read_text(encoding="utf-8")))
    example = (DEPLOY / file).with_suffix(".env.example").read_text(encoding="utf-8")
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


def test_beside_the_exchange_every_process_has_a_port_of_the_loopback_and_the_proxy_knows_it() -> None:
    services = compose("compose.exchange.yaml")["services"]
    proxy = services["proxy"]["environment"]
    for part in ("web", "line"):
        of_part = [service["environment"] for name, service in services.items() if name.startswith(part)]
        assert {each["HOST"] for each in of_part} == {"127.0.0.1"}
        addresses = [f"127.0.0.1:{each['PORT']}" for each in of_part]
        assert proxy[f"{part.upper()}_UPSTREAMS"].split() == addresses


def test_with_an_exchange_the_parts_are_run_as_without_but_in_the_network_of_the_host() -> None:
    twilio, own = compose()["services"], compose("compose.exchange.yaml")["services"]
    assert set(own) == {*twilio, "exchange"}
    network = {"network_mode", "environment", "ports", "sysctls", "volumes"}
    for name, service in twilio.items():
        assert {key: value for key, value in own[name].items() if key not in network} == {
            key: value for key, value in service.items() if key not in network
        }, name
    assert {name for name, service in own.items() if service.get("network_mode") != "host"} == {"database"}
    assert own["database"]["ports"] == ["127.0.0.1:5432:5432"]


def test_the_exchange_has_no_privileges_and_writes_into_its_state_alone() -> None:
    composed = compose("compose.exchange.yaml")["services"]["exchange"]
    assert composed["read_only"]
    assert composed["cap_drop"] == ["ALL"]
    assert composed["security_opt"] == ["no-new-privileges:true"]
    assert composed["volumes"] == ["exchange:/srv/line/var"]
    [pod] = [each["spec"]["template"]["spec"] for each in of_the_exchange() if each["kind"] == "StatefulSet"]
    [container] = pod["containers"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_exchange_is_given_the_time_to_drain() -> None:
    composed = compose("compose.exchange.yaml")["services"]["exchange"]
    assert float(composed["stop_grace_period"].removesuffix("s")) > DRAIN_S + STOP_WITHIN_S
    [pod] = [each["spec"]["template"]["spec"] for each in of_the_exchange() if each["kind"] == "StatefulSet"]
    assert pod["terminationGracePeriodSeconds"] > DRAIN_S + STOP_WITHIN_S


def test_the_image_of_the_exchange_is_one_that_is_built() -> None:
    build = compose("compose.exchange.yaml")["services"]["exchange"]["build"]
    dockerfile = (DEPLOY.parent / "Dockerfile").read_text(encoding="utf-8")
    assert re.search(rf"^FROM \S+ AS {build['target']}$", dockerfile, re.MULTILINE)
    assert set(build["args"]) <= set(re.findall(r"^ARG (\w+)", dockerfile, re.MULTILINE))
    # What is built without a target is the line.
    assert "deploy.serve" in dockerfile.rpartition("FROM ")[2]


def test_the_component_of_the_exchange_changes_what_there_is() -> None:
    there = {(each["kind"], each["metadata"]["name"]) for each in kubernetes() if "metadata" in each}
    [component] = [each for each in of_the_exchange() if each["kind"] == "Component"]
    for change in component["patches"]:
        if "target" in change:
            kinds, name = change["target"]["kind"].split("|"), change["target"]["name"]
            assert {(kind, name) for kind in kinds} <= there
        else:
            patch = yaml.safe_load(change["patch"])
            assert (patch["kind"], patch["metadata"]["name"]) in there


@pytest.mark.parametrize("file", sorted((DEPLOY / "kubernetes").glob("*.yaml")), ids=lambda file: file.name)
def test_every_file_for_kubernetes_is_applied_or_an_example(file: Path) -> None:
    [kustomization] = documents(DEPLOY / "kubernetes" / "kustomization.yaml")
    assert file.name in kustomization["resources"] or file.name in ("kustomization.yaml", "secret.example.yaml")
