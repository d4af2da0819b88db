"""The URLs of our webhooks, as they are given to Twilio; webhooks.py and operator_webhooks.py answer them."""

from __future__ import annotations

from urllib.parse import urlencode

from ivr.instructions import Question
from settings import Settings

# A notification that is answered by an error or not at all is repeated, up to five times; without this it is lost.
# The part after # is read by Twilio, is not signed and not sent.
# https://www.twilio.com/docs/usage/webhooks/webhooks-connection-overrides
REPEATED = "#rc=5&rp=5xx,ct,rt"

QUESTION_PATHS: dict[Question, str] = {"no_operator": "/voice/no-operator", "operator_gone": "/voice/operator-gone"}


class WebhookUrls:
    """The URLs under one installation's base URL."""

    def __init__(self, settings: Settings) -> None:
        self._base = settings.public_base_url.rstrip("/")

    def file(self, path: str) -> str:
        """A file that Twilio fetches."""
        return f"{self._base}{path}"

    # --- callers in the conversation, and outbound calls

    def incoming(self, failures: int = 0) -> str:
        """A call comes in, or begins again."""
        return self._url("/voice/incoming", **_failures(failures))

    def status(self) -> str:
        """A call of a caller has another status."""
        return self._url("/voice/status")

    def turn(self, turn_number: int, failures: int = 0, **arguments: int | str) -> str:
        """A turn is taken. `waited` is how long the wait has been, `first` what was keyed before, `early` a key that
        came before the question."""
        return self._url("/voice/turn", turn=turn_number, **arguments, **_failures(failures))

    def outbound(self, attempt_key: str, failures: int = 0) -> str:
        """An outbound call is answered."""
        return self._url("/voice/outbound", attempt=attempt_key, **_failures(failures))

    def outbound_status(self, attempt_key: str) -> str:
        """An outbound call has another status."""
        return self._url("/voice/outbound/status", attempt=attempt_key) + REPEATED

    # --- callers who wait

    def queue(self) -> str:
        """A caller is to wait in the queue."""
        return self._url("/voice/queue")

    def queue_round(self, **after: int | str) -> str:
        """A round in the queue begins, after the one `announced` and `round` describe."""
        return self._url("/voice/waiting", **after)

    def queue_key(self) -> str:
        """A key is pressed in the queue."""
        return self._url("/voice/waiting/key")

    def left_queue(self) -> str:
        """A caller has left the queue."""
        return self._url("/voice/left-queue")

    def hold(self) -> str:
        """A caller is to be put on hold."""
        return self._url("/voice/hold")

    def hold_round(self) -> str:
        """A round on hold begins."""
        return self._url("/voice/on-hold-round")

    def question(self, question: Question, round_number: int) -> str:
        """A question has not been answered in this round."""
        return self._url(QUESTION_PATHS[question], round=round_number)

    def question_key(self, question: Question) -> str:
        """A question is answered by a key."""
        return self._url(f"{QUESTION_PATHS[question]}/key")

    # --- operators' calls

    def ring_attempt(self, attempt_id: int) -> str:
        """An operator's call is answered."""
        return self._url("/voice/ring-attempt", attempt=attempt_id)

    def ring_key(self, attempt_id: int) -> str:
        """An operator presses a key after the whisper."""
        return self._url("/voice/ring-attempt/key", attempt=attempt_id)

    def ring_status(self, attempt_id: int) -> str:
        """An operator's call is over."""
        return self._url("/voice/ring-attempt/status", attempt=attempt_id) + REPEATED

    def operator_leg(self, attempt_id: int, **arguments: int | str) -> str:
        """An operator's call continues: after `tries` to connect it, `waited` for its caller, `resumed` by the desk,
        `kept` for a while, or after a `talk` that a supervisor could join."""
        return self._url("/voice/operator-leg", attempt=attempt_id, **arguments)

    def operator_leg_key(self, attempt_id: int) -> str:
        """An operator presses a key while the caller is on hold."""
        return self._url("/voice/operator-leg/key", attempt=attempt_id)

    def talk(self, step: str = "") -> str:
        """A caller is to join the talk that a supervisor whispers into, or has left it."""
        return self._url(f"/voice/talk{step}")

    def coach(self, supervision_id: int, step: str = "", **arguments: int) -> str:
        """A supervisor's call is answered, or has come to this step."""
        url = self._url(f"/voice/coach{step}", supervision=supervision_id, **arguments)
        return url + REPEATED if step == "/status" else url

    def direct(self, step: str, **arguments: int) -> str:
        """A call between a caller and an operator, made without the database, has come to this step."""
        return self._url(f"/voice/direct{step}", **arguments)

    def callback(self, callback_id: int, staff_id: int, step: str = "") -> str:
        """An operator's call that leads to a callback is answered, or has come to this step."""
        return self._url(f"/voice/callback{step}", callback=callback_id, staff=staff_id)

    def notification(self) -> str:
        """A notification that changes nothing."""
        return self._url("/voice/notification")

    def _url(self, path: str, **arguments: int | str) -> str:
        return f"{self._base}{path}" + (f"?{urlencode(arguments)}" if arguments else "")


def _failures(failures: int) -> dict[str, int]:
    return {"failures": failures} if failures else {}
