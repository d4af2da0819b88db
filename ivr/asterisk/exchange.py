"""The exchange as a line process leads it: events in, legs led by them.

One line process at a time holds Asterisk's event socket. The others look if it is still held, and whoever finds it free
takes it and adopts the calls there are, from their channels and the database. So a killed process costs its callers
about a second.
"""

from __future__ import annotations

import asyncio
import contextvars
import json
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import suppress
from functools import partial
from typing import Any, Protocol, TypeVar

import aiohttp
import phonenumbers
import structlog
from structlog.contextvars import bound_contextvars

from ivr.asterisk import talks
from ivr.asterisk.ari import APPLICATION, Ari, AriError, NotThere
from ivr.asterisk.channels import Kind, ended_status, own_bridge, purpose_of, status_of, talk_bridge, was_placed
from ivr.asterisk.forks import Forks, is_fork
from ivr.asterisk.leg import Interpreter, Leg, OutboundRole, Role
from ivr.carrier import CallStatus, CarrierError
from ivr.line import LineServices
from plain_text import printable
from storage import waits_within

# A free event socket is found this often.
LOOK_EVERY_S = 0.5
# Asterisk that cannot be reached is asked again this often.
RETRY_EVERY_S = 1.0
# What the exchange keeps for pages that are gone is deleted this often.
HOUSEKEEPING_EVERY_S = 300.0
NUMBER_MAX_CHARS = 64
# Numbers without a country code are of this one.
COUNTRY = "CN"
# Fewer digits are a number of the house's, a service's, or one without its area.
NATIONAL_MIN_DIGITS = 10

T = TypeVar("T")

log = structlog.get_logger(__name__)


class Voice(Protocol):
    """The line's voice as the exchange uses it. Both may take their time."""

    def parts(self, sentence: str, /) -> Sequence[str]:
        """The sentence in the parts that are made one by one."""
        ...

    def mulaw(self, part: str, /) -> bytes:
        """A part as 8 kHz mu-law."""
        ...


