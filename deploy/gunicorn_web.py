"""gunicorn's settings of the web processes: requests that are answered at once. Connections that stay open go to the
line processes (gunicorn_line.py)."""

import os
import sys
from typing import Any

from sqlalchemy.exc import SQLAlchemyError
from werkzeug.middleware.proxy_fix import ProxyFix

from settings import Settings, SettingsError
from storage import is_current, open_engine, open_sessions

settings = Settings()

bind = f"unix:{os.environ['SOCKETS_FOLDER']}/web.sock"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
threads = 16
# Loaded once and shared by all workers.
preload_app = True
# Longer than the proxy keeps a connection it does not use (Caddyfile), so that it is never closed in its face.
keepalive = 120
graceful_timeout = 5
loglevel = "warning"
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None


def on_starting(_server: object) -> None:
    """Refuse to start with settings or tables that would make every call fail."""
    try:
        settings.check_servable()
        sessions = open_sessions(open_engine(settings.database_url))
        if not is_current(sessions):
            sys.exit("The database's tables are not of this version: run `flask --app app migrate`, then start again.")
    except SettingsError as error:
        sys.exit(str(error))
    except SQLAlchemyError as error:
        reason = str(getattr(error, "orig", error)).strip()
        sys.exit(f"The database cannot be used ({reason}): see that DATABASE_URL is right and that it can be reached.")


def post_worker_init(worker: Any) -> None:
    """Take the client's address, host and scheme from the proxy, which alone can reach the socket."""
    worker.wsgi.wsgi_app = ProxyFix(worker.wsgi.wsgi_app, x_for=1, x_proto=1, x_host=1)
