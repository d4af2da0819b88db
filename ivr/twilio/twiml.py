"""Replies as TwiML. Nothing is decided here: the same reply gives the same markup, any number of times.

Keys: every prompt is a <Gather> that ends at `#`, at the full count if the count is known (a PIN, one of two), or when
no key follows for `key_pause`. The carrier strips the `#` and posts what came before it; a lone `#` and a time-out both
post no digits and differ in FinishedOnKey. A time-out is not yet silence: the wait goes on, with nothing said, until
the reply's own `silence_ms` is used up, so a caller who keys 0 is served after `key_pause`, and one who is thinking is
not rushed. `waited` in the URL says how long the wait has been.

The sentences that must be heard before a yes counts are said in a <Gather> of their own, ahead of the question's;
`early` in the URL says that a key came in it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from twilio.twiml.voice_response import Gather, Start, VoiceResponse

from callflows.replies import HangUp, ListenFor, Reply
from ivr.twilio.operator_twiml import OperatorTwiml
from ivr.twilio.signature import socket_base, stream_token
from settings import Settings
from speech.listening import Choice, Digits, Listen, YesNo

FINISH_KEY = "#"

# A caller who has begun to key may pause this long before the keys so far are taken, in seconds.
KEY_PAUSE_S = 3
# A code is read off a card, group by group.
CODE_PAUSE_S = 5
# A recording ends after this much silence, and at this length, in seconds.
RECORD_PAUSE_S = 3
RECORD_MAX_S = 60


@dataclass(frozen=True, slots=True)
class TurnPrompt:
    """The presentation of a prompt: the turn it opens, how the caller may answer by voice, and what went before.

    `stream` names a media stream to open first. `trouble` counts the failures in a row that led here.
    """

    turn_number: int
    record: bool = False
    stream: str | None = None
    failures: int = 0


class LineTwiml:
    """TwiML for the automatic line, with one installation's voice, language and base URL."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base = settings.public_base_url.rstrip("/")
        self.operators = OperatorTwiml(settings)

    def reply(self, reply: Reply, turn_prompt: TurnPrompt, call_sid: str, before: Sequence[str] = ()) -> str:
        """Say the reply, with `before` ahead of it, and then listen, transfer or hang up."""
        response = VoiceResponse()
        if turn_prompt.stream is not None:
            self._open_stream(response, call_sid, turn_prompt.stream)
        sentences: Sequence[str] = (*before, *reply.say)
        match reply.then:
            case ListenFor(listen, silence_ms, hear_out):
                if hear_out and not turn_prompt.record:
                    sentences = self._say_before_question(response, listen, turn_prompt, sentences)
                self._listen(response, listen, silence_ms, turn_prompt, sentences)
            case HangUp():
                self._say(response, sentences)
                response.hangup()
            case _:
                self._say(response, sentences)
                self.operators.enqueue(response, call_sid)
        return str(response)

    def wait(self, listen: Listen, silence_ms: int, asking: TurnPrompt, call_sid: str, waited: int) -> str:
        """The rest of the wait for an answer, with nothing said; it is not a turn of its own."""
        response = VoiceResponse()
        if asking.stream is not None:
            self._open_stream(response, call_sid, asking.stream)
        self._listen(response, listen, silence_ms, asking, (), waited)
        return str(response)

    def collect_keys(self, listen: Listen, asking: TurnPrompt, first: str) -> str:
        """Collect the keys after the one that ended a recording."""
        response = VoiceResponse()
        count = key_count(listen)
        gather = Gather(
            input="dtmf",
            action=self._turn_url(asking, first=first, waited=KEY_PAUSE_S),
            method="POST",
            timeout=key_pause(listen),
            finish_on_key=FINISH_KEY,
            num_digits=count - len(first) if count is not None else None,
            action_on_empty_result=True,
        )
        response.append(gather)
        return str(response)

    def redirect(self, path: str, sentences: Sequence[str], **arguments: int | str) -> str:
        """Say the sentences, then redirect to another URL of ours."""
        response = VoiceResponse()
        self._say(response, sentences)
        response.redirect(self._url(path, **arguments), method="POST")
        return str(response)

    def hang_up(self, sentences: Sequence[str] = ()) -> str:
        """Say the sentences, then end the call."""
        response = VoiceResponse()
        self._say(response, sentences)
        response.hangup()
        return str(response)

    def outbound_url(self, key: str) -> str:
        """The URL requested when a retailer answers an outbound call; the key identifies the attempt."""
        return self._url("/voice/outbound", attempt=key)

    def outbound_status_url(self, key: str) -> str:
        """The URL that receives the statuses of an outbound call."""
        return self._url("/voice/outbound/status", attempt=key)

    def empty(self) -> str:
        """The empty response, for webhooks that only notify."""
        return str(VoiceResponse())

    def turn_url(self, turn_number: int) -> str:
        """The URL a call is redirected to when this turn has a pending utterance."""
        return self._turn_url(TurnPrompt(turn_number))

    def _listen(
        self,
        response: VoiceResponse,
        listen: Listen,
        silence_ms: int,
        asking: TurnPrompt,
        sentences: Sequence[str],
        waited: int = 0,
    ) -> None:
        left = max(1, math.ceil(silence_ms / 1000) - waited)
        if asking.record and not is_secret(listen):
            self._say(response, sentences)
            pause = min(RECORD_PAUSE_S, left)
            response.record(
                action=self._turn_url(asking, waited=waited + pause),
                method="POST",
                timeout=pause,
                max_length=RECORD_MAX_S,
                play_beep=False,
                trim="do-not-trim",
                finish_on_key="1234567890*#",
            )
        else:
            pause = min(key_pause(listen), left)
            gather = Gather(
                input="dtmf",
                action=self._turn_url(asking, waited=waited + pause),
                method="POST",
                timeout=pause,
                finish_on_key=FINISH_KEY,
                num_digits=key_count(listen),
                action_on_empty_result=True,
            )
            self._say(gather, sentences)
            response.append(gather)
        # Reached after an empty recording, and with carriers without actionOnEmptyResult.
        response.redirect(self._turn_url(asking, waited=waited + pause), method="POST")

    def _say_before_question(
        self, response: VoiceResponse, listen: Listen, asking: TurnPrompt, sentences: Sequence[str]
    ) -> Sequence[str]:
        """Say all but the question at the end, which is returned, so that a key pressed before it is known as early.
        Any key ends it: otherwise `#` would skip to the question."""
        *first, question = sentences
        if first and key_count(listen) == 1:
            gather = Gather(
                input="dtmf",
                action=self._turn_url(asking, early=1),
                method="POST",
                timeout=1,
                finish_on_key="",
                num_digits=1,
            )
            self._say(gather, first)
            response.append(gather)
            return [question]
        return sentences

    def _open_stream(self, response: VoiceResponse, call_sid: str, name: str) -> None:
        start = Start()
        stream = start.stream(url=f"{socket_base(self._settings)}/voice/stream", name=name, track="inbound_track")
        stream.parameter(name="token", value=stream_token(call_sid, self._settings))
        response.append(start)

    def _say(self, parent: VoiceResponse | Gather, sentences: Sequence[str]) -> None:
        for sentence in sentences:
            parent.say(sentence, voice=self._settings.say_voice, language=self._settings.say_language)

    def _turn_url(self, asking: TurnPrompt, **arguments: int | str) -> str:
        trouble = {"trouble": asking.failures} if asking.failures else {}
        return self._url("/voice/turn", n=asking.turn_number, **arguments, **trouble)

    def _url(self, path: str, **arguments: int | str) -> str:
        return f"{self._base}{path}" + (f"?{urlencode(arguments)}" if arguments else "")


def key_count(listen: Listen) -> int | None:
    """The number of keys that completes the answer, or None if only `#` ends it."""
    match listen:
        case Digits(length):
            return length
        case YesNo():
            return 1
        case Choice(options) if len(options) < 10:
            return 1
        case _:
            return None


def key_pause(listen: Listen) -> int:
    """The pause after which the keys so far are taken, in seconds."""
    return CODE_PAUSE_S if isinstance(listen, Digits) else KEY_PAUSE_S


def is_secret(listen: Listen) -> bool:
    """True if the answer is keyed only, never spoken and never recorded."""
    return isinstance(listen, Digits) and listen.what == "pin"
