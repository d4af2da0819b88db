"""The application: all packages wired together. `create_app` answers requests, in the web processes; `create_line_app`
holds the connections that stay open, in the line processes. deploy/ says how both are served."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

from flask import Flask, abort, request
from starlette.applications import Starlette
from starlette.routing import Route, WebSocketRoute

import console
from backoffice.catalog_commands import import_catalog_command
from backoffice.database_commands import demo_command, migrate_command
from backoffice.department_commands import DEPARTMENT_COMMANDS
from backoffice.health import health_routes
from backoffice.operation_commands import OPERATION_COMMANDS
from backoffice.order_api import order_api
from backoffice.recognition_commands import export_labelled_command, hear_command
from backoffice.staff_commands import STAFF_COMMANDS
from backoffice.voice_commands import voice_pack_command
from brand_catalog.cache import CatalogCache
from callflows import conversation
from clock import Clock, system_clock
from console.held_open import HeldOpen
from ivr.asterisk.ari import Ari
from ivr.asterisk.exchange import Exchange
from ivr.asterisk.rest import AsteriskCarrier
from ivr.asterisk.roles import INTERPRETERS, roles
from ivr.call_pace import AS_THEY_COME, CallPace
from ivr.carrier import Carrier
from ivr.line import LineServices
from ivr.metrics import STREAMS_MAX, watch
from ivr.operators.waiting_music import music_routes
from ivr.processes import LineProcess, keep_alive
from ivr.recordings.recording_cipher import RecordingCipher, session_info
from ivr.services import Services, register_services, services
from ivr.streams.recognition import Recognition
from ivr.turns.calls import Calls
from ivr.twilio.media_socket import MediaSockets
from ivr.twilio.rest import TwilioCarrier
from ivr.twilio.webhooks import voice_routes
from ivr.voice.sentence_sounds import sentence_routes
from logs import configure_logs
from orders.book.desk import Desk
from orders.demo.renewal import DemoRenewal
from settings import Settings, SettingsError, is_loopback
from storage import SessionFactory, open_engine, open_sessions, read_only

# Threads of one line process. Decoding leaves the interpreter to others, so its threads share the processors; pages are
# rendered by few, so that decoding keeps the interpreter for most of the time.
DECODING_THREADS = 16
PAGE_THREADS = 2
# Calls on one's own exchange wait for the database in these.
EXCHANGE_THREADS = 16
# A sentence that the voice pack lacks takes long, and keeps no turn of another call waiting.
SPEAKING_THREADS = 4


def create_app(settings: Settings | None = None, *, clock: Clock = system_clock) -> Flask:
    """The whole application. Nothing is opened or loaded before it is needed, so that commands start quickly and
    those without use for a database need none; requests are refused while the settings are not fit to serve with."""
    settings = settings if settings is not None else Settings()
    configure_logs(settings.log_format)
    engine = open_engine(settings.database_url)
    watch(engine)
    sessions = open_sessions(engine)
    if secrets := settings.recordings_keys or tuple(filter(None, (settings.secret_key,))):
        sessions.configure(info=session_info(RecordingCipher(secrets)))
    catalogs = CatalogCache()
    recognition = Recognition(settings, sessions, catalogs)

    app = Flask(__name__)
    app.config["SECRET_KEY"] = settings.secret_key or None
    line = _voice_line(settings, sessions, catalogs, recognition, clock)
    built = Services(settings, sessions, clock, catalogs, recognition, line)
    register_services(app, built)
    app.register_blueprint(voice_routes(line))
    app.register_blueprint(music_routes())
    app.register_blueprint(sentence_routes(line.sentence_sounds))
    app.register_blueprint(
        order_api(sessions, clock, lambda session, moment: Desk(session, catalogs.current(session), moment))
    )
    console.register(app, built)
    app.register_blueprint(health_routes(settings, sessions, recognition, line.carrier, clock))
    commands = (migrate_command, demo_command, import_catalog_command, hear_command, export_labelled_command)
    for command in (*commands, voice_pack_command, *STAFF_COMMANDS, *DEPARTMENT_COMMANDS, *OPERATION_COMMANDS):
        app.cli.add_command(command)
    if settings.demo:
        app.before_request(_refuse_from_elsewhere)
        app.before_request(DemoRenewal(sessions, clock).renew)
    _refuse_to_serve_unfit(app, settings)
    return app


def create_line_app(settings: Settings | None = None, *, clock: Clock = system_clock) -> Starlette:
    """The application of a line process: media sockets, and the event streams and sockets of the console's pages. The
    model is loaded and the grammar of items built, so that no caller waits for them."""
    app = create_app(settings, clock=clock)
    found = services(app)
    settings, streams = found.settings, found.line.media_streams
    with read_only(found.sessions) as session:
        found.recognition.warm_up(session)
    # The processes forked from this one open connections of their own.
    found.sessions.kw["bind"].dispose()
    decoding = ThreadPoolExecutor(DECODING_THREADS, thread_name_prefix="decoding")
    pages = ThreadPoolExecutor(PAGE_THREADS, thread_name_prefix="pages")
    media_sockets, held_open = MediaSockets(settings, streams, found.line.sound_forks, decoding), HeldOpen(app, pages)

    @asynccontextmanager
    async def start_work(_app: Starlette) -> AsyncIterator[None]:
        if settings.carrier == "twilio":
            # The calls of one's own exchange are adopted with their streams.
            alone = settings.line_processes == 1 and settings.database_url.startswith("sqlite")
            streams.recover_streams(only_worker=alone)
        found.line.recorded_turns.start()
        found.line.quiet_calls.start()
        STREAMS_MAX.set(settings.media_sockets_max)
        process = LineProcess(found.sessions, clock, lambda: streams.open_count, settings.media_sockets_max)
        try:
            async with keep_alive(process), _own_exchange(settings, found.line, found.sessions, decoding):
                yield
        finally:
            found.line.recorded_turns.stop()
            found.line.quiet_calls.stop()
            streams.stop()

    routes = [
        WebSocketRoute("/voice/stream", media_sockets.accept),
        WebSocketRoute("/{path:path}", held_open.accept),
        Route("/{path:path}", held_open.answer),
    ]
    return Starlette(routes=routes, lifespan=start_work)


@asynccontextmanager
async def _own_exchange(
    settings: Settings, line: LineServices, sessions: SessionFactory, decoding: Executor
) -> AsyncIterator[None]:
    """Take the calls of one's own exchange while the block runs, if the line is on one."""
    if not isinstance(line.carrier, AsteriskCarrier):
        yield
        return
    threads = ThreadPoolExecutor(EXCHANGE_THREADS, thread_name_prefix="exchange")
    speaking = ThreadPoolExecutor(SPEAKING_THREADS, thread_name_prefix="speaking")
    all_roles = roles(line, CallPace(sessions))
    voice, tidy = line.sentence_sounds.voice, line.carrier.delete_outdated_credentials
    exchange = Exchange(Ari(settings), line, voice, all_roles, INTERPRETERS, decoding, speaking, threads, tidy)
    line.carrier.redirect_here = exchange.redirect
    leading = asyncio.create_task(exchange.lead())
    try:
        yield
    finally:
        leading.cancel()
        with suppress(asyncio.CancelledError):
            await leading