class Exchange:
    """The exchange, for one line process. `decoding` runs recognition, `speaking` makes sentences and `threads` runs
    whatever else blocks. Instructions are carried out by the interpreters of their types. `housekeeping` is done now
    and then by the process that leads, in a thread."""

    def __init__(
        self,
        ari: Ari,
        line: LineServices,
        voice: Voice,
        roles: Mapping[Kind, Role],
        interpreters: Mapping[type, Interpreter],
        decoding: Executor,
        speaking: Executor,
        threads: Executor,
        housekeeping: Callable[[], None] = lambda: None,
    ) -> None:
        self.ari = ari
        self.line = line
        self.interpreters = interpreters
        self.decoding = decoding
        self.legs: dict[str, Leg] = {}
        # For each channel that a leg has dialled: true once it agrees to talk.
        self.callees: dict[str, asyncio.Future[bool]] = {}
        self._forks = Forks(self)
        self._voice = voice
        self._roles = roles
        self._speaking = speaking
        self._threads = threads
        self._housekeeping = housekeeping
        self._loop: asyncio.AbstractEventLoop | None = None
        self._awaited: dict[str, asyncio.Future[None]] = {}
        self._making: dict[str, asyncio.Future[bytes]] = {}
        self._background: set[asyncio.Task[Any]] = set()

    # --- the socket of events

    async def lead(self) -> None:
        """Lead the exchange whenever no other process does, until cancelled; then leave its calls to another one."""
        self._loop = asyncio.get_running_loop()
        reachable = True
        async with self.ari.open():
            while True:
                try:
                    if await self._is_led():
                        await asyncio.sleep(LOOK_EVERY_S)
                        continue
                    socket = await self.ari.events()
                except AriError as error:
                    if reachable:
                        log.error("the exchange cannot be reached", reason=str(error))
                    reachable = False
                    await asyncio.sleep(RETRY_EVERY_S)
                    continue
                reachable = True
                log.info("this process leads the exchange")
                await self._take_events(socket)

    async def _is_led(self) -> bool:
        try:
            await self.ari.get(f"/applications/{APPLICATION}")
        except NotThere:
            return False
        return True

    async def _take_events(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        """Lead the exchange until the socket ends or another process has taken over."""
        self.in_background(self._adopt_calls())
        self.in_background(self._keep_house())
        try:
            async for message in socket:
                if message.type is not aiohttp.WSMsgType.TEXT:
                    continue
                event = json.loads(message.data)
                if event["type"] == "ApplicationReplaced":
                    log.warning("another process leads the exchange now")
                    return
                try:
                    self._take(event)
                except Exception as error:
                    log.error("an event of the exchange could not be handled", type=event["type"], exc_info=error)
        finally:
            # The socket first: another process may then take over at once.
            with suppress(aiohttp.ClientError, OSError):
                await socket.close()
            await self._step_down()

    async def _keep_house(self) -> None:
        while True:
            await asyncio.sleep(HOUSEKEEPING_EVERY_S)
            try:
                await self.run(self._housekeeping, call="")
            except CarrierError as error:
                log.warning("the exchange was not tidied up, and will be later", reason=str(error))

    async def _step_down(self) -> None:
        for task in self._background:
            task.cancel()
        legs, self.legs = list(self.legs.values()), {}
        await asyncio.gather(*(leg.close() for leg in legs), return_exceptions=True)

    def _take(self, event: Mapping[str, Any]) -> None:
        channel = event.get("channel", {})
        match event["type"]:
            case "StasisStart":
                self._begin(channel, event.get("args", []))
            case "ChannelDtmfReceived":
                if (leg := self.legs.get(channel["id"])) is not None:
                    leg.press(event["digit"])
            case "ChannelHold":
                if (leg := self.legs.get(channel["id"])) is not None:
                    leg.hold()
            case "ChannelUnhold":
                if (leg := self.legs.get(channel["id"])) is not None:
                    leg.resume()
            case "ChannelUserevent":
                if (leg := self.legs.get(channel.get("id", ""))) is not None:
                    leg.redirect(event["eventname"], event.get("userevent", {}))
            case "ChannelEnteredBridge":
                talks.entered(self.legs, event["bridge"])
            case "ChannelLeftBridge":
                talks.left(self.legs, event["bridge"], channel["id"])
            case "ChannelDestroyed":
                self._end(channel, event["cause"], event.get("tech_cause"))
            case "ChannelStateChange":
                self._progress(channel)

    # --- legs

    def _begin(self, channel: Mapping[str, Any], arguments: list[str]) -> None:
        awaited = self._awaited.pop(channel["id"], None)
        if awaited is not None and not awaited.done():
            awaited.set_result(None)
        if is_fork(channel["id"]):
            self.in_background(self._forks.take(channel["id"], channel["name"]))
        elif (leg := self._new_leg(channel, arguments)) is not None:
            if leg.purpose.kind == "caller":
                self.in_background(self._answer(leg))
            else:
                leg.go_on(leg.role.begun(leg))

    async def _answer(self, leg: Leg) -> None:
        """Answer a call that comes in, while its greeting is being made."""
        leg.go_on(leg.role.begun(leg))
        with suppress(AriError):
            await self.ari.post(f"/channels/{leg.call_key}/answer")

    def _new_leg(self, channel: Mapping[str, Any], arguments: list[str]) -> Leg | None:
        """The new leg of this channel; None if it is led already, or none that is led."""
        key = channel["id"]
        purpose = purpose_of(key)
        role = self._roles.get(purpose.kind)
        if role is None or key in self.legs:
            return None
        caller = international(channel["caller"]["number"])
        called = international(arguments[0] if arguments else channel["dialplan"]["exten"])
        leg = self.legs[key] = Leg(self, key, purpose, role, caller, called)
        leg.variables = channel.get("channelvars", {})
        return leg

    def _progress(self, channel: Mapping[str, Any]) -> None:
        key = channel["id"]
        purpose, status = purpose_of(key), status_of(channel["state"])
        if isinstance(role := self._roles.get(purpose.kind), OutboundRole):
            self.in_background(self.run(lambda: role.progressed(key, purpose, status), call=key))

    def _end(self, channel: Mapping[str, Any], cause: int, sip_status: int | None) -> None:
        key, answered = channel["id"], channel["state"] == "Up"
        purpose = purpose_of(key)
        if (agreed := self.callees.get(key)) is not None and not agreed.done():
            agreed.set_result(False)
        if is_fork(key):
            self._forks.end(key)
        role = self._roles.get(purpose.kind)
        if role is None:
            return
        report = partial(role.ended, key, purpose, ended_status(cause, sip_status, answered=answered))
        if isinstance(role, OutboundRole) and not was_placed(cause, sip_status, answered=answered):
            report = partial(role.not_placed, key, purpose)
        self.in_background(self._report_end(key, report, self.legs.pop(key, None)))

    async def _report_end(self, key: str, report: Callable[[], None], leg: Leg | None) -> None:
        if leg is not None:
            await leg.close()
        try:
            # One whose end cannot be stored is asked about later, as a call that has gone quiet.
            await self.run(report, call=key)
        finally:
            for bridge in (own_bridge(key), talk_bridge(key)):
                await self.ari.delete(f"/bridges/{bridge}")

    async def _adopt_calls(self) -> None:
        """Lead the calls there are: those of a process that was killed, and those of Asterisk's last seconds."""
        # In this order: a call that begins in between is not taken for one that is over.
        callers = await self.run(self.line.quiet_calls.open_calls, call="")
        of_staff = await self.run(self.line.operators.open_calls, call="")
        channels = await self.ari.get("/channels")
        bridges = await self.ari.get("/bridges")
        bridge_of = {channel: bridge["id"] for bridge in bridges for channel in bridge["channels"]}
        made = [channel["id"] for channel in channels if purpose_of(channel["id"]).kind in ("media", "whisper")]
        orphaned = [one for one in made if one not in self._awaited]
        await asyncio.gather(*(self.ari.delete(f"/channels/{channel}") for channel in orphaned))
        for channel in channels:
            if channel["dialplan"]["app_name"] != "Stasis":
                continue
            if is_fork(channel["id"]):
                self.in_background(self._forks.take(channel["id"], channel["name"]))
                continue
            leg = self._new_leg(channel, channel["dialplan"]["app_data"].split(",")[1:])
            if leg is not None:
                leg.bridge = bridge_of.get(leg.call_key, leg.bridge)
                log.info("a call is adopted", call=leg.call_key)
                leg.go_on(leg.role.adopted(leg))
        for key in callers.union(of_staff).difference(channel["id"] for channel in channels):
            purpose = purpose_of(key)
            if (role := self._roles.get(purpose.kind)) is not None:
                log.warning("a call ended while no process led the exchange", call=key)
                # Nobody knows any more how it ended; an operator is not paused for it.
                status: CallStatus = "failed" if purpose.kind == "caller" else "cancelled"
                self.in_background(self._report_end(key, partial(role.ended, key, purpose, status), None))

    # --- for legs

    async def started(self, channel: str) -> None:
        """Wait until this channel, which the caller has just made, has come to the application."""
        awaited = self._awaited.setdefault(channel, asyncio.get_running_loop().create_future())
        try:
            await awaited
        finally:
            self._awaited.pop(channel, None)

    async def speak(self, sentence: str) -> AsyncIterator[bytes]:
        """The sentence as 8 kHz mu-law, part by part; each is made once even if it is asked for again meanwhile."""
        for part in await asyncio.get_running_loop().run_in_executor(self._speaking, self._voice.parts, sentence):
            yield await self._sound(part)

    async def _sound(self, part: str) -> bytes:
        if (making := self._making.get(part)) is None:
            making = asyncio.get_running_loop().run_in_executor(self._speaking, self._voice.mulaw, part)
            self._making[part] = making
            making.add_done_callback(lambda _: self._making.pop(part, None))
        return await asyncio.shield(making)

    async def run(self, work: Callable[[], T], *, call: str) -> T:
        """Run what may wait for the database, on behalf of this call."""

        def bounded() -> T:
            with waits_within(), bound_contextvars(call=call):
                return work()

        context = contextvars.copy_context()
        return await asyncio.get_running_loop().run_in_executor(self._threads, context.run, bounded)

    def in_background(self, work: Coroutine[Any, Any, None]) -> None:
        """Do this beside everything else; a failure is logged."""
        task = asyncio.create_task(work)
        self._background.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._background.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("work for a call has failed", exc_info=error)

    # --- for the line's commands

    def redirect(self, call_key: str, name: str, arguments: Mapping[str, str]) -> bool:
        """Redirect a call that this process leads; False if it leads no such call. For any thread."""
        leg, loop = self.legs.get(call_key), self._loop
        if leg is None or loop is None:
            return False
        loop.call_soon_threadsafe(leg.redirect, name, arguments)
        return True


def international(number: str) -> str:
    """A number as a trunk brings it, in its international form if it is a number of the country's or of any other;
    otherwise only printable, and of a length that can be stored: a SIP address may have anything in it."""
    shown = printable(number)[:NUMBER_MAX_CHARS]
    try:
        parsed = phonenumbers.parse(shown, COUNTRY)
    except phonenumbers.NumberParseException:
        return shown
    is_short = len(str(parsed.national_number)) < NATIONAL_MIN_DIGITS and not shown.startswith("+")
    if is_short or not phonenumbers.is_possible_number(parsed):
        return shown
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)
