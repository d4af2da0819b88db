"""gunicorn's settings of the line processes: asyncio workers, which hold the connections that stay open.

Each worker has a socket of its own, so that the proxy gives a new connection to the one with the fewest.
"""

import gc
import os
import sys
from typing import Any, ClassVar

from sqlalchemy.exc import SQLAlchemyError
from uvicorn_worker import UvicornWorker

from ivr.metrics import forget_process
from ivr.twilio.media_socket import MESSAGE_MAX_CHARS, PING_EVERY_S
from settings import Settings, SettingsError
from storage import open_engine, open_sessions, read_only, tables_state

settings = Settings()


def check() -> None:
    """Refuse to start with settings or tables that would make every call fail, before anything is loaded."""
    try:
        settings.check_servable()
        sessions = open_sessions(open_engine(settings.database_url))
        with read_only(sessions) as session:
            state = tables_state(session)
        if state == "older":
            sys.exit("The database's tables are not of this version: run `flask --app app migrate`, then start again.")
    except SettingsError as error:
        sys.exit(str(error))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip()
        sys.exit(f"The database cannot be used ({reason}): see that DATABASE_URL is right and that it can be reached.")


check()


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
bind = os.environ["LINE_BINDS"].split()
worker_class = LineWorker
# The speech model is loaded once and shared by all workers.
preload_app = True
graceful_timeout = 5
loglevel = "warning"
# Nobody administers a running gunicorn here, and a container's file system may be read-only.
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None


def child_exit(_server: Any, worker: Any) -> None:
    """Take what a worker that ended had open out of the figures."""
    forget_process(worker.pid)


def pre_fork(server: Any, worker: Any) -> None:
    """Give the worker the socket that the fewest others have; while workers are replaced, two may share one."""
    taken = [other.sockets[0] for other in server.WORKERS.values()]
    worker.sockets = [min(worker.sockets, key=taken.count)]
    # What was loaded before the fork stays shared: the worker's garbage collector must not write to it.
    gc.collect()
    gc.freeze()
