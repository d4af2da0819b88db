"""Places calls: a scripted call from start to end, with its REST interface."""

from __future__ import annotations

from dataclasses import dataclass

from simulator.account import Account
from simulator.call import SimulatedCall
from simulator.caller import ScriptedCaller
from simulator.events import Event, Listener
from simulator.pace import REAL_TIME, Pace
from simulator.rest_server import RestServer, create_rest
from simulator.script import Script
from simulator.verbs import follow

INCOMING = "/voice/incoming"
STATUS = "/voice/status#rc=5&rp=5xx,ct,rt"


@dataclass(frozen=True, slots=True)
class IncomingNumber:
    """The application's number as it is configured at Twilio: the webhooks for calls and for their status, and the one
    that is requested where another one fails."""

    voice_url: str
    status_url: str
    fallback_url: str = ""

    @classmethod
    def at(cls, base_url: str) -> IncomingNumber:
        """The number of the application served at this address."""
        base = base_url.rstrip("/")
        return cls(base + INCOMING, base + STATUS, base + INCOMING)


def dial_in(
    account: Account, number: IncomingNumber, caller: str, called: str, *, pace: Pace = REAL_TIME, listener: Listener
) -> SimulatedCall:
    """A call from a telephone to the application, ready to be started."""
    return SimulatedCall(
        account,
        follow,
        caller=caller,
        called=called,
        voice_url=number.voice_url,
        fallback_url=number.fallback_url,
        status_url=number.status_url,
        pace=pace,
        listener=listener,
    )


def play(
    script: Script, account: Account, number: IncomingNumber, *, pace: Pace = REAL_TIME, listener: Listener
) -> str:
    """Play a caller's script to its end. Returns a sentence saying what went wrong, or an empty text."""
    caller = ScriptedCaller(script)

    def emit(event: Event) -> None:
        listener(event)
        caller.hear(event)

    account.parties |= script.parties
    account.habits = script.habits
    call = dial_in(account, number, script.caller, script.called, pace=pace, listener=emit)
    call.media_faults = script.media_faults
    call.accompany(caller.steps(call))
    call.run()
    return caller.verdict()


def open_account(host: str, port: int, sid: str, auth_token: str) -> tuple[Account, RestServer]:
    """An account and its REST interface on that port (0: a free one), to be served with `with`.

    Raises OSError if the port is taken.
    """
    account = Account(f"http://{host}:{port}", sid, auth_token)
    server = RestServer(create_rest(account), host, port)
    account.api_base = server.url
    return account, server
