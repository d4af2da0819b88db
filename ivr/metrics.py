"""The figures each process counts for monitoring: calls, turns, replies, webhooks, recognition, carrier and database.

With PROMETHEUS_MULTIPROC_DIR set, as `deploy.serve` does, the processes of a machine write them to that folder, and any
of them reports the sum. What the database knows itself (queue, holds, orders) is read from it instead
(`backoffice.database_gauges`).
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, Literal, get_args

from prometheus_client import REGISTRY, CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from sqlalchemy import Engine, event

from speech.utterance import Utterance

FOLDER_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"

# A caller notices a reply that takes longer than a second; the carrier gives a webhook up after fifteen.
REPLY_BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 15.0)

CALLS_STARTED = Counter("hotline_calls_started", "Calls begun.", ["direction"])
CALLS_ENDED = Counter("hotline_calls_ended", "Calls whose end the carrier reported.", ["status"])
TURNS = Counter("hotline_turns", "Turns taken; those that failed are repeated to the caller.", ["outcome"])
REPLY_SECONDS = Histogram(
    "hotline_reply_seconds",
    "From the recognised end of what a caller said until the reply is made and the carrier was told to fetch it.",
    buckets=REPLY_BUCKETS_S,
)
WEBHOOK_SECONDS = Histogram(
    "hotline_webhook_seconds", "Answering a request of the carrier's.", ["event", "status"], buckets=REPLY_BUCKETS_S
)
CARRIER_SECONDS = Histogram(
    "hotline_carrier_request_seconds", "Requests to the carrier's REST API.", ["outcome"], buckets=REPLY_BUCKETS_S
)
STREAMS = Gauge("hotline_media_streams", "Media streams open.", multiprocess_mode="livesum")
STREAMS_MAX = Gauge("hotline_media_streams_max", "Media streams there may be.", multiprocess_mode="livesum")
STREAMS_REFUSED = Counter("hotline_media_streams_refused", "Media streams refused, as there were as many as may be.")
RECOGNISER_BUSY = Counter("hotline_recogniser_busy_seconds", "Time spent on recognition, in all threads.")
RECOGNISER_SOUND = Counter("hotline_recogniser_sound_seconds", "Callers' sound that recognition was given.")
VOICE_GAPS = Counter("hotline_voice_gaps", "Parts of sentences that the voice pack lacks, said by a robot voice.")
CONNECTIONS = Gauge("hotline_database_connections", "Database connections in use.", multiprocess_mode="livesum")
TRANSACTION_SECONDS = Histogram(
    "hotline_database_transaction_seconds",
    "The time for which a database connection is used without a break, about one transaction.",
    buckets=(0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
)
DATABASE_ERRORS = Counter("hotline_database_errors", "Statements that failed, by the kind of error.", ["kind"])

TurnOutcome = Literal["keys", "speech", "not_understood", "silence", "failed"]

# A figure that begins at 0, and not with its first event, shows that event as a rise.
for outcome in get_args(TurnOutcome):
    TURNS.labels(outcome)
for direction in ("inbound", "outbound"):
    CALLS_STARTED.labels(direction)
for answered in ("answered", "unanswered"):
    CARRIER_SECONDS.labels(answered)


def count_turn(turn_input: Utterance | object) -> None:
    """Count a turn by what it was taken with; anything but an utterance is silence."""
    TURNS.labels(_outcome(turn_input)).inc()


def _outcome(turn_input: Utterance | object) -> TurnOutcome:
    if not isinstance(turn_input, Utterance):
        return "silence"
    if turn_input.is_nothing:
        return "not_understood"
    return "keys" if turn_input.keyed else "speech"


@contextmanager
def carrier_request() -> Iterator[None]:
    """Time a request to the carrier; an exception counts as unanswered."""
    begun = time.perf_counter()
    outcome = "unanswered"
    try:
        yield
        outcome = "answered"
    finally:
        CARRIER_SECONDS.labels(outcome).observe(time.perf_counter() - begun)


def watch(engine: Engine) -> None:
    """Count this engine's connections, transactions and errors."""

    @event.listens_for(engine, "checkout")
    def taken(_connection: Any, record: Any, _proxy: Any) -> None:
        record.info["taken_at"] = time.perf_counter()
        CONNECTIONS.inc()

    @event.listens_for(engine, "checkin")
    def given_back(_connection: Any, record: Any) -> None:
        if (taken_at := record.info.pop("taken_at", None)) is not None:
            CONNECTIONS.dec()
            TRANSACTION_SECONDS.observe(time.perf_counter() - taken_at)

    @event.listens_for(engine, "handle_error")
    def failed(context: Any) -> None:
        error = context.original_exception
        # A writer that waits for its turn on SQLite asks again and again (storage.py): that is no failure.
        if getattr(error, "sqlite_errorcode", None) != sqlite3.SQLITE_BUSY:
            DATABASE_ERRORS.labels(type(error).__name__).inc()


def exposition() -> bytes:
    """The figures of all processes of this machine, in Prometheus's text format; of this process alone if they share no
    folder."""
    if FOLDER_VARIABLE not in os.environ:
        return generate_latest(REGISTRY)
    registry = CollectorRegistry()
    MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def forget_process(process_id: int) -> None:
    """Take what a process that ended had open out of the figures; what it counted stays."""
    if FOLDER_VARIABLE in os.environ:
        mark_process_dead(process_id)  # type: ignore[no-untyped-call]
