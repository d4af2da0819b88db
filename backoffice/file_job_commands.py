"""The command that works on long files beside the requests."""

from __future__ import annotations

import signal
from threading import Event, Thread

import click
from flask.cli import with_appcontext

from ivr.services import services
from ivr.voice.pack_keeper import PackKeeper
from orders.file_jobs.runner import FileJobs


@click.group("file-jobs")
def file_jobs_command() -> None:
    """Work on the long files that are uploaded on pages, and on files of orders from other systems."""


@file_jobs_command.command("run")
@with_appcontext
def run_command() -> None:
    """Work on one file after the other, until this process is ended. Several may run, on several machines; a file of
    one that was killed is begun again by another after a minute. The folders of other systems are those below
    ORDER_FILES_ROOT, which is the same on every machine that has it set. Beside it, new names in the catalogue are
    added to the voice pack, once one was built."""
    own, stop = services(), Event()
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda _number, _frame: stop.set())
    if own.settings.voice_pack is not None:
        keeper = PackKeeper(own.settings.voice_pack, own.sessions, own.catalog)
        Thread(target=keeper.run, args=(stop,), name="voice-pack", daemon=True).start()
    FileJobs(own.sessions, own.clock, own.catalog, own.settings.order_files_root).run(stop)
