"""TwiML for callers who wait for an operator, and for operators who are dialled.

Every caller has a queue of their own at the carrier, named after the call, so that dialling it can only lead to this
caller. The carrier requests the waiting music again and again; its URL carries the last announcement, so that only news
is announced.
"""

from __future__ import annotations

from collections.abc import Sequence
from urllib.parse import urlencode

from twilio.twiml.voice_response import Dial, Gather, VoiceResponse

from settings import Settings

# The wait for a key after a question to somebody listening on a receiver, in seconds.
ANSWER_S = 6
# An operator's call waits this long for a caller who is just being sent to the queue, in seconds.
EMPTY_QUEUE_WAIT_S = 8
# An operator's call checks this often if its caller is still on hold, in seconds.
HOLD_CHECK_S = 20
# The telephone of a caller who is called back rings this long, in seconds.
CALLER_RING_S = 30
MUSIC_PATH = "/sounds/waiting.wav"
ANY_KEY = ""


class OperatorTwiml:
    """TwiML for waiting, ringing and talking, with one installation's voice, language and base URL."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._base = settings.public_base_url.rstrip("/")

    # --- callers

    def enqueue(self, response: VoiceResponse, call_sid: str) -> None:
        """Put the caller in a queue of their own."""
        response.enqueue(
            call_sid,
            action=self._url("/voice/operator"),
            method="POST",
            wait_url=self._url("/voice/waiting"),
            wait_url_method="POST",
        )

    def queue(self, sentences: Sequence[str], call_sid: str) -> str:
        """Say the sentences, then put the caller in a queue of their own."""
        response = VoiceResponse()
        self._say(response, sentences)
        self.enqueue(response, call_sid)
        return str(response)

    def queue_round(self, sentences: Sequence[str], announced: str, round_number: int) -> str:
        """One round in the queue: the announcement, if any, and music, in which a key may be pressed."""
        response = VoiceResponse()
        gather = self._one_key(self._url("/voice/waiting/key"), timeout=1)
        self._say(gather, sentences)
        gather.play(f"{self._base}{MUSIC_PATH}")
        response.append(gather)
        response.redirect(self._url("/voice/waiting", told=announced, again=round_number), method="POST")
        return str(response)

    def on_hold(self, sentences: Sequence[str], call_sid: str) -> str:
        """Say the sentences, then queue the caller for the operator they were talking with."""
        response = VoiceResponse()
        self._say(response, sentences)
        response.enqueue(
            call_sid,
            action=self._url("/voice/operator"),
            method="POST",
            wait_url=self._url("/voice/held"),
            wait_url_method="POST",
        )
        return str(response)

    def music(self, sentences: Sequence[str] = ()) -> str:
        """Say the sentences, then play music."""
        response = VoiceResponse()
        self._say(response, sentences)
        response.play(f"{self._base}{MUSIC_PATH}")
        return str(response)

    def leave_queue(self) -> str:
        """Leave the queue for the action of its <Enqueue>."""
        response = VoiceResponse()
        response.leave()
        return str(response)

    def hang_up(self, sentences: Sequence[str] = ()) -> str:
        """Say the sentences, then end the call."""
        response = VoiceResponse()
        self._say(response, sentences)
        response.hangup()
        return str(response)

    def empty(self) -> str:
        """The empty response, for webhooks that only notify."""
        return str(VoiceResponse())

    def ask(self, path: str, sentences: Sequence[str], round_number: int, wait_s: int = ANSWER_S) -> str:
        """Ask for one key, which is posted to `path`/key; without one `path` itself is requested once more."""
        response = VoiceResponse()
        gather = self._one_key(self._url(f"{path}/key"), timeout=wait_s)
        self._say(gather, sentences)
        response.append(gather)
        response.redirect(self._url(path, again=round_number), method="POST")
        return str(response)

    # --- operators

    def whisper(self, sentences: Sequence[str], attempt_id: int) -> str:
        """Say who is calling, twice, and wait for a key; without one the operator's call ends."""
        response = VoiceResponse()
        gather = self._one_key(self._url("/voice/offer/key", offer=attempt_id), timeout=ANSWER_S)
        self._say(gather, (*sentences, *sentences))
        response.append(gather)
        response.hangup()
        return str(response)

    def connect(self, call_sid: str, attempt_id: int, tries: int) -> str:
        """Connect the operator to the caller who waits in this call's queue."""
        response = VoiceResponse()
        action = self._url("/voice/seat", offer=attempt_id, tries=tries)
        dial = Dial(action=action, method="POST", timeout=EMPTY_QUEUE_WAIT_S)
        dial.queue(call_sid)
        response.append(dial)
        return str(response)

    def hold_operator(self, sentences: Sequence[str], attempt_id: int) -> str:
        """Keep the operator's call open while the caller is on hold; a key resumes the conversation with the caller."""
        response = VoiceResponse()
        gather = self._one_key(self._url("/voice/seat/key", offer=attempt_id), timeout=HOLD_CHECK_S)
        self._say(gather, sentences)
        response.append(gather)
        response.redirect(self._url("/voice/seat", offer=attempt_id, kept=1), method="POST")
        return str(response)

    def confirm_callback(self, sentences: Sequence[str], callback_id: int, staff_id: int) -> str:
        """Say who is to be called back, twice, and wait for a key; without one the operator's call ends."""
        response = VoiceResponse()
        gather = self._one_key(self._url("/voice/call-back/key", wish=callback_id, staff=staff_id), timeout=ANSWER_S)
        self._say(gather, (*sentences, *sentences))
        response.append(gather)
        response.hangup()
        return str(response)

    def dial_caller(self, phone: str, line: str, callback_id: int, staff_id: int) -> str:
        """Dial a caller from the line they had called, and connect the operator."""
        response = VoiceResponse()
        action = self._url("/voice/call-back/over", wish=callback_id, staff=staff_id)
        dial = Dial(action=action, method="POST", timeout=CALLER_RING_S, caller_id=line)
        dial.number(phone)
        response.append(dial)
        return str(response)

    # --- URLs

    def callback_url(self, callback_id: int, staff_id: int) -> str:
        """The URL requested when an operator answers the call that leads to a callback."""
        return self._url("/voice/call-back", wish=callback_id, staff=staff_id)

    def notification_url(self) -> str:
        """The URL of notifications that change nothing."""
        return self._url("/voice/nothing")

    def ring_attempt_url(self, offer: int) -> str:
        """The URL requested when an operator's call is answered."""
        return self._url("/voice/offer", offer=offer)

    def ring_status_url(self, offer: int) -> str:
        """The URL notified when an operator's call is over."""
        return self._url("/voice/offer/status", offer=offer)

    def reconnect_url(self, offer: int) -> str:
        """The URL an operator's call is redirected to in order to be connected again."""
        return self._url("/voice/seat", offer=offer, resumed=1)

    def queue_url(self) -> str:
        """The URL a caller is redirected to in order to wait in the queue."""
        return self._url("/voice/queue")

    def hold_url(self) -> str:
        """The URL a caller is redirected to in order to be put on hold."""
        return self._url("/voice/hold")

    def _one_key(self, action: str, timeout: int) -> Gather:
        return Gather(input="dtmf", action=action, method="POST", timeout=timeout, num_digits=1, finish_on_key=ANY_KEY)

    def _say(self, parent: VoiceResponse | Gather, sentences: Sequence[str]) -> None:
        for sentence in sentences:
            parent.say(sentence, voice=self._settings.say_voice, language=self._settings.say_language)

    def _url(self, path: str, **arguments: int | str) -> str:
        return f"{self._base}{path}" + (f"?{urlencode(arguments)}" if arguments else "")
