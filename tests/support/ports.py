"""Free ports for servers that tests start, stop and start again."""

from __future__ import annotations

import itertools
import os
import socket

# Below the ports that systems give to outgoing connections, which could take one while its server is down. Each process
# of a test run has its own, so that none takes one that another's server comes back to.
COUNT = 1_500
FIRST = 15_000 + COUNT * (int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 10)
_next = itertools.count(os.getpid() * 97)


def free_port() -> int:
    """A port that nobody uses, by TCP or by UDP, and that this process gives to no other server."""
    for number in itertools.islice(_next, COUNT):
        port = FIRST + number % COUNT
        with socket.socket() as probe, socket.socket(type=socket.SOCK_DGRAM) as datagrams:
            try:
                probe.bind(("127.0.0.1", port))
                # SIP telephones are at several addresses of the loopback.
                datagrams.bind(("", port))
            except OSError:
                continue
        return port
    raise RuntimeError(f"no port from {FIRST} to {FIRST + COUNT} is free")
