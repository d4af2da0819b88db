"""The exchange is configured from the environment: what must be set, what must not be in it, and what comes out."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from deploy.asterisk import configuration as module
from deploy.asterisk.configuration import SOUNDS, ConfigurationError, Place, configuration
from deploy.asterisk.run import main, write
from ivr.operators import waiting_music
from speech.sound.audio import decode_mulaw

PLACE = Place(Path("/unpacked"), Path("/state"))
SECRET = "0123456789abcdef"
LEAST = {"ASTERISK_PASSWORD": SECRET}
TRUNK = {
    **LEAST,
    "ASTERISK_TRUNK_ADDRESS": "sip.carrier.example:5080",
    "ASTERISK_TRUNK_NETWORKS": "203.0.113.0/28 203.0.113.77",
    "ASTERISK_TRUNK_USER": "hotline",
    "ASTERISK_TRUNK_PASSWORD": SECRET,
}
DOCUMENT = Path(__file__).parents[2] / "docs" / "own-exchange.md"


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({}, "ASTERISK_PASSWORD is not set"),
        ({"ASTERISK_PASSWORD": "short"}, "ASTERISK_PASSWORD has fewer than 16 characters"),
        ({**TRUNK, "ASTERISK_TRUNK_PASSWORD": ""}, "ASTERISK_TRUNK_PASSWORD is not set"),
        ({**TRUNK, "ASTERISK_TRUNK_PASSWORD": "short"}, "ASTERISK_TRUNK_PASSWORD has fewer than 16"),
        ({**TRUNK, "ASTERISK_TRUNK_USER": " "}, "ASTERISK_TRUNK_USER is not set"),
        ({**TRUNK, "ASTERISK_TRUNK_NETWORKS": ""}, "ASTERISK_TRUNK_NETWORKS is not set"),
        ({**LEAST, "TELEPHONES": "8001:short"}, "TELEPHONES gives telephone 8001 a password with fewer"),
        ({**LEAST, "TELEPHONES": "8001"}, "TELEPHONES gives telephone 8001 a password with fewer"),
    ],
)
def test_a_secret_that_is_missing_or_short_is_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        configuration(environment, PLACE)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("ASTERISK_URL", "http://0.0.0.0:8288", "loopback only"),
        ("ASTERISK_URL", "http://192.168.1.2:8288", "loopback only"),
        ("ASTERISK_URL", "http://127.0.0.1", "no address and port"),
        ("ASTERISK_RTP_PORTS", "20000", "range of ports"),
        ("ASTERISK_RTP_PORTS", "21000-20000", "range of ports"),
        ("ASTERISK_SIP_PORT", "sip", "number from 0 to 65535"),
        ("ASTERISK_SIP_ADDRESS", "everywhere", "ASTERISK_SIP_ADDRESS cannot be read"),
        ("ASTERISK_TELEPHONE_NETWORKS", "10.0.0.1/8", "ASTERISK_TELEPHONE_NETWORKS cannot be read"),
        ("ASTERISK_NUMBERS", "_X.:+8637255550000", "write it like 4001"),
        ("ASTERISK_NUMBERS", "4001:1,System(reboot)", "write it like 4001"),
        ("TELEPHONES", f"trunk:{SECRET}", "two to eight digits"),
        ("TELEPHONES", f"8001:{SECRET} 8001:{SECRET}", "something twice"),
        ("ASTERISK_TRUNK_ENCRYPTED", "yes", "neither 0 nor 1"),
        ("ASTERISK_TRUNK_ENCRYPTED", "1", "needs a certificate"),
        ("ASTERISK_TLS_CERTIFICATE", "/nowhere.pem", "names no file"),
    ],
)
def test_a_value_that_cannot_be_is_named(name: str, value: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        configuration({**TRUNK, name: value}, PLACE)


@pytest.mark.parametrize("smuggled", ["x\n[anonymous]", "x;y", "x]y[", "x\\y", "x\x00y"])
@pytest.mark.parametrize("name", ["ASTERISK_PASSWORD", "ASTERISK_TRUNK_ADDRESS", "ASTERISK_TRUNK_USER", "TELEPHONES"])
def test_no_value_becomes_a_section_or_an_option(name: str, smuggled: str) -> None:
    with pytest.raises(ConfigurationError, match="has a character that must not be in it"):
        configuration({**TRUNK, name: f"{SECRET}{smuggled}"}, PLACE)


def test_the_exchange_says_what_is_missing_and_does_not_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["run"])
    monkeypatch.delenv("ASTERISK_PASSWORD", raising=False)
    monkeypatch.setenv("ASTERISK_STATE", str(tmp_path / "state"))
    with pytest.raises(SystemExit, match="The exchange cannot be started: ASTERISK_PASSWORD is not set: set a secret"):
        main()
    assert not (tmp_path / "state").exists()


def test_nobody_else_reads_the_secrets(tmp_path: Path) -> None:
    place = Place(tmp_path, tmp_path / "state")
    write(configuration(LEAST, place), place)
    assert SECRET in (place.state / "etc" / "ari.conf").read_text()
    assert place.state.stat().st_mode & 0o077 == 0


def test_every_place_of_every_file_is_filled() -> None:
    for environment in (LEAST, TRUNK, {**TRUNK, "ASTERISK_EXTERNAL_ADDRESS": "198.51.100.9"}):
        for name, text in configuration(environment, PLACE).items():
            assert not re.search(r"@[A-Z_]+@", text), name


def test_without_trunk_and_telephones_nobody_has_a_way_in() -> None:
    files = configuration(LEAST, PLACE)
    assert files["trunk.conf"].startswith("; No trunk")
    assert files["telephones.conf"] == ""
    assert "anonymous" not in files["modules.conf"]


def test_the_trunk_needs_address_and_password_unless_the_carrier_sends_none() -> None:
    trunk = configuration(TRUNK, PLACE)["trunk.conf"]
    assert "match = 203.0.113.0/28,203.0.113.77/32" in trunk
    [endpoint] = re.findall(r"^\[trunk\]\(sound\)\n(.*?)\n\n", trunk, re.DOTALL | re.MULTILINE)
    required = {"auth = trunk", "identify_by = ip", "context = trunk-in", "media_encryption = no"}
    assert required <= set(endpoint.splitlines())
    assert "\nauth =" not in configuration({**TRUNK, "ASTERISK_TRUNK_SENDS_NO_PASSWORD": "1"}, PLACE)["trunk.conf"]


def test_only_the_networks_of_trunk_and_telephones_are_heard() -> None:
    heard = configuration({**TRUNK, "ASTERISK_TELEPHONE_NETWORKS": "10.1.0.0/16"}, PLACE)["pjsip.conf"]
    assert re.findall(r"^(?:permit|deny) = (\S+)", heard, re.MULTILINE) == [
        "0.0.0.0/0.0.0.0",
        "::/0",
        "127.0.0.1/32",
        "10.1.0.0/16",
        "203.0.113.0/28",
        "203.0.113.77/32",
    ]


@pytest.mark.parametrize(
    ("bound", "inside"),
    [("192.168.0.5", "192.168.0.5"), ("0.0.0.0", "192.168.0.9"), ("198.51.100.9", "")],
    ids=["one address", "all addresses", "the address outside itself"],
)
def test_behind_nat_browsers_are_told_the_address_outside_as_well(bound: str, inside: str) -> None:
    environment = {**LEAST, "ASTERISK_SIP_ADDRESS": bound, "ASTERISK_EXTERNAL_ADDRESS": "198.51.100.9"}
    told = configuration(environment, PLACE, lambda _outside: "192.168.0.9")["rtp.conf"]
    mapped = re.findall(r"^(\S+) => 198\.51\.100\.9,include_local_address$", told, re.MULTILINE)
    assert mapped == ([inside] if inside else [])


def test_without_nat_browsers_are_told_the_machines_own_addresses() -> None:
    assert "=>" not in configuration(LEAST, PLACE)["rtp.conf"]


def test_each_number_leads_to_its_hotline_and_no_other_is_there() -> None:
    numbers = configuration({**LEAST, "ASTERISK_NUMBERS": "4001:+8637255550000 55550000"}, PLACE)["numbers.conf"]
    assert re.findall(r"^exten => (\S+),1,Set\(APPLICATION=hotline,(\S+)\)$", numbers, re.MULTILINE) == [
        ("4001", "+8637255550000"),
        ("55550000", "55550000"),
    ]


def test_no_context_of_the_dialplan_dials_out() -> None:
    used = set(re.findall(r"[,?]([A-Z][A-Za-z]+)\(", configuration(TRUNK, PLACE)["extensions.conf"]))
    assert used == {
        *("AMD", "WaitForSilence", "Set", "ExecIf", "Goto", "GotoIf"),
        *("Ringing", "Stasis", "Wait", "Hangup"),
    }


def test_every_variable_that_is_read_is_in_the_document() -> None:
    folder = Path(module.__file__).parent
    sources = "".join(path.read_text() for path in (*folder.glob("*.py"), folder / "unpack.sh"))
    read = set(re.findall(r"\b(?:ASTERISK_\w+[A-Z]|TELEPHONES)\b", sources))
    rows = re.findall(r"^\| (`[A-Z_`, ]+) \|", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
    assert read == set(re.findall(r"`(\w+)`", "".join(rows)))


def test_who_is_on_hold_hears_the_lines_waiting_music() -> None:
    assert str(SOUNDS) in configuration(LEAST, PLACE)["musiconhold.conf"]
    (music,) = SOUNDS.iterdir()
    played, made = (decode_mulaw(sound).astype(int) for sound in (music.read_bytes(), waiting_music.mulaw()))
    assert len(played) == len(made)
    # Another processor may round otherwise.
    assert abs(played - made).max() < 500
