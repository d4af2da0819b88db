"""Everything that may differ between two installations, read from the environment."""

from __future__ import annotations

import re
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ListenMode = Literal["stream", "record", "keypad"]
LogFormat = Literal["auto", "json", "text"]
CarrierName = Literal["twilio", "asterisk"]
Network = IPv4Network | IPv6Network

DEMO_AUTH_TOKEN = "demo-auth-token"
DEMO_ACCOUNT_SID = "ACde300000000000000000000000000000"
DEMO_SECRET_KEY = "only-for-the-demo-on-the-loopback"


_PREFIX = re.compile(r"\+[1-9][0-9]{0,14}")
_TURN_URL = re.compile(r"turns?:[^\s/?@]+(\?transport=(udp|tcp))?")


class SettingsError(ValueError):
    """The line cannot be served with these settings; the message lists what to set."""


class Settings(BaseSettings):
    """One installation's settings; each field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore")

    database_url: str = "sqlite:///var/hotline.db"
    # Where calls come from: Twilio, or an exchange of one's own.
    carrier: CarrierName = "twilio"
    # The exchange's REST interface, which it offers on this machine or in a network of its own, and its account there.
    asterisk_url: str = "http://127.0.0.1:8288"
    asterisk_user: str = "line"
    asterisk_password: str = ""
    # The exchange's name for the trunk that calls are placed over.
    asterisk_trunk: str = "trunk"
    # The TURN server that browsers may send their sound through, separated by commas, and the secret shared with it.
    turn_urls: Annotated[tuple[str, ...], NoDecode] = ()
    turn_secret: str = ""
    # The URL the carrier sends requests to and computes its signatures over; if empty, the demo's loopback address.
    public_base_url: str = ""
    twilio_account_sid: str = ""
    twilio_auth_token: str = ""
    # The other token while the account's token is being changed: Twilio's secondary one, or the one before.
    twilio_secondary_auth_token: str = ""
    twilio_api_base: str = "https://api.twilio.com"
    # With an API key of the account, operators can answer calls in their browsers.
    twilio_api_key_sid: str = ""
    twilio_api_key_secret: str = ""
    vosk_model_path: Path | None = None
    listen_mode: ListenMode = "stream"
    host: str = "127.0.0.1"
    port: int = 8000
    demo: bool = False
    secret_key: str = ""
    # The processes that hold media sockets and event streams: one for each processor.
    line_processes: int = Field(default=2, ge=1)
    # The most media streams one line process serves at once; further calls are heard through recordings or keys.
    media_sockets_max: int = 64
    # The telephone numbers operators may be called at, separated by commas.
    operator_numbers: Annotated[tuple[str, ...], NoDecode] = ()
    # The beginnings of the numbers the line may call, separated by commas: retailers, callbacks and operators.
    dialled_prefixes: Annotated[tuple[str, ...], NoDecode] = ("+86",)
    # What recordings are encrypted with, the newest first, separated by commas; if empty, it is made from SECRET_KEY.
    recordings_keys: Annotated[tuple[str, ...], NoDecode] = ()

    # The networks from which the figures of monitoring may be read, separated by commas.
    metrics_networks: Annotated[tuple[Network, ...], NoDecode] = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
    # How log lines are written: as JSON, as text, or as text on a terminal only.
    log_format: LogFormat = "auto"
    # The folder of the sockets between proxy and processes, where `deploy.serve` serves.
    sockets_folder: Path | None = None

    # The folder below which other systems may put files of orders; if empty, such files are uploaded only.
    order_files_root: Path | None = None

    # The folder of the sounds that sentences are put together of; if there is none, a robot voice says them.
    voice_pack: Path | None = Path("var/voice-pack")
    # Sentences that the pack says whole are played to callers at the carrier; otherwise its own voice says everything.
    say_from_pack: bool = False
    say_voice: str = "Polly.Zhiyu"
    say_language: str = "cmn-CN"

    @field_validator("operator_numbers", "dialled_prefixes", "recordings_keys", "turn_urls", mode="before")
    @classmethod
    def _comma_separated(cls, value: Any) -> Any:
        return tuple(filter(None, map(str.strip, value.split(",")))) if isinstance(value, str) else value

    @field_validator("metrics_networks", mode="before")
    @classmethod
    def _networks(cls, value: Any) -> Any:
        if not isinstance(value, str):
            return value
        return tuple(ip_network(one.strip(), strict=False) for one in value.split(",") if one.strip())

    @model_validator(mode="after")
    def _demo_defaults(self) -> Settings:
        self.public_base_url = self.public_base_url or f"http://127.0.0.1:{self.port}"
        if self.demo and self.is_on_loopback:
            self.twilio_auth_token = self.twilio_auth_token or DEMO_AUTH_TOKEN
            self.twilio_account_sid = self.twilio_account_sid or DEMO_ACCOUNT_SID
            self.secret_key = self.secret_key or DEMO_SECRET_KEY
        return self

    @property
    def twilio_auth_tokens(self) -> tuple[str, ...]:
        """The tokens that the account may have at this moment."""
        return tuple(filter(None, (self.twilio_auth_token, self.twilio_secondary_auth_token)))

    @property
    def is_on_loopback(self) -> bool:
        """True if only this machine can reach the server."""
        return is_loopback(self.host)

    def check_servable(self) -> None:
        """Raise SettingsError unless the line can be served with these settings: all secrets set, reached over https.

        The demo needs none of that, and is therefore bound to the loopback.
        """
        if self.demo:
            if not self.is_on_loopback:
                raise SettingsError(f"DEMO=1 serves on the loopback only, not on {self.host}: unset DEMO or HOST.")
            return
        secrets = {"twilio": ("TWILIO_AUTH_TOKEN", "TWILIO_ACCOUNT_SID"), "asterisk": ("ASTERISK_PASSWORD",)}
        wrong = [
            *(f"{name} is not set" for name in secrets[self.carrier] if not self._has(name)),
            *(
                ["LISTEN_MODE=record is for Twilio only: an exchange of one's own sends all sound to the line"]
                if self.carrier == "asterisk" and self.listen_mode == "record"
                else []
            ),
            *(["SECRET_KEY has fewer than 32 characters"] if len(self.secret_key) < 32 else []),
            *(["SECRET_KEY is the demo's own"] if self.secret_key == DEMO_SECRET_KEY else []),
            *(["TWILIO_AUTH_TOKEN is the demo's own"] if DEMO_AUTH_TOKEN in self.twilio_auth_tokens else []),
            *(
                ["a key in RECORDINGS_KEYS has fewer than 32 characters"]
                if min(map(len, self.recordings_keys), default=32) < 32
                else []
            ),
            *(
                ["a prefix in DIALLED_PREFIXES is not like +86"]
                if not all(map(_PREFIX.fullmatch, self.dialled_prefixes))
                else []
            ),
            *([] if self.public_base_url.startswith("https://") else ["PUBLIC_BASE_URL does not start with https://"]),
            *(
                ["an address in TURN_URLS is not like turn:turn.example.com:3478"]
                if not all(map(_TURN_URL.fullmatch, self.turn_urls))
                else []
            ),
            *(["TURN_SECRET is not set"] if self.turn_urls and not self.turn_secret else []),
        ]
        if wrong:
            raise SettingsError(
                f"The line cannot be served: {'; '.join(wrong)}. To try it on this machine, set DEMO=1."
            )

    def _has(self, name: str) -> bool:
        return bool(getattr(self, name.lower()))


def is_loopback(host: str) -> bool:
    """True if `host` is a loopback address or name, which no other machine can reach."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
