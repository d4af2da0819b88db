"""gunicorn's settings of the web processes: requests that are answered at once. Connections that stay open go to the
line processes (gunicorn_line.py)."""

import gc
import os
import sys
from typing import Any

from werkzeug.middleware.proxy_fix import ProxyFix

from ivr.metrics import forget_process
from ivr.processes import SWITCH_INTERVAL_S

bind = os.environ["WEB_BIND"]
worker_class = "gthread"
workers = int(os.environ.get("WEB_CONCURRENCY", "1"))
threads = 16
# Loaded once and shared by all workers.
preload_app = True
# Longer than the proxy keeps a connection it does not use (Caddyfile), so that it is never closed in its face.
keepalive = 120
graceful_timeout = 5
loglevel = "warning"
# Nobody administers a running gunicorn here, and a container's file system may be read-only.
control_socket_disable = True
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None


def child_exit(_server: Any, worker: Any) -> None:
    """Take what a worker that ended had open out of the figures."""
    forget_process(worker.pid)


def pre_fork(_server: Any, _worker: Any) -> None:
    """Keep what was loaded before the fork shared: the worker's garbage collector must not write to it."""
    gc.collect()
    gc.freeze()


def post_worker_init(worker: Any) -> None:
    """Take the client's address, host and scheme from the proxy, which alone may reach these processes, and let a call
    have its turn while another thread reads a file."""
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    worker.wsgi.wsgi_app = ProxyFix(worker.wsgi.wsgi_app, x_for=1, x_proto=1, x_host=1)
