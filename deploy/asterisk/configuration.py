"""The exchange's configuration: the files of `conf/` with what the environment says filled in."""

from __future__ import annotations

import platform
import re
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

TEMPLATES = Path(__file__).parent / "conf"
# The line's waiting music (ivr/operators/waiting_music.py), which Asterisk itself plays to who is on hold.
SOUNDS = Path(__file__).parent / "sounds"
SECRET_LENGTH = 16
# The line's own proxy, by which browser telephones come.
PROXY = "127.0.0.1/32"
PRIVATE_NETWORKS = "127.0.0.0/8 10.0.0.0/8 172.16.0.0/12 192.168.0.0/16"
# The demo's two hotlines, by the short numbers that telephones in the house dial.
NUMBERS = "4001:+8637255550000 4002:+8637255933333"
# Files that Asterisk looks for and reports missing, of which the defaults are wanted.
_DEFAULTS = (
    "acl", "ccss", "cdr", "cel", "chan_websocket", "features", "indications", "manager", "pjproject", "stasis",
    "udptl", "websocket_client",
)  # fmt: skip

_PLACE = re.compile(r"@([A-Z_]+)@")
_DIALLED = re.compile(r"\+?[0-9]{2,15}")
_TELEPHONE = re.compile(r"[0-9]{2,8}")


class ConfigurationError(ValueError):
    """The exchange cannot be started with this environment; the message says what to set."""


@dataclass(frozen=True)
class Place:
    """The folders of one exchange: Asterisk as it was unpacked, and where its configuration and state are kept."""

    unpacked: Path
    state: Path


class _Environment:
    """The environment's variables; reading one that is missing, or has what a configuration file cannot hold, raises
    ConfigurationError."""

    def __init__(self, variables: Mapping[str, str]) -> None:
        self._variables = variables

    def text(self, name: str, default: str = "") -> str:
        value = self._variables.get(name, "").strip() or default
        if not value.isprintable() or set(value) & set(";[]\\"):
            raise ConfigurationError(f"{name} has a character that must not be in it: one of ; [ ] \\ or a line break.")
        return value

    def secret(self, name: str) -> str:
        value = self.text(name)
        if len(value) < SECRET_LENGTH:
            wrong = f"has fewer than {SECRET_LENGTH} characters" if value else "is not set"
            raise ConfigurationError(f"{name} {wrong}: set a secret that nobody else has, such as of openssl rand.")
        return value

    def number(self, name: str, default: int) -> int:
        value = self.text(name, str(default))
        if not value.isdecimal() or int(value) > 65535:
            raise ConfigurationError(f"{name} is not a number from 0 to 65535: {value}.")
        return int(value)

    def switch(self, name: str) -> bool:
        return self._choice(name, {"": False, "0": False, "1": True})

    def networks(self, name: str, default: str) -> list[str]:
        return [self._checked(name, one, ip_network) for one in self.text(name, default).split()]

    def address(self, name: str, default: str = "") -> str:
        value = self.text(name, default)
        return self._checked(name, value, ip_address) if value else ""

    def pairs(self, name: str, default: str = "") -> dict[str, str]:
        """Names with a value each, given like `8001:password 8002:password`."""
        found = [one.partition(":")[::2] for one in self.text(name, default).split()]
        if len(dict(found)) < len(found):
            raise ConfigurationError(f"{name} has something twice: write each once.")
        return dict(found)

    def _choice(self, name: str, choices: Mapping[str, bool]) -> bool:
        value = self.text(name)
        if value not in choices:
            raise ConfigurationError(f"{name} is neither 0 nor 1: {value}.")
        return choices[value]

    @staticmethod
    def _checked(name: str, value: str, read: Callable[[str], object]) -> str:
        try:
            return str(read(value))
        except ValueError as error:
            raise ConfigurationError(f"{name} cannot be read: {error}.") from error


def address_towards(outside: str) -> str:
    """The address of this machine from which it sends to that one. Raises ConfigurationError if it has no way there."""
    family = socket.AF_INET6 if ip_address(outside).version == 6 else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as connected:
        try:
            # Nothing is sent.
            connected.connect((outside, 9))
        except OSError as error:
            raise ConfigurationError(
                f"This machine has no way to ASTERISK_EXTERNAL_ADDRESS ({error.strerror}): set ASTERISK_SIP_ADDRESS to "
                "its address inside."
            ) from error
        return str(connected.getsockname()[0])


