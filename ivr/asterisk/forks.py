"""Forks of calls' sound, as it is listened to and recorded: two channels of Asterisk's spy on a call's channel, one on
what the caller says and one on what the caller hears, wherever that channel is bridged."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, TypeVar

import structlog

from ivr.asterisk.ari import AriError
from ivr.asterisk.channels import new_channel_id, own_bridge, purpose_of
from ivr.asterisk.media import Media
from ivr.call_sound.forks import UnknownFork
from ivr.call_sound.live_fork import store_fork
from ivr.call_sound.two_sides import BYTES_PER_MS, Side

if TYPE_CHECKING:
    from ivr.asterisk.exchange import Exchange

# ARI's words: "in" is what comes from the telephone.
_DIRECTIONS: Final[dict[Side, str]] = {"caller": "in", "other": "out"}
# Sound whose own time is behind by more than this has had a gap.
_GAP_MS: Final = 200

T = TypeVar("T")

log = structlog.get_logger(__name__)


def fork_channels(fork_id: int) -> Iterator[tuple[str, str]]:
    """The ids of a fork's channels, each with the direction that it spies on."""
    for side, direction in _DIRECTIONS.items():
        yield new_channel_id("snoop", fork_id, side), direction


def is_fork(channel_id: str) -> bool:
    """True if the channel brings one side of a fork."""
    return purpose_of(channel_id).kind == "snoop"


class Forks:
    """The forks whose sound comes to this process."""

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._open: dict[int, _Fork] = {}

    async def take(self, channel: str, name: str) -> None:
        """Take one side of a fork, whose channel has come to the application under this name, until it ends."""
        purpose = purpose_of(channel)
        number, side = purpose.number(), purpose.ids[1]
        ari = self._exchange.ari
        fork = self._open.get(number)
        if fork is None:
            fork = self._open[number] = _Fork(self._exchange, number, _spied_call(name))
            self._exchange.in_background(self._store(fork))
        try:
            media = await Media.open(ari, channel, self._exchange.started)
            media.hear = fork.hear("caller" if side == "caller" else "other")
            closed = asyncio.create_task(media.wait_closed())
            await asyncio.wait([closed, fork.ended], return_when=asyncio.FIRST_COMPLETED)
            closed.cancel()
            await media.close()
        except AriError as error:
            log.warning("one side of a call's sound does not come", call=fork.call_key, reason=str(error))
        fork.end()
        await ari.delete(f"/channels/{channel}")
        await ari.delete(f"/bridges/{own_bridge(channel)}")

    def end(self, channel: str) -> None:
        """End a fork of which this channel has ended."""
        if (fork := self._open.get(purpose_of(channel).number())) is not None:
            fork.end()

    async def _store(self, fork: _Fork) -> None:
        try:
            await fork.store()
        except UnknownFork as error:
            log.warning("the sound of a call is not taken", call=fork.call_key, reason=str(error))
        finally:
            fork.end()
            self._open.pop(fork.number, None)


class _Fork:
    """One fork whose sound comes; `ended` is done once it does so no more."""

    def __init__(self, exchange: Exchange, number: int, call_key: str) -> None:
        self.number = number
        self.call_key = call_key
        self.ended: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._exchange = exchange
        self._frames: asyncio.Queue[tuple[Side, int, bytes] | None] = asyncio.Queue()
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()

    def hear(self, side: Side) -> Callable[[bytes], None]:
        """Take the sound of this side as it comes."""
        until_ms = 0

        def take(mulaw: bytes) -> None:
            nonlocal until_ms
            now_ms = round(1000 * (self._loop.time() - self._began))
            if now_ms - until_ms > _GAP_MS:
                until_ms = now_ms
            self._frames.put_nowait((side, until_ms, mulaw))
            until_ms += len(mulaw) // BYTES_PER_MS

        return take

    def end(self) -> None:
        """Take no more sound."""
        if not self.ended.done():
            self.ended.set_result(None)
            self._frames.put_nowait(None)

    async def store(self) -> None:
        """Store the sound until nobody needs it, or no more comes. Raises UnknownFork."""
        forks = self._exchange.line.sound_forks
        await store_fork(forks, self.number, self.call_key, self._frames.get, self._run)

    async def _run(self, work: Callable[[], T]) -> T:
        return await self._exchange.run(work, call=self.call_key)


def _spied_call(name: str) -> str:
    """The call that a channel of this name, such as Snoop/1764489600.7-00000001, spies on."""
    return name.partition("/")[2].rpartition("-")[0]
