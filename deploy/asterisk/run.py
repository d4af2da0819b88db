"""`python -m deploy.asterisk.run`: the exchange, configured from the environment (docs/own-exchange.md).

Its configuration is written anew at each start into `ASTERISK_STATE`, readable by its user only; logs are beside it.
`python -m deploy.asterisk.run -rx "core show channels"` asks the one that runs, on its own console.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

from deploy.asterisk.configuration import ConfigurationError, Place, configuration

UNPACK = Path(__file__).parent / "unpack.sh"
FOLDERS = ("etc", "lib/keys", "lib/recording", "log", "run")


def main() -> NoReturn:
    """Write the configuration and become Asterisk; with arguments, become its console."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = Place(
        unpacked=Path(os.environ.get("ASTERISK_UNPACKED") or cache / "order-hotline" / "asterisk-22"),
        state=Path(os.environ.get("ASTERISK_STATE") or "var/asterisk").absolute(),
    )
    if sys.argv[1:]:
        become(place, *sys.argv[1:])
    try:
        files = configuration(os.environ, place)
    except ConfigurationError as error:
        sys.exit(f"The exchange cannot be started: {error}")
    subprocess.run([UNPACK, place.unpacked], check=True)
    write(files, place)
    become(place, "-f")


def become(place: Place, *arguments: str) -> NoReturn:
    """Become Asterisk, with the configuration of this place."""
    command = command_line(place, *arguments)
    os.execv(command[0], command)


def write(files: dict[str, str], place: Place) -> None:
    """Write the configuration files, which hold secrets, into a folder that only its owner can enter."""
    place.state.mkdir(mode=0o700, parents=True, exist_ok=True)
    place.state.chmod(0o700)
    for folder in FOLDERS:
        (place.state / folder).mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (place.state / "etc" / name).write_text(content)


def command_line(place: Place, *arguments: str) -> list[str]:
    """The command that runs the unpacked Asterisk with its own libraries, whatever system this is, and with this
    place's configuration."""
    libraries = next(place.unpacked.glob("usr/lib/*-linux-gnu*"))
    loader = next(place.unpacked.glob("usr/lib*/ld-linux*.so.*"))
    asterisk = place.unpacked / "usr" / "sbin" / "asterisk"
    written = place.state / "etc" / "asterisk.conf"
    return [str(loader), "--library-path", str(libraries), str(asterisk), "-C", str(written), *arguments]


if __name__ == "__main__":
    main()