def configuration(
    variables: Mapping[str, str], place: Place, own_address: Callable[[str], str] = address_towards
) -> dict[str, str]:
    """The configuration files by name; `own_address` is this machine's address towards another one. Raises
    ConfigurationError if a secret is missing or short, or a value cannot be used."""
    environment = _Environment(variables)
    ari = urlsplit(environment.text("ASTERISK_URL", "http://127.0.0.1:8288"))
    if ari.hostname is None or ari.port is None or not _is_loopback(ari.hostname):
        raise ConfigurationError(
            "ASTERISK_URL is no address and port of this machine, such as http://127.0.0.1:8288: whoever reaches ARI "
            "commands every call, so it is served on the loopback only."
        )
    rtp_first, _, rtp_last = environment.text("ASTERISK_RTP_PORTS", "20000-20999").partition("-")
    if not (rtp_first.isdecimal() and rtp_last.isdecimal() and 1024 <= int(rtp_first) < int(rtp_last) < 65536):
        raise ConfigurationError("ASTERISK_RTP_PORTS is not a range of ports like 20000-20999.")
    encrypted = bool(environment.text("ASTERISK_TLS_CERTIFICATE"))
    values = {
        "STATE": str(place.state),
        "SOUNDS": str(SOUNDS),
        "UNPACKED": str(place.unpacked),
        "MACHINE": f"{platform.machine()}-linux-gnu",
        "MAX_CALLS": str(environment.number("ASTERISK_MAX_CALLS", 200)),
        "ARI_ADDRESS": ari.hostname,
        "ARI_PORT": str(ari.port),
        "ARI_USER": environment.text("ASTERISK_USER", "line"),
        "ARI_PASSWORD": environment.secret("ASTERISK_PASSWORD"),
        "SIP_ADDRESS": environment.address("ASTERISK_SIP_ADDRESS", "127.0.0.1"),
        "SIP_PORT": str(environment.number("ASTERISK_SIP_PORT", 5060)),
        "RTP_FIRST": rtp_first,
        "RTP_LAST": rtp_last,
        "LINE_NUMBERS": _line_numbers(environment),
        "NAT": _nat(environment),
        "ICE_ADDRESSES": _ice_addresses(environment, own_address),
        "PERMITTED": _permitted(environment),
        "TELEPHONE_ENCRYPTION": "sdes" if encrypted else "no",
    }
    files = {f"{name}.conf": "" for name in _DEFAULTS}
    files |= {path.name: _filled(path.read_text(), values) for path in sorted(TEMPLATES.glob("*.conf"))}
    files["numbers.conf"] = _numbers(environment)
    files["transports.conf"] = _tls(environment) if encrypted else ""
    files["trunk.conf"] = _trunk(environment)
    files["telephones.conf"] = _telephones(environment)
    return files


def _filled(template: str, values: Mapping[str, str]) -> str:
    return _PLACE.sub(lambda found: values[found[1]], template)


def _section(name: str, template: str = "", **options: str | int) -> str:
    """A section of a configuration file, with the options of a template of pjsip.conf if one is named."""
    head = f"[{name}]({template})" if template else f"[{name}]"
    return "\n".join([head, *(f"{option} = {value}" for option, value in options.items()), "", ""])


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _nat(environment: _Environment) -> str:
    outside = environment.address("ASTERISK_EXTERNAL_ADDRESS")
    if not outside:
        return ""
    inside = environment.networks("ASTERISK_LOCAL_NETWORKS", PRIVATE_NETWORKS)
    addresses = [f"external_media_address = {outside}", f"external_signaling_address = {outside}"]
    return "\n".join([*addresses, *(f"local_net = {network}" for network in inside)])


def _ice_addresses(environment: _Environment, own_address: Callable[[str], str]) -> str:
    """The address outside beside the one inside, as browsers are told both and take the one that they reach."""
    outside = environment.address("ASTERISK_EXTERNAL_ADDRESS")
    if not outside:
        return ""
    bound = environment.address("ASTERISK_SIP_ADDRESS", "127.0.0.1")
    inside = own_address(outside) if ip_address(bound).is_unspecified else bound
    return f"{inside} => {outside},include_local_address" if inside != outside else ""


def _permitted(environment: _Environment) -> str:
    networks = [
        PROXY,
        *environment.networks("ASTERISK_TELEPHONE_NETWORKS", PRIVATE_NETWORKS),
        *environment.networks("ASTERISK_TRUNK_NETWORKS", ""),
    ]
    return "\n".join(f"permit = {network}" for network in networks)


