"""Instructions as TwiML. Nothing is decided here: the same instruction gives the same markup, any number of times.

Keys: every prompt is a <Gather> that ends at the full count if the count is known (a PIN, one of two), at `#`, or when
no key follows for `key_pause_s`. A time-out is not yet silence: the wait goes on, with nothing said, until `silence_ms`
is used up, so a caller who keys 0 is served after the pause, and one who is thinking is not rushed. `waited` in the URL
says how long the wait has been.

Between two documents the carrier takes no keys. So where the number of keys is known, the wait is one document: a
<Gather> without a result falls through to the next. Otherwise a document ends with the pause, because a lone `#` is an
answer there: the carrier strips a `#` that ends a <Gather>, and posts the empty result, which is then told from a
time-out by FinishedOnKey. Twilio posts that field and does not document it. Until a post of the call has had it, `#` is
a key like any other, and lines end with the pause.

The sentences that must be heard before a yes counts are said in a <Gather> of their own, ahead of the question's;
`early` in the URL says that a key came in it.

Every caller has a queue of their own, named after the call, so that dialling it can only lead to this caller.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import assert_never

from twilio.twiml.voice_response import Dial, Gather, Start, VoiceResponse

from ivr.carrier import CALLER_RING_S, OPERATOR_RING_S
from ivr.instructions import (
    BRIDGE_WAIT_S,
    CALLER_CHECK_S,
    HOLD_CHECK_S,
    KEY_WAIT_S,
    AnswerAgain,
    Ask,
    AskCoach,
    AskKey,
    AwaitCaller,
    AwaitReply,
    AwaitTalk,
    BeginAgain,
    Bridge,
    Coach,
    CollectKeys,
    DialCaller,
    DialNumber,
    EndCall,
    EnterHold,
    EnterQueue,
    HoldMusic,
    Instruction,
    JoinTalk,
    KeepListening,
    KeepOperator,
    LeaveQueue,
    Listening,
    Nothing,
    QueueMusic,
    TakeTurnAgain,
    Whisper,
    WhisperCallback,
    WhisperDirectly,
)
from ivr.operators.waiting_music import MUSIC_PATH
from ivr.twilio.signature import socket_base, stream_token
from ivr.twilio.urls import WebhookUrls
from ivr.voice.sentence_sounds import SentenceSounds
from plain_text import printable
from settings import Settings
from speech.language.keypad import DONE, KEY_PAUSE_S, key_count, key_pause_s

# A recording ends after this much silence, and at this length, in seconds.
RECORD_PAUSE_S = 3
RECORD_MAX_S = 15
# A caller who is speaking, or has just spoken, is asked after this often, in seconds.
SPEAKING_PAUSE_S = 2
# https://www.twilio.com/docs/voice/twiml/say: a longer text is refused, and the call with it.
SAY_MAX_CHARS = 4_096
NO_KEY, EVERY_KEY = "", "1234567890*#"


class Twiml:
    """TwiML with one installation's voice, language and base URL. With SAY_FROM_PACK, sentences that the line's own
    voice pack says whole are played."""

    def __init__(self, settings: Settings, sounds: SentenceSounds | None = None) -> None:
        self._settings = settings
        self._sounds = sounds if settings.say_from_pack else None
        self._urls = WebhookUrls(settings)

    def render(self, instruction: Instruction) -> str:
        """The markup that carries out this instruction."""
        response, urls = VoiceResponse(), self._urls
        match instruction:
            case Ask(call_key, sentences, listening, hear_out):
                self._open_stream(response, call_key, listening)
                if hear_out:
                    sentences = self._say_before_question(response, listening, sentences)
                self._listen(response, listening, sentences)
            case KeepListening(call_key, listening, waited_s, speaking):
                self._open_stream(response, call_key, listening)
                self._listen(response, listening, (), waited_s, speaking=speaking)
            case AwaitReply(sentences, turn_number, pause_s):
                self._say(response, sentences)
                response.pause(length=pause_s)
                response.redirect(urls.turn(turn_number), method="POST")
            case CollectKeys(listening, first):
                self._collect_keys(response, listening, first)
            case BeginAgain(sentences, failures, pause_s):
                self._redirect(response, sentences, urls.incoming(failures), pause_s)
            case TakeTurnAgain(sentences, turn_number, failures, pause_s):
                self._redirect(response, sentences, urls.turn(turn_number, failures), pause_s)
            case AnswerAgain(sentences, attempt_key, failures):
                self._redirect(response, sentences, urls.outbound(attempt_key, failures))
            case EndCall(sentences):
                self._say(response, sentences)
                response.hangup()
            case Nothing():
                pass
            case EnterQueue(call_key, sentences):
                self._enqueue(response, call_key, sentences, urls.queue_round())
            case QueueMusic(sentences, announced, round_number):
                gather = self._ask_key(response, sentences, urls.queue_key(), timeout_s=1)
                gather.play(urls.file(MUSIC_PATH))
                response.redirect(urls.queue_round(announced=announced, round=round_number), method="POST")
            case EnterHold(call_key, sentences):
                self._enqueue(response, call_key, sentences, urls.hold_round())
            case HoldMusic(sentences):
                self._say(response, sentences)
                response.play(urls.file(MUSIC_PATH))
            case LeaveQueue():
                response.leave()
            case AskKey(question, sentences, round_number):
                self._ask_key(response, sentences, urls.question_key(question))
                response.redirect(urls.question(question, round_number), method="POST")
            case Whisper(attempt_id, sentences):
                self._ask_key(response, sentences, urls.ring_key(attempt_id))
                response.hangup()
            case Bridge(call_key, attempt_id, tries):
                action = urls.operator_leg(attempt_id, tries=tries)
                dial = Dial(action=action, method="POST", timeout=BRIDGE_WAIT_S)
                dial.queue(call_key)
                response.append(dial)
            case AwaitCaller(attempt_id, tries):
                self._redirect(response, (), urls.operator_leg(attempt_id, waited=1, tries=tries), CALLER_CHECK_S)
            case KeepOperator(attempt_id, sentences):
                self._ask_key(response, sentences, urls.operator_leg_key(attempt_id), timeout_s=HOLD_CHECK_S)
                response.redirect(urls.operator_leg(attempt_id, kept=1), method="POST")
            case JoinTalk(call_key, attempt_id):
                left = urls.talk("/left") if attempt_id is None else urls.operator_leg(attempt_id, talk=1)
                self._join_talk(response, call_key, left, ends=True)
            case AskCoach(supervision_id, sentences):
                self._ask_key(response, sentences, urls.coach(supervision_id, "/key"))
                response.hangup()
            case AwaitTalk(supervision_id, pause_s, tries):
                response.pause(length=pause_s)
                response.redirect(urls.coach(supervision_id, "/waited", tries=tries), method="POST")
            case Coach(supervision_id, call_key, operator_call_key, tries):
                left = urls.coach(supervision_id, "/left", tries=tries)
                self._join_talk(response, call_key, left, ends=False, coach=operator_call_key)
            case DialNumber(sentences, number, tried):
                self._say(response, sentences)
                dial = Dial(action=urls.direct("/over", tried=tried), method="POST", timeout=OPERATOR_RING_S)
                dial.number(number, url=urls.direct(""), method="POST")
                response.append(dial)
            case WhisperDirectly(sentences):
                self._ask_key(response, sentences, urls.direct("/key"))
                response.hangup()
            case WhisperCallback(callback_id, staff_id, sentences):
                self._ask_key(response, sentences, urls.callback(callback_id, staff_id, "/key"))
                response.hangup()
            case DialCaller(callback_id, staff_id, phone, line):
                action = urls.callback(callback_id, staff_id, "/over")
                dial = Dial(action=action, method="POST", timeout=CALLER_RING_S, caller_id=line)
                dial.number(phone)
                response.append(dial)
            case _:
                assert_never(instruction)
        # A control character, in whatever place, would make the whole document invalid.
        return printable(str(response))

    def _listen(
        self,
        response: VoiceResponse,
        listening: Listening,
        sentences: Sequence[str],
        waited_s: int = 0,
        *,
        speaking: bool = False,
    ) -> None:
        left = max(1, math.ceil(listening.silence_ms / 1000) - waited_s)
        if listening.record:
            action = self._record(response, listening, sentences, waited_s, min(RECORD_PAUSE_S, left))
        else:
            action = self._gather(response, listening, sentences, waited_s, left, speaking=speaking)
        # Reached after an empty recording, and where a <Gather> without a result falls through.
        response.redirect(action, method="POST")

    def _record(
        self, response: VoiceResponse, listening: Listening, sentences: Sequence[str], waited_s: int, pause_s: int
    ) -> str:
        """Record the answer; return the URL that the wait continues at."""
        action = self._turn_url(listening, waited=waited_s + pause_s)
        self._say(response, sentences)
        response.record(
            action=action,
            method="POST",
            timeout=pause_s,
            max_length=RECORD_MAX_S,
            play_beep=False,
            trim="do-not-trim",
            finish_on_key=EVERY_KEY,
        )
        return action

    def _gather(
        self,
        response: VoiceResponse,
        listening: Listening,
        sentences: Sequence[str],
        waited_s: int,
        left_s: int,
        *,
        speaking: bool,
    ) -> str:
        """Wait for keys; return the URL that the wait continues at."""
        count = key_count(listening.listen)
        pause = key_pause_s(listening.listen)
        if count == 1:
            # No key can follow, so nothing has to wait for the pause.
            pause = SPEAKING_PAUSE_S if speaking else left_s
        total = min(pause, left_s) if speaking or count is None else left_s
        hash_is_a_key = count == 1 or (count is None and not listening.names_finish_key)
        for waited in range(0, total, pause):
            over = min(waited + pause, total)
            gather = Gather(
                input="dtmf",
                action=self._turn_url(listening, waited=waited_s + over),
                method="POST",
                timeout=over - waited,
                finish_on_key=NO_KEY if hash_is_a_key else DONE,
                num_digits=count,
                action_on_empty_result=True if over == total else None,
            )
            self._say(gather, () if waited else sentences)
            response.append(gather)
        return self._turn_url(listening, waited=waited_s + total)

    def _say_before_question(
        self, response: VoiceResponse, listening: Listening, sentences: tuple[str, ...]
    ) -> tuple[str, ...]:
        """Say all but the question at the end, which is returned, so that a key pressed before it is known as early.
        Any key ends it: otherwise `#` would skip to the question."""
        *first, question = sentences
        if not first or key_count(listening.listen) != 1:
            return sentences
        self._ask_key(response, first, self._turn_url(listening, early=1), timeout_s=1)
        return (question,)

    def _collect_keys(self, response: VoiceResponse, listening: Listening, first: str) -> None:
        count = key_count(listening.listen)
        gather = Gather(
            input="dtmf",
            action=self._turn_url(listening, first=first, waited=KEY_PAUSE_S),
            method="POST",
            timeout=key_pause_s(listening.listen),
            finish_on_key=DONE,
            num_digits=count - len(first) if count is not None else None,
            action_on_empty_result=True,
        )
        response.append(gather)

    def _ask_key(
        self, response: VoiceResponse, sentences: Sequence[str], action: str, timeout_s: int = KEY_WAIT_S
    ) -> Gather:
        """Say the sentences and wait for one key, which may be any."""
        gather = Gather(
            input="dtmf", action=action, method="POST", timeout=timeout_s, num_digits=1, finish_on_key=NO_KEY
        )
        self._say(gather, sentences)
        response.append(gather)
        return gather

    def _enqueue(self, response: VoiceResponse, call_sid: str, sentences: Sequence[str], wait_url: str) -> None:
        self._say(response, sentences)
        action = self._urls.left_queue()
        response.enqueue(call_sid, action=action, method="POST", wait_url=wait_url, wait_url_method="POST")

    def _join_talk(
        self, response: VoiceResponse, call_key: str, action: str, *, ends: bool, coach: str | None = None
    ) -> None:
        """Join the conference named after the call; it `ends` when this one leaves it, and a `coach` is heard by this
        call alone. https://www.twilio.com/docs/voice/twiml/conference"""
        dial = Dial(action=action, method="POST")
        dial.conference(
            f"talk-{call_key}",
            beep="false",
            start_conference_on_enter=ends,
            end_conference_on_exit=ends,
            wait_url=self._urls.file(MUSIC_PATH),
            wait_method="GET",
            coach=coach,
        )
        response.append(dial)

    def _redirect(self, response: VoiceResponse, sentences: Sequence[str], url: str, pause_s: int = 0) -> None:
        self._say(response, sentences)
        if pause_s:
            response.pause(length=pause_s)
        response.redirect(url, method="POST")

    def _open_stream(self, response: VoiceResponse, call_sid: str, listening: Listening) -> None:
        if listening.stream is None:
            return
        start = Start()
        url = f"{socket_base(self._settings)}/voice/stream"
        stream = start.stream(url=url, name=listening.stream, track="inbound_track")
        stream.parameter(name="token", value=stream_token(call_sid, self._settings))
        response.append(start)

    def _say(self, parent: VoiceResponse | Gather, sentences: Sequence[str]) -> None:
        for sentence in sentences:
            if self._sounds is not None and (path := self._sounds.path_if_whole(printable(sentence))) is not None:
                parent.play(self._urls.file(path))
                continue
            for piece in _pieces(printable(sentence)):
                parent.say(piece, voice=self._settings.say_voice, language=self._settings.say_language)

    def _turn_url(self, listening: Listening, **arguments: int | str) -> str:
        return self._urls.turn(listening.turn_number, listening.failures, **arguments)


def _pieces(text: str) -> Iterator[str]:
    """The text in pieces that may each be said at once, divided at punctuation where there is any."""
    while len(text) > SAY_MAX_CHARS:
        end = max(text.rfind(mark, 0, SAY_MAX_CHARS) for mark in "。，、") + 1 or SAY_MAX_CHARS
        yield text[:end]
        text = text[end:]
    yield text
