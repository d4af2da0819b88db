"""The TwiML verbs, as a call carries them out."""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Callable, Collection, Iterator

from simulator import transfer
from simulator.call import SimulatedCall
from simulator.events import Recorded, StreamChanged, VerbBegan
from simulator.instructions import CallUpdate, HungUp, Page, Redirected
from simulator.media import MediaStream, StreamParameters
from simulator.mulaw import FRAME_MS, LOUD, length_ms, loudness
from simulator.pace import Steps
from simulator.speaking_time import spoken_ms
from simulator.telephone import KEY_MS
from simulator.twiml_parser import SCHEMA_WARNING, Verb

BEEP_MS = 400
UNKNOWN_SOUND_MS = 3_000
GAP_SECONDS = 1
STREAMS_AT_ONCE = 4
TOO_MANY_STREAMS = 31902
WAIT_VERBS = frozenset({"Play", "Say", "Pause", "Hangup", "Redirect", "Leave", "Gather"})
"""The verbs of a document for a call that waits in a queue. https://www.twilio.com/docs/voice/twiml/enqueue"""

Stop = Callable[[], bool]
NextPage = Page | None
"""The document that replaces the current one; None to continue with the next verb."""


def follow(call: SimulatedCall) -> Steps[None]:
    """Run a call: fetch its first document and carry out the application's instructions, to the end."""
    next_page = call.webhooks.fetch_page(call.voice_url)
    while True:
        try:
            page = yield from next_page
            yield from carry_out(call, page)
            return
        except Redirected as redirected:
            next_page = _updated_page(call, redirected.update)


def _updated_page(call: SimulatedCall, change: CallUpdate) -> Steps[Page]:
    call.stop_saying()
    call.discard_keys()
    if change.twiml:
        return call.webhooks.read_page(call.webhooks.page_url, change.twiml.encode())
        yield
    return (yield from call.webhooks.fetch_page(change.url, change.method))


def carry_out(call: SimulatedCall, page: Page, allowed: Collection[str] | None = None) -> Steps[None]:
    """Carry out a document verb by verb, and every document its actions lead to. Verbs that are not `allowed`, if that
    is given, are reported and left out."""
    verbs = list(page.verbs)
    while verbs:
        verb = verbs.pop(0)
        if allowed is not None and verb.name not in allowed:
            call.report(
                SCHEMA_WARNING, f"{call.webhooks.page_url}: <{verb.name}> may not stand in a document for who waits"
            )
            continue
        if call.status == "ringing" and verb.name not in ("Reject", "Pause"):
            call.status = "in-progress"
        call.emit(VerbBegan(call.now_ms, verb.name, verb.attributes))
        call.in_prompt_gap = bool(verbs) and _is_gap(verb, verbs[0])
        if verb.name == "Hangup":
            raise HungUp
        following = yield from _VERBS[verb.name](call, verb)
        if following is not None:
            verbs = list(following.verbs)


def _is_gap(verb: Verb, following: Verb) -> bool:
    """True if the next question follows after so short a gap that nobody would think the line waits."""
    asks = verb.name == following.name == "Gather" and bool(following.children)
    return asks and verb.number("timeout", 5) <= GAP_SECONDS


def _never() -> bool:
    return False


def _say(call: SimulatedCall, verb: Verb, stop: Stop = _never) -> Steps[NextPage]:
    for _time in range(verb.number("loop", 1) or 1_000):
        if stop():
            break
        yield from call.say(verb.text, spoken_ms(verb.text), stop)
    return None


def _play(call: SimulatedCall, verb: Verb, stop: Stop = _never) -> Steps[NextPage]:
    digits = verb.attributes.get("digits", "")
    duration = len(digits) * KEY_MS if digits else UNKNOWN_SOUND_MS
    for _time in range(verb.number("loop", 1) or 1_000):
        if stop():
            break
        yield from call.say(f"[{digits or verb.text}]", duration, stop)
    return None


def _pause(call: SimulatedCall, verb: Verb, stop: Stop = _never) -> Steps[NextPage]:
    until = call.now_ms + verb.number("length", 1) * 1000
    while call.now_ms < until and not stop():
        yield
    return None


