"""Everything that may differ between two installations, read from the environment."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic_settings import BaseSettings, SettingsConfigDict

ListenMode = Literal["stream", "record", "keypad"]

DEMO_AUTH_TOKEN = "demo-auth-token"


class Settings(BaseSettings):
    """One installation's settings; each field is an environment variable of the same name in capitals."""

    model_config = SettingsConfigDict(env_file=None, extra="ignore")

    database_url: str = "sqlite:///var/hotline.db"
    public_base_url: str = "http://127.0.0.1:8000"
    twilio_account_sid: str = ""
    twilio_auth_token: str = ""
    twilio_api_base: str = "https://api.twilio.com"
    vosk_model_path: Path | None = None
    listen_mode: ListenMode = "stream"
    host: str = "127.0.0.1"
    port: int = 8000
    demo: bool = False
    secret_key: str = ""

    say_voice: str = "Polly.Zhiyu"
    say_language: str = "cmn-CN"
