"""SIP telephones for tests: SIPp does the signalling (its scenarios are in `sipp/`), tests/support/rtp.py the sound.

with calling(exchange, "4001", caller="13800000012") as call:
    call.wait_until_answered()
    call.media.say(recording("..."))
    call.media.press("410502100012#")
    call.hang_up()
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from tests.support.exchange import (
    EXCHANGE_ADDRESS,
    TELEPHONE_ADDRESS,
    TELEPHONES,
    TRUNK_ADDRESS,
    TRUNK_PASSWORD,
    TRUNK_USER,
    Exchange,
)
from tests.support.ports import free_port
from tests.support.rtp import COMFORT_NOISE, KEYS, PAYLOAD_TYPES, Codec, Idle, Media, Network
from tests.support.sipp_process import REFUSALS, Sipp, sipp_at, wait_until_open
from tests.support.srtp import SUITE

Answers = Literal["answers", "rings", "busy", "declines", "full", "forwards", "early"]
FORWARDED_TO = "13911112222"
_REFUSES = {
    # To a number beyond the trunk.
    "forwards": f"302 Moved Temporarily\nContact: <sip:{FORWARDED_TO}@{TRUNK_ADDRESS}:{{port}}>",
    "busy": "486 Busy Here",
    "declines": "603 Decline",
    "full": "503 Service Unavailable\nRetry-After: 20",
}
_NEVER_MS = 3_600_000
_FOR_EACH_REFUSAL = """<recv response="{code}" optional="true" next="refused"><action>
  <ereg regexp=".*" search_in="hdr" header="To:" assign_to="to"/><assignstr assign_to="code" value="{code}"/>
  <ereg regexp="[0-9]+" search_in="hdr" header="CSeq:" assign_to="cseq"/>