_PROMPTS: dict[str, Callable[[SimulatedCall, Verb, Stop], Steps[NextPage]]] = {
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
}


@contextlib.contextmanager
def _listening_for_keys(call: SimulatedCall) -> Iterator[None]:
    call.discard_keys()
    call.collecting_keys = True
    try:
        yield
    finally:
        call.collecting_keys = False
        call.discard_keys()


def _gather(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    if "speech" in verb.attributes.get("input", "dtmf"):
        call.report(SCHEMA_WARNING, "<Gather> asks for speech; the simulator gathers keys only")
    timeout_ms = verb.number("timeout", 5) * 1000
    finish_on = verb.attributes.get("finishOnKey", "#")
    at_most = verb.number("numDigits", 0)
    digits = finished_on = ""
    with _listening_for_keys(call):
        for prompt in verb.children:
            if call.has_key():
                break
            call.emit(VerbBegan(call.now_ms, prompt.name, prompt.attributes))
            yield from _PROMPTS[prompt.name](call, prompt, call.has_key)
        # Twilio's timeout starts once the prompts have ended, and again with each key.
        until = call.now_ms + timeout_ms
        while call.now_ms < until:
            key = call.take_key()
            if key is None:
                yield
                continue
            if key == finish_on:
                finished_on = key
                break
            digits += key
            if len(digits) == at_most:
                break
            until = call.now_ms + timeout_ms
    if not digits and verb.attributes.get("actionOnEmptyResult") != "true":
        return None
    facts = {"Digits": digits, "msg": "Gather End"}
    if call.account.habits.names_finish_key:
        facts["FinishedOnKey"] = finished_on
    return (yield from call.webhooks.fetch_page(verb.attributes.get("action", ""), _method(verb), facts))


def _record(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    if verb.attributes.get("playBeep") != "false":
        yield from call.say("[beep]", BEEP_MS, _never)
    patience_ms = verb.number("timeout", 5) * 1000 or float("inf")
    longest_ms = verb.number("maxLength", 3600) * 1000
    finish_on = verb.attributes.get("finishOnKey", "1234567890*#")
    frames: list[bytes] = []
    loud: list[int] = []

    def keep(frame: bytes) -> None:
        if loudness(frame) > LOUD:
            loud.append(len(frames))
        frames.append(frame)

    def silent_ms() -> int:
        return (len(frames) - (loud[-1] + 1 if loud else 0)) * FRAME_MS

    ended_by = ""
    call.recorder = keep
    try:
        with _listening_for_keys(call):
            while silent_ms() < patience_ms and len(frames) * FRAME_MS < longest_ms:
                key = call.take_key()
                if key is not None and key in finish_on:
                    ended_by = key
                    break
                yield
    except HungUp:
        if loud:
            recorded = _store_recording(call, verb, frames, loud)
            call.webhooks.notify(verb.attributes.get("action", ""), recorded | {"Digits": "hangup"}, _method(verb))
        raise
    finally:
        call.recorder = None
    if not loud and not ended_by:
        # "If Twilio receives an empty recording, it will not make a request to the action URL."
        return None
    recorded = _store_recording(call, verb, frames, loud or [0])
    ended = {"Digits": ended_by} if ended_by else {}
    return (yield from call.webhooks.fetch_page(verb.attributes.get("action", ""), _method(verb), recorded | ended))


def _store_recording(call: SimulatedCall, verb: Verb, frames: list[bytes], loud: list[int]) -> dict[str, str]:
    if verb.attributes.get("trim") != "do-not-trim":
        frames = frames[loud[0] : loud[-1] + 1]
    sound = b"".join(frames)
    recording = call.account.store_recording(call.sid, sound, silent=not any(loudness(f) > LOUD for f in frames))
    call.emit(Recorded(call.now_ms, recording.sid, length_ms(sound)))
    facts = {
        "RecordingSid": recording.sid,
        "RecordingUrl": call.account.recording_url(recording.sid),
        "RecordingDuration": str(max(1, round(length_ms(sound) / 1000))),
    }
    callback = verb.attributes.get("recordingStatusCallback")
    if callback:
        status = facts | {
            "RecordingStatus": "completed",
            "RecordingChannels": "1",
            "RecordingSource": "RecordVerb",
            "RecordingTrack": "inbound",
        }
        call.webhooks.notify(callback, status, verb.attributes.get("recordingStatusCallbackMethod", "POST"))
    return facts


def open_fork(call: SimulatedCall, noun: Verb) -> MediaStream:
    """Open the stream this noun describes beside whatever the call does, as the REST interface does."""
    return _open_stream(call, noun, bidirectional=False)


def _open_stream(call: SimulatedCall, noun: Verb, *, bidirectional: bool) -> MediaStream:
    url = call.webhooks.absolute(noun.attributes.get("url", ""))
    for scheme, secure in (("http://", "ws://"), ("https://", "wss://")):
        if url.startswith(scheme):
            url = secure + url.removeprefix(scheme)
    if "?" in url:
        call.report(SCHEMA_WARNING, f"<Stream url={url!r}> has a query string, which Twilio does not pass on")
    if len(call.streams) >= STREAMS_AT_ONCE:
        call.report(TOO_MANY_STREAMS, f"the call has {len(call.streams)} streams already; Twilio allows no more")
    name = noun.attributes.get("name", "")
    if name and any(stream.parameters.name == name for stream in call.streams):
        call.report(SCHEMA_WARNING, f"the call has a stream named {name} already; names are unique in a call")
    tracks = {"outbound_track": ("outbound",), "both_tracks": ("inbound", "outbound")}
    stream = MediaStream(
        StreamParameters(
            url=url,
            account_sid=call.account.sid,
            call_sid=call.sid,
            name=name,
            tracks=tracks.get(noun.attributes.get("track", ""), ("inbound",)),
            custom_parameters={
                parameter.attributes.get("name", ""): parameter.attributes.get("value", "")
                for parameter in noun.children
            },
            bidirectional=bidirectional,
            faults=call.media_faults,
        ),
        call.account.auth_token,
    )
    call.streams.append(stream)
    return stream


def _start(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    for noun in verb.children:
        _open_stream(call, noun, bidirectional=False)
    return None
    yield


def _stop(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    for noun in verb.children:
        for stream in list(call.streams):
            if stream.parameters.name == noun.attributes.get("name"):
                stream.stop()
                call.streams.remove(stream)
                call.emit(StreamChanged(call.now_ms, "stopped", stream.parameters.name, "stopped by the application"))
    return None
    yield


def _connect(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    """Open a bidirectional stream: the application hears the caller and speaks, until it closes the stream."""
    if not verb.children:
        return None
    stream = _open_stream(call, verb.children[0], bidirectional=True)
    try:
        while stream.state in ("connecting", "open"):
            sounding = stream.play_frame()
            if sounding and not call.saying:
                call.begin_saying("[sound]", stream.remaining_ms)
            elif call.saying and not sounding:
                call.stop_saying(cut_short=False)
            yield
    finally:
        call.stop_saying()
        if stream in call.streams:
            stream.stop()
            call.streams.remove(stream)
    action = verb.attributes.get("action")
    if action is None:
        return None
    return (yield from call.webhooks.fetch_page(action, _method(verb), {"StreamSid": stream.sid}))


def _redirect(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    return (yield from call.webhooks.fetch_page(verb.text, _method(verb)))


def _reject(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    call.status = "busy" if verb.attributes.get("reason") == "busy" else "no-answer"
    raise HungUp
    yield


def _enqueue(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    return (yield from transfer.enqueue(call, verb, functools.partial(carry_out, allowed=WAIT_VERBS)))


def _leave(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    raise transfer.QueueLeft
    yield


def _dial(call: SimulatedCall, verb: Verb) -> Steps[NextPage]:
    return (yield from transfer.dial(call, verb, carry_out))


def _method(verb: Verb) -> str:
    return verb.attributes.get("method", "POST")


_VERBS: dict[str, Callable[[SimulatedCall, Verb], Steps[NextPage]]] = {
    "Say": _say,
    "Play": _play,
    "Pause": _pause,
    "Gather": _gather,
    "Record": _record,
    "Start": _start,
    "Stop": _stop,
    "Connect": _connect,
    "Redirect": _redirect,
    "Reject": _reject,
    "Enqueue": _enqueue,
    "Leave": _leave,
    "Dial": _dial,
}
