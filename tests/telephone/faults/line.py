"""The line that is broken: its processes, its database, its network and its carrier can each be made to fail."""

from __future__ import annotations

import contextlib
import os
import resource
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal

import psycopg
from flask import Flask, Response
from sqlalchemy import Engine, create_engine, delete, make_url, select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session
from sqlalchemy.pool import NullPool

import storage
from ivr.models import Call
from orders.book.models import OrderRow
from orders.supply.models import Limit, Supply
from simulator.account import Account, CalledParty
from simulator.rest_server import RestServer, create_rest
from simulator.webhook_client import Answer, WebhookClient
from tests.support.postgres import Postgres
from tests.support.served_app import shift_to_morning, shifted_clock
from tests.support.served_line import ServedLine, fill_with_demo
from tests.telephone.faults.application import SHIFT_FILE

DatabaseKind = Literal["sqlite", "postgresql"]
# What a request is delayed by, in seconds.
DELAY_S = 4
OPERATOR = "+8613700000001"
NO_LIMIT = resource.RLIM_INFINITY


class Gateway:
    """The way to PostgreSQL, which can be closed: connections are cut, and new ones refused."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._server.getsockname()[1]
        self.is_open = True
        self._connections: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="gateway", daemon=True).start()

    def close(self) -> None:
        self.is_open = False
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def open(self) -> None:
        self.is_open = True

    def _accept(self) -> None:
        while True:
            near, _ = self._server.accept()
            try:
                if not self.is_open:
                    raise ConnectionRefusedError
                far = socket.create_connection(("127.0.0.1", self._target))
            except OSError:
                near.close()
                continue
            self._connections |= {near, far}
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while piece := source.recv(65536):
                sink.sendall(piece)
        for end in (source, sink):
            self._connections.discard(end)
            with contextlib.suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


class FaultyLine(ServedLine):
    """A served line on either database, with handles to break it by. Its clock is shifted by what `clock` says."""

    def __init__(self, folder: Path, account: Account, postgres: Postgres | None) -> None:
        self._file = folder / "hotline.db"
        own = f"sqlite:///{self._file}" if postgres is None else postgres.url("faults")
        super().__init__(own, folder, account, "stream", timedelta(), "tests.telephone.faults.application")
        self.postgres = postgres
        self.gateway = Gateway(_port(postgres)) if postgres is not None else None
        self.model: str | None = None
        self._shift_file = folder / "shift"
        self.morning = shift_to_morning()
        self.set_clock(self.morning)
        if postgres is not None:
            with self._server() as server:
                server.execute("DROP DATABASE IF EXISTS faults WITH (FORCE)")
                server.execute("CREATE DATABASE faults")
        storage.migrate(own)
        self.engine: Engine = create_engine(own, poolclass=NullPool)
        fill_with_demo(own, shifted_clock(self.morning)())
        self._served_url = own
        if self.gateway is not None and postgres is not None:
            self._served_url = own.replace(f":{_port(postgres)}/", f":{self.gateway.port}/")
        self._counters = self.counters()

    # --- processes

    def _spawn(self, module: str, *arguments: str) -> subprocess.Popen[bytes]:
        environment = os.environ | {
            "DEMO": "1",
            "PORT": str(self._port),
            "DATABASE_URL": self._served_url,
            "LISTEN_MODE": self._mode,
            "LINE_PROCESSES": "1",
            "TWILIO_API_BASE": self.account.api_base,
            "OPERATOR_NUMBERS": OPERATOR,
            SHIFT_FILE: str(self._shift_file),
        }
        environment |= {"VOSK_MODEL_PATH": self.model} if self.model is not None else {}
        with self._log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", module, *arguments],
                cwd=Path(__file__).parents[3],
                env=environment,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def workers(self, kind: Literal["gunicorn_line", "gunicorn_web"]) -> list[int]:
        """The workers of the web or the line processes; their masters start others in the place of killed ones."""
        listed = subprocess.run(
            ["ps", "-A", "-ww", "-o", "pid=,ppid=,args="], capture_output=True, text=True, check=True
        )
        rows = [row.split(maxsplit=2) for row in listed.stdout.splitlines()]
        own = [row for row in rows if len(row) == 3 and kind in row[2]]
        masters = {pid for pid, parent, _ in own if int(parent) == self.process_id}
        return [int(pid) for pid, parent, _ in own if parent in masters]

    def kill_workers(self, kind: Literal["gunicorn_line", "gunicorn_web"]) -> None:
        for worker in self.workers(kind):
            with contextlib.suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)

    def restart(self) -> None:
        self.kill()
        self.start()

    # --- disk, database, clock

    def fill_disk(self) -> None:
        """Let no file grow or be written any more, by any process of the line; PostgreSQL takes no writes."""
        if self.postgres is not None:
            self._set_read_only("on")
        else:
            self._limit_files(0)

    def free_disk(self) -> None:
        if self.postgres is not None:
            self._set_read_only("off")
        elif self.is_running:
            self._limit_files(NO_LIMIT)

    def _limit_files(self, limit: int) -> None:
        kinds: tuple[Literal["gunicorn_line", "gunicorn_web"], ...] = ("gunicorn_line", "gunicorn_web")
        for worker in [worker for kind in kinds for worker in self.workers(kind)]:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(worker, resource.RLIMIT_FSIZE, (limit, NO_LIMIT))

    def _set_read_only(self, value: str) -> None:
        with self._server() as server:
            server.execute("SET default_transaction_read_only = off")
            server.execute(f"ALTER SYSTEM SET default_transaction_read_only = {value}")
            server.execute("SELECT pg_reload_conf()")

    def crash_postgresql(self) -> None:
        """Kill a process of PostgreSQL, which then ends all connections, recovers and starts again."""
        with contextlib.suppress(psycopg.Error), self._server() as server:
            row = server.execute("SELECT pg_backend_pid()").fetchone()
            assert row is not None
            os.kill(row[0], signal.SIGKILL)

    def _server(self) -> psycopg.Connection[Any]:
        assert self.postgres is not None
        url = self.postgres.url("postgres").replace("postgresql+psycopg:", "postgresql:")
        return psycopg.connect(url, autocommit=True)

    @contextmanager
    def database_away(self) -> Iterator[None]:
        """The database cannot be reached: PostgreSQL's connections are cut and refused; SQLite's file is locked."""
        if self.gateway is not None:
            self.gateway.close()
            yield
            self.gateway.open()
            return
        lock = sqlite3.connect(self._file, isolation_level=None, timeout=30, check_same_thread=False)
        lock.execute("BEGIN IMMEDIATE")
        yield
        lock.execute("ROLLBACK")
        lock.close()

    def set_clock(self, shift: timedelta) -> None:
        """Shift the line's clock by this much; replaced at once, as it is read all the time."""
        fresh = self._shift_file.with_suffix(".new")
        fresh.write_text(str(shift.total_seconds()), encoding="ascii")
        fresh.replace(self._shift_file)

    def wait_for_database(self) -> None:
        """Wait until the database can be asked again."""
        deadline = time.monotonic() + 60
        while True:
            try:
                with self.engine.connect():
                    return
            except OperationalError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)

    # --- the books

    def counters(self) -> dict[tuple[Any, ...], tuple[int, int]]:
        """What is held and sold of every limit and every spec on supply."""
        with Session(self.engine) as session:
            limits = session.execute(
                select(Limit.retailer_id, Limit.cycle_start, Limit.barcode, Limit.held_packs, Limit.used_packs)
            )
            found = {("limit", *row[:3]): (row[3], row[4]) for row in limits}
            supply = session.execute(select(Supply.business_day, Supply.barcode, Supply.held_packs, Supply.sold_packs))
            return found | {("supply", *row[:2]): (row[2], row[3]) for row in supply}

    def moved(self) -> tuple[int, int]:
        """The packs held and sold by limits since the line was set up; an AssertionError if supply says otherwise."""
        moved = {"limit": [0, 0], "supply": [0, 0]}
        for key, (held, sold) in self.counters().items():
            before = self._counters.get(key, (0, 0))
            moved[key[0]][0] += held - before[0]
            moved[key[0]][1] += sold - before[1]
        assert moved["limit"] == moved["supply"], f"limits and supply disagree: {moved}"
        return moved["limit"][0], moved["limit"][1]

    def calls_orders(self) -> list[OrderRow]:
        with Session(self.engine) as session:
            orders = session.scalars(select(OrderRow).where(OrderRow.call_key.like("CA%"))).all()
            for order in orders:
                list(order.lines)
            session.expunge_all()
            return list(orders)

    def call(self, call_key: str) -> Call | None:
        with Session(self.engine) as session:
            return session.get(Call, call_key)

    def renew(self) -> None:
        """Put away what calls have left behind: their orders, whose history cannot be deleted, go to days long past."""
        with Session(self.engine) as session, session.begin():
            for order in session.scalars(select(OrderRow).where(OrderRow.call_key.like("CA%"))):
                order.call_key, order.business_day = f"earlier-{order.id}", date(2000, 1, 1) + timedelta(days=order.id)
                order.state, order.holds_active = "lapsed", False
            session.execute(delete(Call))
            for row in session.scalars(select(Limit).where((Limit.held_packs > 0) | (Limit.used_packs > 0))):
                key = ("limit", row.retailer_id, row.cycle_start, row.barcode)
                row.held_packs, row.used_packs = self._counters.get(key, (0, 0))
            for supply in session.scalars(select(Supply).where((Supply.held_packs > 0) | (Supply.sold_packs > 0))):
                place = ("supply", supply.business_day, supply.barcode)
                supply.held_packs, supply.sold_packs = self._counters.get(place, (0, 0))