</action></recv>"""
_REGISTRATION_REFUSED = """<recv response="{code}" optional="true" next="refused"><action>
  <assignstr assign_to="code" value="{code}"/></action></recv>"""


class Refused(Exception):
    """The exchange refused a call or a registration with the status `code`."""

    def __init__(self, code: int) -> None:
        super().__init__(f"refused with {code}")
        self.code = code


@dataclass(frozen=True)
class Sound:
    """The way a telephone sends its sound."""

    codec: Codec = "PCMU"
    idle: Idle = "silence"
    network: Network = field(default_factory=Network)
    # With a key, sound is encrypted (tests/support/srtp.py).
    key: str = ""
    # Keys are sent apart from the sound, as of RFC 4733.
    sends_keys: bool = True

    def description(self, address: str, port: int) -> str:
        """The SDP that offers this sound."""
        noise, keys = self.idle == "comfort_noise", self.sends_keys
        types = [PAYLOAD_TYPES[self.codec], *([COMFORT_NOISE] if noise else []), *([KEYS] if keys else [])]
        lines = [
            "v=0",
            f"o=telephone 1 1 IN IP4 {address}",
            "s=-",
            f"c=IN IP4 {address}",
            "t=0 0",
            f"m=audio {port} RTP/{'SAVP' if self.key else 'AVP'} {' '.join(map(str, types))}",
            f"a=rtpmap:{PAYLOAD_TYPES[self.codec]} {self.codec}/8000",
            *([f"a=rtpmap:{COMFORT_NOISE} CN/8000"] if noise else []),
            *([f"a=rtpmap:{KEYS} telephone-event/8000", f"a=fmtp:{KEYS} 0-16"] if keys else []),
            "a=ptime:20",
            *([f"a=crypto:1 {SUITE} inline:{self.key}"] if self.key else []),
        ]
        return "\n".join(lines)


@dataclass
class Call:
    """A telephone's end of one call."""

    media: Media
    _sipp: Sipp
    _scenario: str
    call_id: str = ""
    number: str = ""
    caller: str = ""
    answered_at: float = field(default=0.0)
    # The description of its sound that the telephone has sent.
    description: str = ""

    def wait_until_answered(self, within_s: float = 20.0) -> None:
        """Wait for the answer; sound is sent from then on. Raises Refused with the status if it is refused."""
        if not self.answered_at:
            step = self._wait_for("answered", within_s)
            self.media.connect(EXCHANGE_ADDRESS, int(step[2]), "".join(step[3:]))
            self.answered_at = time.monotonic()

    def wait_until_ringing(self, within_s: float = 10.0) -> None:
        self._wait_for("ringing", within_s)

    def answer(self) -> None:
        """Answer a call that rings."""
        self._sipp.tell(self.call_id, "MESSAGE")
        self.wait_until_answered()

    def hang_up(self) -> None:
        """Hang up, or give up a call that is not answered yet."""
        if not self.has_ended:
            self._sipp.tell(self._id(), "MESSAGE")
            self.wait_until_ended()

    def hold(self, direction: str = "sendonly") -> None:
        """Put the other side on hold, as the telephone's hold key does."""
        self.renegotiate(f"{self.description}\na={direction}")

    def resume(self) -> None:
        """Take the other side off hold."""
        self.renegotiate(self.description)

    def renegotiate(self, description: str) -> str:
        """Offer this description of the telephone's sound by a re-INVITE; the direction that the other side answers,
        empty for both. Raises Refused with the status if it is refused."""
        number = self._sipp.tell(self._id(), "INFO", _renumbered(description))
        step = self._wait_for(f"renegotiated-{number}", 5.0, unless=f"refused-{number}")
        self.media.connect(EXCHANGE_ADDRESS, int(step[2]))
        return "".join(step[3:])

    def transfer(self, target: str) -> int:
        """Ask the exchange to connect the other side to this address, as the telephone's transfer key does; the status
        of its answer."""
        number = self._sipp.tell(self._id(), "PUBLISH", target)
        return int(self._wait_for(f"referred-{number}", 5.0)[2])

    def wait_until_ended(self, within_s: float = 20.0) -> None:
        """Wait until the call is over, whoever ends it."""
        self._wait_for("over", within_s, refusal_is_an_end=True)

    @property
    def has_ended(self) -> bool:
        return self._step("over") is not None

    def _id(self) -> str:
        deadline = time.monotonic() + 10
        while not self.call_id:
            # The first message SIPp sends has the call's id.
            path = self._sipp.folder / f"{self._scenario}.messages"
            found = [
                line for line in (path.read_text() if path.exists() else "").splitlines() if line.startswith("Call-ID:")
            ]
            if found:
                self.call_id = found[0].removeprefix("Call-ID:").strip()
            assert time.monotonic() < deadline, f"no call was placed: {self._sipp.trouble()}"
        return self.call_id

    def _step(self, word: str) -> list[str] | None:
        for step in self._sipp.steps(self._scenario):
            if step[1] == word and self.call_id in ("", step[0]):
                return step
        return None

    def _wait_for(
        self, word: str, within_s: float, *, unless: str = "refused", refusal_is_an_end: bool = False
    ) -> list[str]:
        deadline = time.monotonic() + within_s
        while True:
            if (step := self._step(word)) is not None:
                return step
            refused = self._step(unless)
            if refused is not None and refused[2].isdecimal() and not refusal_is_an_end:
                raise Refused(int(refused[2]))
            ended = self._sipp.has_ended and self._step(word) is None
            if ended or time.monotonic() > deadline:
                steps = self._sipp.steps(self._scenario)
                raise AssertionError(f"not {word} within {within_s} s: {steps}\n{self._sipp.trouble()}")
            time.sleep(0.01)


