"""gunicorn's settings of the line processes: asyncio workers, which hold the connections that stay open.

Each worker has a socket of its own, so that the proxy gives a new connection to the one with the fewest.
"""

import gc
import os
from typing import Any, ClassVar

from uvicorn_worker import UvicornWorker

from ivr.twilio.media_socket import MESSAGE_MAX_CHARS, PING_EVERY_S
from settings import Settings

settings = Settings()


class LineWorker(UvicornWorker):  # type: ignore[misc]
    """uvicorn as these connections need it."""

    CONFIG_KWARGS: ClassVar[dict[str, object]] = {
        "ws": "websockets-sansio",
        "ws_max_size": 2 * MESSAGE_MAX_CHARS,
        "ws_per_message_deflate": False,
        "ws_ping_interval": PING_EVERY_S,
        # A worker that ends closes its media sockets and has this long, in seconds, to hand their calls over; event
        # streams are cut off then, and browsers open them again.
        "timeout_graceful_shutdown": 2,
    }


workers = settings.line_processes
bind = [f"unix:{os.environ['SOCKETS_FOLDER']}/line-{number}.sock" for number in range(workers)]
worker_class = LineWorker
# The speech model is loaded once and shared by all workers.
preload_app = True
graceful_timeout = 5
loglevel = "warning"
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None


def pre_fork(server: Any, worker: Any) -> None:
    """Give the worker the socket that the fewest others have; while workers are replaced, two may share one."""
    taken = [other.sockets[0] for other in server.WORKERS.values()]
    worker.sockets = [min(worker.sockets, key=taken.count)]
    # What was loaded before the fork stays shared: the garbage collector must not write to it.
    gc.freeze()
