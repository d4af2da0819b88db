"""gunicorn's settings: threaded workers, because every live call keeps a thread for its media socket."""

import os
import sys

from sqlalchemy.exc import SQLAlchemyError

from settings import Settings, SettingsError
from storage import is_current, open_engine, open_sessions, read_only

settings = Settings()

bind = f"{settings.host}:{settings.port}"
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
# Requests must find a thread even when the maximum of media sockets is open.
threads = settings.media_sockets_max + 32
# A worker that shuts down closes its media sockets; their calls continue on another worker, which opens new ones.
graceful_timeout = 5
loglevel = "warning"
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None


def on_starting(server):
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


def post_worker_init(worker):
    """Load the speech model and the catalogue's grammars before the first call has to wait for them, and recover the
    streams of an earlier worker."""
    # Imported in the worker: the process that only watches the workers needs nothing of the line.
    from ivr.services import services

    found = services(worker.wsgi)
    with read_only(found.sessions) as session:
        found.recognition.warm_up(session)
    alone = workers == 1 and settings.database_url.startswith("sqlite")
    found.line.media_streams.recover_streams(only_worker=alone)
    found.line.recorded_turns.start()