@contextmanager
def calling(
    exchange: Exchange,
    number: str,
    *,
    caller: str,
    name: str = "",
    address: str = TRUNK_ADDRESS,
    user: str = TRUNK_USER,
    password: str = TRUNK_PASSWORD,
    sound: Sound | None = None,
    headers: str = "",
    description: str | None = None,
    tunnel: int | None = None,
) -> Iterator[Call]:
    """A call to this number of the exchange's, which is placed at once: by default one that comes over the trunk from
    this caller. It is hung up when the block ends. An empty password is none; `description` is sent instead of the SDP
    that fits the sound. Signalling goes by TLS through a `tunnel` (tests/support/tls.py); then only the exchange
    hangs up."""
    sound = sound or Sound()
    with sipp_at(address) as sipp, _media(address, sound) as (media, fitting):
        places = {
            "NUMBER": number,
            "USER": caller,
            "NAME": f'"{name}" ' if name else "",
            "SDP": fitting if description is None else description,
            "HEADERS": headers,
            "ON_401": "challenged" if password else "refused",
            "LAST": "2" if password else "1",
            "REFUSALS": "\n".join(_FOR_EACH_REFUSAL.format(code=code) for code in REFUSALS),
        }
        options = ["-m", "1", "-au", user, "-ap", password or "none"]
        if tunnel:
            places |= {"TRANSPORT": "TLS", "URI": ";transport=tls"}
        sipp.start("place_call", places, exchange, *options, tunnel=tunnel)
        call = Call(media, sipp, "place_call", number=number, caller=caller, description=places["SDP"])
        try:
            yield call
        finally:
            if not sipp.has_ended:
                with contextlib.suppress(AssertionError):
                    call.hang_up() if tunnel is None else call.wait_until_ended(1.0)


@dataclass
class ManyCalls:
    """Calls that one SIPp places; their sound is somebody else's."""

    _sipp: Sipp

    def steps(self) -> list[tuple[int, list[str]]]:
        """The steps so far: each with the place of its caller, and the words of the log."""
        return [(int(step[0].partition("-")[0]) - 1, step) for step in self._sipp.steps("place_call")]

    def hang_up(self, call_id: str) -> None:
        """Hang up the call with this id, as it is in the steps."""
        self._sipp.tell(call_id, "MESSAGE")


@contextmanager
def many_calling(
    exchange: Exchange, number: str, callers: Sequence[tuple[str, int]], *, every_s: float
) -> Iterator[ManyCalls]:
    """Calls over the trunk to this number, one after the other; a caller has a number and a port for its sound."""
    with sipp_at(TRUNK_ADDRESS) as sipp:
        rows = sipp.folder / "callers.csv"
        rows.write_text("\n".join(["SEQUENTIAL", *(f"{caller};{port}" for caller, port in callers)]) + "\n")
        places = {
            "NUMBER": number,
            "USER": "[field0]",
            "NAME": "",
            "SDP": Sound().description(TRUNK_ADDRESS, 0).replace("m=audio 0", "m=audio [field1]"),
            "HEADERS": "",
            "ON_401": "challenged",
            "LAST": "2",
            "REFUSALS": "\n".join(_FOR_EACH_REFUSAL.format(code=code) for code in REFUSALS),
        }
        count = ["-m", str(len(callers)), "-l", str(len(callers)), "-r", "1", "-rp", str(round(every_s * 1000))]
        sipp.start("place_call", places, exchange, "-inf", str(rows), *count, "-au", TRUNK_USER, "-ap", TRUNK_PASSWORD)
        yield ManyCalls(sipp)


def desk_call(
    exchange: Exchange, telephone: str, number: str, sound: Sound | None = None
) -> contextlib.AbstractContextManager[Call]:
    """A call that one of the exchange's desk telephones places."""
    return calling(
        exchange,
        number,
        caller=telephone,
        address=TELEPHONE_ADDRESS,
        user=telephone,
        password=TELEPHONES[telephone],
        sound=sound,
    )


def register(
    exchange: Exchange, user: str, password: str, *, address: str = TELEPHONE_ADDRESS, port: int | None = None
) -> None:
    """Register a telephone. Raises Refused with the status if it is refused."""
    with sipp_at(address, port) as sipp:
        places = {
            "USER": user,
            "REFUSALS": "\n".join(_REGISTRATION_REFUSED.format(code=code) for code in REFUSALS),
        }
        sipp.start("register", places, exchange, "-m", "1", "-au", user, "-ap", password)
        deadline = time.monotonic() + 20
        while not (steps := sipp.steps("register")):
            if sipp.has_ended or time.monotonic() > deadline:
                raise AssertionError(f"no answer to REGISTER: {sipp.trouble()}")
            time.sleep(0.01)
        if steps[0][1] == "refused":
            raise Refused(int(steps[0][2]))