def _tls(environment: _Environment) -> str:
    files = {
        "cert_file": environment.text("ASTERISK_TLS_CERTIFICATE"),
        "priv_key_file": environment.text("ASTERISK_TLS_KEY"),
    }
    for option, name in (("cert_file", "ASTERISK_TLS_CERTIFICATE"), ("priv_key_file", "ASTERISK_TLS_KEY")):
        if not Path(files[option]).is_file():
            raise ConfigurationError(f"{name} names no file: {files[option] or 'it is empty'}.")
    if authorities := environment.text("ASTERISK_TLS_AUTHORITIES"):
        files |= {"ca_list_file": authorities, "verify_server": "yes"}
    host, port = environment.address("ASTERISK_SIP_ADDRESS", "127.0.0.1"), environment.number("ASTERISK_TLS_PORT", 5061)
    options = {"type": "transport", "protocol": "tls", "method": "tlsv1_2", "bind": f"{host}:{port}"}
    return _section("tls", **options, **files) + _nat(environment) + "\n"


def _trunk(environment: _Environment) -> str:
    address = environment.text("ASTERISK_TRUNK_ADDRESS")
    if not address:
        return "; No trunk: ASTERISK_TRUNK_ADDRESS is not set.\n"
    networks = environment.networks("ASTERISK_TRUNK_NETWORKS", "")
    if not networks:
        raise ConfigurationError("ASTERISK_TRUNK_NETWORKS is not set: say from which addresses the carrier calls.")
    encrypted = environment.switch("ASTERISK_TRUNK_ENCRYPTED")
    if encrypted and not environment.text("ASTERISK_TLS_CERTIFICATE"):
        raise ConfigurationError("ASTERISK_TRUNK_ENCRYPTED needs a certificate: set ASTERISK_TLS_CERTIFICATE and _KEY.")
    user, password = environment.text("ASTERISK_TRUNK_USER"), environment.secret("ASTERISK_TRUNK_PASSWORD")
    if not user:
        raise ConfigurationError("ASTERISK_TRUNK_USER is not set: say under which name carrier and exchange sign in.")
    uri = f"sip:{address}" + (";transport=tls" if encrypted else "")
    transport = "tls" if encrypted else "udp"
    known_by_address = {} if environment.switch("ASTERISK_TRUNK_SENDS_NO_PASSWORD") else {"auth": "trunk"}
    sections = [
        _section("trunk", type="auth", auth_type="digest", username=user, password=password),
        _section("trunk", type="aor", contact=uri, qualify_frequency=environment.number("ASTERISK_TRUNK_PROBE_S", 30)),
        _section(
            "trunk",
            "sound",
            context="trunk-in",
            transport=transport,
            aors="trunk",
            **known_by_address,
            outbound_auth="trunk",
            from_domain=address.partition(":")[0],
            identify_by="ip",
            media_encryption="sdes" if encrypted else "no",
            trust_id_inbound="yes",
            send_pai="yes",
        ),
        _section("trunk", type="identify", endpoint="trunk", match=",".join(networks)),
    ]
    if environment.switch("ASTERISK_TRUNK_REGISTERS"):
        client = f"sip:{user}@{address}"
        sections.append(
            _section(
                "trunk",
                type="registration",
                transport=transport,
                outbound_auth="trunk",
                server_uri=uri,
                client_uri=client,
                contact_user=user,
                retry_interval=30,
                forbidden_retry_interval=300,
                max_retries=1_000_000,
            )
        )
    return "\n".join(sections)


def _telephones(environment: _Environment) -> str:
    sections = []
    for name, password in environment.pairs("TELEPHONES").items():
        if not _TELEPHONE.fullmatch(name):
            raise ConfigurationError(f"TELEPHONES names a telephone {name}: give each two to eight digits.")
        if len(password) < SECRET_LENGTH:
            raise ConfigurationError(
                f"TELEPHONES gives telephone {name} a password with fewer than {SECRET_LENGTH} characters: write "
                f"{name}:password with a longer one."
            )
        sections += [
            _section(name, "telephone", auth=name, aors=name, callerid=f"<{name}>"),
            _section(name, "telephone-auth", username=name, password=password),
            _section(name, "telephone-aor"),
        ]
    return "\n".join(sections)


def _line_numbers(environment: _Environment) -> str:
    """The numbers that come to the line, as hotlines are entered with them."""
    pairs = environment.pairs("ASTERISK_NUMBERS", NUMBERS)
    return " ".join(dict.fromkeys(number or dialled for dialled, number in pairs.items()))


def _numbers(environment: _Environment) -> str:
    lines = []
    for dialled, number in environment.pairs("ASTERISK_NUMBERS", NUMBERS).items():
        number = number or dialled
        if not (_DIALLED.fullmatch(dialled) and _DIALLED.fullmatch(number)):
            raise ConfigurationError(f"ASTERISK_NUMBERS has {dialled}:{number}: write it like 4001:+8637255550000.")
        lines += [f"exten => {dialled},1,Set(APPLICATION=hotline,{number})", " same => n,Goto(line,s,1)"]
    return "\n".join([*lines, ""])
