"""`python -m deploy.asterisk.run`: the exchange, configured from the environment (docs/own-exchange.md).

Its configuration is written anew at each start into `ASTERISK_STATE`, readable by its user only; logs are beside it.
Told to stop by SIGTERM, it drains (`deploy/asterisk/keeping.py`).
`python -m deploy.asterisk.run -rx "core show channels"` asks the one that runs, on its own console.
"""

from __future__ import annotations

import os
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import NoReturn

from deploy.asterisk.configuration import ConfigurationError, Place, configuration
from deploy.asterisk.keeping import keep

UNPACK = Path(__file__).parent / "unpack.sh"
FOLDERS = ("etc", "lib/keys", "lib/recording", "log", "run")


def main() -> NoReturn:
    """Write the configuration and run Asterisk; with arguments, become its console."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    place = Place(
        unpacked=Path(os.environ.get("ASTERISK_UNPACKED") or cache / "order-hotline" / "asterisk-22"),
        state=Path(os.environ.get("ASTERISK_STATE") or "var/asterisk").absolute(),
    )
    if sys.argv[1:]:
        command = command_line(place, *sys.argv[1:])
        os.execv(command[0], command)
    try:
        files = configuration(os.environ, place)
    except ConfigurationError as error:
        sys.exit(f"The exchange cannot be started: {error}")
    subprocess.run([UNPACK, place.unpacked], check=True)
    write(files, place)
    sys.exit(keep(partial(command_line, place), place.state / "log"))


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