@dataclass
class Telephone:
    """A telephone that is called. Its sound is that of one call at a time."""

    media: Media
    _sipp: Sipp
    _description: str

    def wait_for_call(self, within_s: float = 20.0, *, after: int = 0) -> Call:
        """The next call that comes in, after so many; it rings, or is being answered or refused."""
        deadline = time.monotonic() + within_s
        while len(called := self.called()) <= after:
            if time.monotonic() > deadline:
                raise AssertionError(f"the telephone was not called within {within_s} s: {self._sipp.trouble()}")
            time.sleep(0.01)
        step = called[after]
        number, caller = (*step[3:], "", "")[:2]
        return Call(self.media, self._sipp, "answer_calls", step[0], number, caller, description=self._description)

    def called(self) -> list[list[str]]:
        """For each call so far: its id, `called`, the exchange's port for its sound, the number called, the caller."""
        return [step for step in self._sipp.steps("answer_calls") if step[1] == "called"]


@contextmanager
def desk_telephone(
    exchange: Exchange, name: str, answers: Answers = "answers", *, ring_s: float = 0.5, sound: Sound | None = None
) -> Iterator[Telephone]:
    """A registered desk telephone: it answers after ringing so long, rings until `Call.answer`, is busy or declines.
    "early" rings so, too, and sends sound meanwhile, as carriers' announcements are."""
    port = free_port()
    register(exchange, name, TELEPHONES[name], port=port)
    with _called(exchange, name, TELEPHONE_ADDRESS, port, answers, ring_s, sound) as telephone:
        yield telephone


@contextmanager
def trunk_callee(
    exchange: Exchange, answers: Answers = "answers", *, ring_s: float = 0.5, sound: Sound | None = None
) -> Iterator[Telephone]:
    """The other end of the trunk: whatever number the exchange calls over it behaves like this."""
    with _called(exchange, TRUNK_USER, TRUNK_ADDRESS, exchange.trunk_port, answers, ring_s, sound) as telephone:
        yield telephone


@contextmanager
def _called(
    exchange: Exchange, user: str, address: str, port: int, answers: Answers, ring_s: float, sound: Sound | None
) -> Iterator[Telephone]:
    with sipp_at(address, port) as sipp, _media(address, sound or Sound()) as (media, description):
        places = {
            "USER": user,
            "SDP": description,
            "FIRST": "refuse" if answers in _REFUSES else "early" if answers == "early" else "ring",
            "REFUSAL": _REFUSES.get(answers, "480 Temporarily Unavailable").format(port=exchange.trunk_port),
            "RING_MS": str(round(ring_s * 1000) if answers == "answers" else _NEVER_MS),
        }
        sipp.start("answer_calls", places, exchange)
        wait_until_open(address, port, sipp)
        yield Telephone(media, sipp, description)


def _renumbered(description: str) -> str:
    """The description as a later one of its session."""
    return description.replace("o=telephone 1 1 ", f"o=telephone 1 {time.monotonic_ns()} ")


@contextmanager
def _media(address: str, sound: Sound) -> Iterator[tuple[Media, str]]:
    port = free_port()
    media = Media(address, port, codec=sound.codec, idle=sound.idle, network=sound.network, key=sound.key)
    try:
        yield media, sound.description(address, port)
    finally:
        media.close()


@contextmanager
def demanding_carrier(exchange: Exchange, method: Literal["INVITE", "REGISTER"], answer: str) -> Iterator[Sipp]:
    """The other end of the trunk as a carrier that wants the trunk's password, and then answers with this status."""
    with sipp_at(TRUNK_ADDRESS, exchange.trunk_port) as sipp:
        places = {"METHOD": method, "ANSWER": answer, "USER": TRUNK_USER, "PASSWORD": TRUNK_PASSWORD}
        sipp.start("demand_password", places, exchange)
        yield sipp