def _port(postgres: Postgres) -> int:
    port = make_url(postgres.url("postgres")).port
    assert port is not None
    return port


class Network(WebhookClient):
    """The carrier's requests on a network that may delay, repeat or reorder them, as `fault` says."""

    def __init__(self, auth_token: str) -> None:
        super().__init__(auth_token)
        self.fault: Literal["", "delays", "repeats", "reorders"] = ""
        self._earlier: list[tuple[str, str, Mapping[str, str]]] = []

    def fetch(self, method: str, url: str, params: Mapping[str, str]) -> Future[Answer]:
        self._earlier.append((method, url, params))
        return self._pool.submit(self._faulty, method, url, dict(params))

    def _faulty(self, method: str, url: str, params: dict[str, str]) -> Answer:
        if self.fault == "reorders":
            for earlier in self._earlier[-3:-1]:
                self._fetch(earlier[0], earlier[1], dict(earlier[2]))
        if self.fault == "delays":
            time.sleep(DELAY_S)
            answer = self._fetch(method, url, params)
            return replace(answer, took_ms=answer.took_ms + DELAY_S * 1000)
        answer = self._fetch(method, url, params)
        if self.fault == "repeats":
            return self._fetch(method, url, params)
        if self.fault == "reorders":
            for earlier in self._earlier[-3:-1]:
                self._fetch(earlier[0], earlier[1], dict(earlier[2]))
        return answer


class Rest:
    """The carrier's REST interface, which may fail, hang, or have had enough."""

    def __init__(self) -> None:
        self.fault: Literal["", "fails", "hangs", "429"] = ""
        self.account = Account("")
        self.account.parties[OPERATOR] = CalledParty("answered", after_ms=2_000, talks_ms=5_000)

    @contextmanager
    def served(self) -> Iterator[Account]:
        rest: Flask = create_rest(self.account)

        @rest.before_request
        def break_down() -> Response | None:
            match self.fault:
                case "fails":
                    return Response("", 500)
                case "hangs":
                    time.sleep(8)
                    return Response("", 503)
                case "429":
                    return Response('{"code": 20429, "message": "Too Many Requests", "status": 429}', 429)
            return None

        # Ahead of the check of who asks.
        handlers = rest.before_request_funcs[None]
        handlers.insert(0, handlers.pop())
        with RestServer(rest, "127.0.0.1", 0) as server:
            self.account.api_base = server.url
            yield self.account