def _carrier(settings: Settings, sessions: SessionFactory) -> Carrier:
    if settings.carrier == "asterisk":
        return AsteriskCarrier(settings, CallPace(sessions, every=AS_THEY_COME))
    return TwilioCarrier(settings, CallPace(sessions))


def _voice_line(
    settings: Settings, sessions: SessionFactory, catalogs: CatalogCache, recognition: Recognition, clock: Clock
) -> LineServices:
    calls = Calls(
        sessions,
        clock,
        conversation,
        open_desk=lambda session: Desk(session, catalogs.current(session), clock()),
        understanding=recognition.reading,
        recognition_available=lambda: recognition.available,
        recognition_fails=lambda: recognition.problem is not None,
    )
    return LineServices.build(settings, sessions, clock, calls, _carrier(settings, sessions), recognition)


def _refuse_from_elsewhere() -> None:
    """Refuse requests that a proxy passes on to the demo: its keys and its password are published, so it answers this
    machine only, by a name of this machine's."""
    forwarded = request.headers.get("X-Forwarded-For", "").split(",")
    hosts = (request.host, request.headers.get("X-Forwarded-Host", ""))
    names = (urlsplit(f"//{host.strip()}").hostname for host in hosts)
    others = [name for name in (*names, request.remote_addr, *map(str.strip, forwarded)) if name]
    if not all(map(is_loopback, others)) or "Forwarded" in request.headers:
        abort(403, "DEMO=1 answers this machine only. To serve it to others, unset DEMO and set the secrets (README).")


def _refuse_to_serve_unfit(app: Flask, settings: Settings) -> None:
    """Answer 503 under unfit settings. Gunicorn does not even start with them; this is for any other server."""
    try:
        settings.check_servable()
    except SettingsError as error:
        reason = str(error)

        @app.before_request
        def refuse() -> None:
            abort(503, reason)
