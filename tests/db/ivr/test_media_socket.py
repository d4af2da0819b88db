"""The media socket: an utterance reaches its turn once, and no message on the socket harms the call."""

from __future__ import annotations

import asyncio
import base64
import inspect
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, TypeVar

import pytest
from starlette.websockets import WebSocketDisconnect
from structlog.testing import capture_logs

from ivr.models import Call, PendingUtterance
from ivr.streams.stream_registry import OpenTurn
from ivr.twilio.media_socket import FRAMES_AHEAD, TICK_S, MediaSockets
from ivr.twilio.signature import stream_token
from speech.language.keypad import read_keys
from speech.listening import Digits, Listen, YesNo
from speech.sound.audio import FRAME_BYTES
from speech.utterance import NOTHING, Utterance
from storage import SessionFactory, transaction
from tests.support.carrier_client import BASE, Telephone
from tests.support.line_world import LineWorld, LiteralKeys

T = TypeVar("T")

SID, STREAM = "CA00000000000000000000000000000001", "MZ1"
SILENCE = b"\xff" * FRAME_BYTES
FIVE = Utterance(command="yes", text="五条")
YES, NO = Utterance(command="yes", text="对"), Utterance(command="no", text="不对")
BOTH = Utterance(command="no", text="五条……不对", continues=True, continuation=NO)


KEY = "key"
Happening = bool | Utterance | str


class ScriptedRecogniser:
    """A recogniser by frame number: at that frame the caller begins to speak, stops, has said something, or presses a
    key."""

    def __init__(self, script: Mapping[int, Happening]) -> None:
        self.script = script
        self.speaking = False
        self.sound = b""
        self.frames = 0
        self.fed: list[bytes] = []
        self.listened_for: list[Listen | None] = []
        self.keyed_at: int | None = None

    @property
    def since_key_ms(self) -> int | None:
        return None if self.keyed_at is None else 20 * (self.frames - self.keyed_at)

    def listen(self, listen: Listen | None) -> None:
        self.listened_for.append(listen)

    def feed(self, mulaw: bytes) -> Utterance | None:
        self.frames += 1
        self.fed.append(mulaw)
        happens = self.script.get(self.frames)
        if happens == KEY:
            self.keyed_at, happens = self.frames, None
        if isinstance(happens, Utterance):
            self.speaking = False
            return happens
        if isinstance(happens, bool):
            self.speaking = happens
        return None


Message = str | bytes | None | Callable[[], object]


class InlineExecutor(Executor):
    """Runs work at once, in the thread that submits it."""

    def submit(self, fn: Callable[..., T], /, *args: Any, **kwargs: Any) -> Future[T]:
        done: Future[T] = Future()
        try:
            done.set_result(fn(*args, **kwargs))
        except Exception as error:
            done.set_exception(error)
        return done


class FakeMediaSocket:
    """A socket that delivers these messages, one after the other, and at a None nothing for a while; a callable among
    them is run in its place, when what came before has been listened to. Frames without a timestamp follow one
    another."""

    def __init__(self, messages: Iterable[Message]) -> None:
        self._messages = iter(messages)
        self.closed: tuple[int | None, str | None] | None = None
        self.delivered = 0
        self._sound_ms = 0

    async def receive(self) -> dict[str, Any]:
        for message in self._messages:
            if callable(message):
                for _ in range(50):
                    await asyncio.sleep(0)
                if inspect.isawaitable(awaited := message()):
                    await awaited
            elif message is None:
                await asyncio.sleep(2 * TICK_S)
            else:
                self.delivered += 1
                if isinstance(message, bytes):
                    return {"type": "websocket.receive", "bytes": message}
                return {"type": "websocket.receive", "text": self._stamped(message)}
        return {"type": "websocket.disconnect", "code": 1000}

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        self.closed = code, reason or None

    def _stamped(self, message: str) -> str:
        if FOLLOWS in message:
            message = message.replace(FOLLOWS, str(self._sound_ms))
            self._sound_ms += 20
        return message


def start(world: LineWorld, **changes: Any) -> str:
    said = {
        "callSid": SID,
        "streamSid": STREAM,
        "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
        "customParameters": {"token": stream_token(SID, world.settings)},
        **changes,
    }
    return json.dumps({"event": "start", "start": said, "streamSid": STREAM})


def media(frame: bytes = SILENCE, **changes: Any) -> str:
    sound = base64.b64encode(frame).decode()
    return json.dumps({"event": "media", "media": {"timestamp": FOLLOWS, "payload": sound, **changes}})


CONNECTED = json.dumps({"event": "connected", "protocol": "Call", "version": "1.0.0"})
FOLLOWS = "follows"
NOTHING_COMES = None
STOP = json.dumps({"event": "stop", "stop": {}})


class StreamFixture:
    """A line with one call in progress, and a recogniser that follows a script."""

    def __init__(
        self, sessions: SessionFactory, script: Mapping[int, Happening] | None = None, **changes: object
    ) -> None:
        self.recogniser = ScriptedRecogniser(script or {})
        self.world = LineWorld(sessions, self.recogniser, listen_mode="stream", **changes)
        self.phone: Telephone = self.world.telephone(SID)
        self.first = self.phone.dial()

    def serve(self, *messages: Message, introduced: bool = True) -> FakeMediaSocket:
        begin = [CONNECTED, start(self.world)] if introduced else []
        return asyncio.run(self.serve_socket(FakeMediaSocket([*begin, *messages])))

    async def serve_socket(self, socket: FakeMediaSocket) -> FakeMediaSocket:
        await MediaSockets(
            self.world.settings, self.world.line.media_streams, self.world.line.sound_forks, InlineExecutor()
        ).serve(socket)
        return socket

    def pending_utterance(self, turn_number: int = 1) -> PendingUtterance | None:
        with transaction(self.world.sessions) as session:
            return session.get(PendingUtterance, (SID, turn_number))

    def redirected(self, count: int = 1) -> list[tuple[str, int | str]]:
        deadline = time.monotonic() + 2
        while len(self.world.carrier.redirected) < count and time.monotonic() < deadline:
            time.sleep(0.005)
        return list(self.world.carrier.redirected)


@pytest.fixture
def line(sessions: SessionFactory) -> StreamFixture:
    return StreamFixture(sessions)


def test_the_first_reply_opens_the_stream_with_the_call_s_token(line: StreamFixture) -> None:
    assert line.first.verbs == ["Start", "Gather", "Redirect"]
    assert line.first.attributes("Stream")["url"] == BASE.replace("https", "wss") + "/voice/stream"
    assert line.first.attributes("Parameter") == {"name": "token", "value": stream_token(SID, line.world.settings)}


def test_what_is_heard_is_put_down_and_the_call_sent_to_its_turn(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    line.serve(*[media()] * 10, STOP)
    assert line.redirected() == [(SID, 1)]
    assert line.phone.request("/voice/turn?turn=1").said == ["turn 2"]
    assert line.world.conversation.heard == [FIVE]


def test_where_the_carrier_cannot_be_asked_the_time_out_finds_what_was_heard(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    line.world.carrier.refuses = True
    line.serve(*[media()] * 10, STOP)
    assert line.phone.request(line.first.action, Digits="").said == ["turn 2"]
    assert line.world.conversation.heard == [FIVE]


def test_while_the_caller_speaks_a_time_out_is_no_silence(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True})
    line.world.conversation.silence_ms = 1_000

    def time_out() -> None:
        answer = line.phone.request(line.first.action, Digits="")
        assert answer.said == []
        assert answer.attributes("Gather")["timeout"] == "1"

    line.serve(*[media()] * 5, time_out, STOP)
    assert not line.world.conversation.heard


def test_speech_ends_although_frames_stop_with_it(sessions: SessionFactory) -> None:
    """A carrier that suppresses silence sends nothing after the last word; the silence is heard by the wall's clock."""
    line = StreamFixture(sessions, {3: True, 40: FIVE})

    def a_second_later() -> None:
        line.world.now += timedelta(seconds=1)

    line.serve(*[media()] * 10, a_second_later, NOTHING_COMES, STOP)
    assert line.redirected() == [(SID, 1)]


def test_frames_out_of_order_twice_and_late_are_heard_once_and_in_order(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions)
    frames = [bytes([number]) * FRAME_BYTES for number in range(7)]
    sent = [media(frames[number], timestamp=str(20 * number)) for number in (0, 2, 1, 1, 3, 0, 5, 4, 6, 5)]
    line.serve(*sent, STOP)
    assert line.recogniser.fed == frames


def test_a_cough_is_no_speech(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 6: False})
    line.serve(*[media()] * 8)
    assert line.pending_utterance() is None
    assert not line.world.carrier.redirected


def test_nonsense_sends_for_nothing_and_is_answered_by_the_time_out(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: NOTHING})

    def time_out() -> None:
        waiting = line.phone.request(line.first.action, Digits="")
        assert (waiting.said, waiting.attributes("Gather")["timeout"]) == ([], "3")
        line.world.now += timedelta(seconds=2)
        assert line.phone.request(waiting.action, Digits="").said == ["turn 2"]

    line.serve(*[media()] * 400, time_out, STOP)
    assert not line.world.carrier.redirected
    assert line.world.conversation.heard == [NOTHING]


def test_nonsense_leaves_half_keyed_digits_to_be_completed(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: NOTHING})
    line.serve(*[media()] * 300, lambda: line.phone.request(line.first.action, Digits="1203*5"), STOP)
    assert not line.world.carrier.redirected
    [heard] = line.world.conversation.heard
    assert heard == Utterance(digits=("1203*5",), keyed=True, text="1203*5")


class TestWhileKeysArePressed:
    """A caller reads the code aloud while keying it, or a television says something that has a meaning."""

    CODE = Utterance(digits=("410502100012",), text="四幺零五零二幺零零零幺二")

    def test_speech_waits_and_the_keys_count(self, sessions: SessionFactory) -> None:
        line = StreamFixture(sessions, {2: KEY, 3: True, 8: self.CODE, 150: KEY, 250: KEY})
        line.serve(*[media()] * 400, lambda: line.phone.request(line.first.action, Digits="410502100029"), STOP)
        assert not line.world.carrier.redirected
        assert line.world.conversation.heard == [Utterance(digits=("410502100029",), keyed=True, text="410502100029")]

    def test_if_the_carrier_reports_no_keys_after_all_the_speech_is_taken(self, sessions: SessionFactory) -> None:
        line = StreamFixture(sessions, {2: KEY, 3: True, 8: self.CODE})
        line.serve(*[media()] * 220, lambda: line.redirected(0) == [] or 1 / 0, *[media()] * 20, STOP)
        assert line.redirected() == [(SID, 1)]
        assert line.world.conversation.heard == [self.CODE]

    def test_keys_that_are_no_code_leave_it_to_what_was_read_aloud(
        self, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = StreamFixture(sessions, {2: KEY, 3: True, 8: self.CODE})
        monkeypatch.setattr(LiteralKeys, "of_keys", lambda _self, listen, keys: read_keys(Digits(12), keys, {}))
        line.serve(*[media()] * 20, lambda: line.phone.request(line.first.action, Digits="4105"), STOP)
        assert not line.world.carrier.redirected
        assert line.world.conversation.heard == [self.CODE]

    def test_keys_that_are_no_code_do_not_interrupt_who_still_reads_aloud(
        self, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        line = StreamFixture(sessions, {2: KEY, 3: True, 300: self.CODE})
        line.world.conversation.listen = Digits(12)
        line.phone.request(line.first.action, Digits="5")
        line.world.conversation.heard.clear()
        monkeypatch.setattr(LiteralKeys, "of_keys", lambda _self, listen, keys: read_keys(Digits(12), keys, {}))

        def keys_time_out() -> None:
            waiting = line.phone.request("/voice/turn?turn=2&waited=5", Digits="4105")
            assert (waiting.verbs, waiting.said) == (["Gather", "Redirect"], [])

        line.serve(*[media()] * 100, keys_time_out, *[media()] * 300, STOP)
        assert line.redirected() == [(SID, 2)]
        assert line.world.conversation.heard == [self.CODE]


def test_sense_after_nonsense_is_what_counts(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: NOTHING, 20: True, 30: FIVE})
    line.serve(*[media()] * 40)
    assert line.redirected()
    line.phone.request("/voice/turn?turn=1")
    assert line.world.conversation.heard == [FIVE]


class TestYesSaidOverAQuestion:
    """Callers say 对 after each line that is read back to them. Here the question takes five seconds."""

    @pytest.fixture(autouse=True)
    def long_question(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("ivr.streams.stream_registry.MS_PER_CHARACTER", 800)

    def asked(self, sessions: SessionFactory, script: dict[int, bool | Utterance]) -> StreamFixture:
        line = StreamFixture(sessions, script)
        line.world.conversation.listen = YesNo()
        line.phone.request(line.first.action, Digits="5")
        line.world.conversation.heard.clear()
        return line

    def test_it_waits_until_the_question_has_been_heard_out(self, sessions: SessionFactory) -> None:
        line = self.asked(sessions, {20: YES})
        seen: list[int] = []
        line.serve(*[media()] * 150, lambda: seen.append(len(line.world.carrier.redirected)), *[media()] * 120)
        assert seen == [0]
        assert line.redirected() == [(SID, 2)]
        line.phone.request("/voice/turn?turn=2")
        assert line.world.conversation.heard == [YES]

    def test_a_no_after_it_is_what_counts(self, sessions: SessionFactory) -> None:
        line = self.asked(sessions, {20: YES, 60: NO})
        line.serve(*[media()] * 80, STOP)
        assert line.redirected() == [(SID, 2)]
        line.phone.request("/voice/turn?turn=2")
        assert line.world.conversation.heard == [NO]


def test_what_the_time_out_has_taken_already_is_not_sent_for_again(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions)
    line.world.streams.store_utterance(SID, 1, FIVE)
    line.phone.request(line.first.action, Digits="")
    assert line.world.conversation.heard == [FIVE]
    streams = line.world.line.media_streams
    streams.answer(SID, 1)
    streams.answer(SID, 2)
    assert line.redirected() == [(SID, 2)]


def test_the_turn_is_taken_before_the_carrier_comes_for_the_reply(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    line.serve(*[media()] * 10, STOP)
    assert line.world.conversation.heard == [FIVE]
    for _ in range(2):
        assert line.phone.request("/voice/turn?turn=1").said == ["turn 2"]
    assert line.world.conversation.heard == [FIVE]


def test_a_turn_its_stream_could_not_take_is_taken_when_the_carrier_comes(
    sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE})
    with monkeypatch.context() as broken:
        broken.setattr(line.world.calls, "_conversation", None)
        line.serve(*[media()] * 10, STOP)
    assert line.redirected() == [(SID, 1)]
    assert line.phone.request("/voice/turn?turn=1").said == ["turn 2"]
    assert line.world.conversation.heard == [FIVE]


def test_what_is_said_after_an_answer_answers_the_next_turn(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE, 9: True, 12: NO})
    line.serve(*[media()] * 40)
    assert line.redirected(2) == [(SID, 1), (SID, 2)]
    assert line.world.conversation.heard == [FIVE, NO]


@pytest.mark.parametrize(("goes_back", "counts"), [(True, BOTH), (False, NO)])
def test_who_goes_on_after_an_early_answer_is_heard_as_one_and_the_reply_stops(
    sessions: SessionFactory, goes_back: bool, counts: Utterance
) -> None:
    line = StreamFixture(sessions, {3: True, 8: FIVE, 9: True, 12: BOTH})
    line.world.conversation.goes_back = goes_back
    line.serve(*[media()] * 15, STOP)
    assert line.redirected(2) == [(SID, 1), (SID, 2)]
    assert line.world.conversation.heard == [FIVE, counts]


@pytest.mark.parametrize("form", [{"Digits": ""}, {"Digits": "5"}])
def test_a_time_out_or_a_key_that_crosses_the_redirect_waits_for_it(
    sessions: SessionFactory, form: dict[str, str]
) -> None:
    """Answered as well, the caller would hear the reply begin, break off, and begin again."""
    line = StreamFixture(sessions, {3: True, 8: FIVE})

    def crosses() -> None:
        waiting = line.phone.request(line.first.action, **form)
        assert (waiting.verbs, waiting.said) == (["Pause", "Redirect"], [])
        assert line.phone.request(waiting.redirect).said == ["turn 2"]
        line.world.now += timedelta(seconds=3)
        assert line.phone.request(line.first.action, **form).said == ["turn 2"]

    line.serve(*[media()] * 10, crosses, STOP)
    assert line.world.conversation.heard == [FIVE]


def test_the_next_turn_is_listened_to_when_it_comes(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {40: True, 50: FIVE})
    line.serve(*[media()] * 5, lambda: line.phone.request(line.first.action, Digits="5"), *[media()] * 60)
    assert line.redirected() == [(SID, 2)]
    assert line.pending_utterance(1) is None
    assert len(line.recogniser.listened_for) == 3


def test_a_pin_is_not_listened_to(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, {30: True, 35: FIVE})
    line.world.conversation.listen = Digits(4, "pin")
    line.phone.request(line.first.action, Digits="5")
    line.serve(*[media()] * 60)
    assert line.recogniser.listened_for == [None]
    assert not line.world.carrier.redirected


def test_an_ended_call_s_socket_is_closed(line: StreamFixture) -> None:
    socket = line.serve(
        *[media()] * 5, lambda: line.phone.request("/voice/status", CallStatus="completed"), *[media()] * 60
    )
    assert socket.closed == (1000, None)
    assert line.recogniser.frames < 30


class GoneSocket(FakeMediaSocket):
    """A socket whose other end is closed before ours."""

    async def close(self, code: int = 1000, reason: str | None = None) -> None:
        raise WebSocketDisconnect(1006)


def test_a_carrier_that_hangs_up_first_is_nothing_to_be_alarmed_at(line: StreamFixture) -> None:
    socket = GoneSocket([CONNECTED, start(line.world), *[media()] * 5, STOP])
    with capture_logs() as logs:
        asyncio.run(line.serve_socket(socket))
    assert [entry["event"] for entry in logs if entry["log_level"] == "error"] == []
    assert not line.world.calls.snapshot(SID).stream_alive


def test_a_second_socket_of_a_call_takes_over(line: StreamFixture) -> None:
    socket = line.serve(*[media()] * 5, lambda: line.world.streams.register(SID, "MZ2"), *[media()] * 60)
    assert socket.closed == (1000, None)
    assert line.world.streams.poll(SID, "MZ2").is_current
    assert line.world.streams.poll(SID, STREAM) == OpenTurn(0, None, is_current=False)


def test_the_stream_heartbeat_continues_however_long_recognition_takes(
    line: StreamFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ivr.streams.media_streams.HEARTBEAT_EVERY_S", 0.01)

    def think_for_a_minute() -> None:
        line.world.now += timedelta(minutes=1)
        deadline = time.monotonic() + 5
        while not line.world.calls.snapshot(SID).stream_alive:
            assert time.monotonic() < deadline, "the socket is taken for dead"
            time.sleep(0.005)

    line.serve(media(), think_for_a_minute, STOP)
    assert not line.world.calls.snapshot(SID).stream_alive


def test_a_socket_that_closes_is_known_to_be_gone(line: StreamFixture) -> None:
    line.serve(media())
    with transaction(line.world.sessions) as session:
        call = session.get_one(Call, SID)
        assert (call.stream_id, call.stream_heartbeat_at) == (None, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"customParameters": {"token": "guessed"}},
        {"customParameters": {}},
        {"customParameters": None},
        {"callSid": "CA00000000000000000000000000000002"},
        {"mediaFormat": {"encoding": "audio/x-l16", "sampleRate": 16000}},
    ],
)
def test_a_socket_that_is_not_the_call_s_is_closed(line: StreamFixture, changes: dict[str, Any]) -> None:
    socket = line.serve(CONNECTED, start(line.world, **changes), media(), introduced=False)
    assert socket.closed is not None
    assert socket.closed[0] == 1008
    assert line.recogniser.frames == 0


def test_a_socket_with_the_token_of_a_call_that_is_over_is_closed(line: StreamFixture) -> None:
    line.phone.request("/voice/status", CallStatus="completed")
    assert line.serve(media()).closed == (1008, "the call is not one that is going on here")


@pytest.mark.parametrize(
    "message",
    [
        "no json",
        "[]",
        '"media"',
        "{}",
        '{"event": 5}',
        "[" * 5_000,
        b"\x00\x01",
        "x" * 9_000,
        '{"event": "media"}',
        '{"event": "media", "media": {"payload": 7}}',
        '{"event": "media", "media": {"timestamp": "20", "payload": "not base64!"}}',
        '{"event": "media", "media": {"payload": "//8="}}',
        '{"event": "media", "media": {"timestamp": "-20", "payload": "//8="}}',
        media(SILENCE * 30),
    ],
)
def test_a_malformed_message_closes_the_socket_and_the_call_goes_on_by_keys(
    line: StreamFixture, message: str | bytes
) -> None:
    socket = line.serve(media(), message, media())
    assert socket.closed is not None
    assert socket.closed[0] == 1008
    assert line.phone.request(line.first.action, Digits="5").said == ["turn 2"]


def test_what_is_no_sound_of_the_caller_s_is_left_aside(line: StreamFixture) -> None:
    line.serve(
        media(track="outbound", timestamp="0"),
        json.dumps({"event": "mark"}),
        json.dumps({"event": "news"}),
        media(),
        STOP,
    )
    assert line.recogniser.frames == 1


def test_sound_that_comes_faster_than_sound_does_is_not_taken(line: StreamFixture) -> None:
    socket = line.serve(*[media()] * 2_000)
    assert socket.closed == (1008, "messages come faster than sound does")


def test_while_sound_is_decoded_the_rest_waits_in_the_connection(line: StreamFixture) -> None:
    async def serve() -> int:
        socket = FakeMediaSocket([CONNECTED, start(line.world), *[media()] * 200])
        with ThreadPoolExecutor(1) as pool:
            sockets = MediaSockets(
                line.world.settings, line.world.line.media_streams, line.world.line.sound_forks, pool
            )
            busy = threading.Event()
            pool.submit(busy.wait)
            served = asyncio.create_task(sockets.serve(socket))
            for _ in range(500):
                await asyncio.sleep(0)
            taken = socket.delivered
            busy.set()
            await served
        return taken

    assert asyncio.run(serve()) <= 2 + FRAMES_AHEAD + 1
    assert line.recogniser.frames == 200


def test_a_process_that_listens_to_as_many_calls_as_it_can_takes_no_other_socket(sessions: SessionFactory) -> None:
    line = StreamFixture(sessions, media_sockets_max=1)
    others: list[FakeMediaSocket] = []

    async def another() -> None:
        others.append(await line.serve_socket(FakeMediaSocket([CONNECTED, start(line.world), media()])))

    line.serve(media(), another, media())
    assert others[0].closed == (1013, None)
    assert line.serve(media(), STOP).closed == (1000, None)


def test_a_recogniser_that_breaks_costs_the_socket_and_not_the_call(
    line: StreamFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(line.recogniser, "feed", lambda _frame: 1 / 0)
    assert line.serve(media()).closed == (1011, None)
    assert line.phone.request(line.first.action, Digits="5").said == ["turn 2"]


def test_a_call_whose_socket_went_down_with_its_worker_hears_its_prompt_again(line: StreamFixture) -> None:
    line.world.streams.register(SID, STREAM)
    line.world.line.media_streams.recover_streams(only_worker=True)
    line.world.line.media_streams.stop()
    assert line.redirected() == [(SID, 1)]
    again = line.phone.request("/voice/turn?turn=1")
    assert (again.verbs[0], again.said) == ("Start", ["turn 1"])


def test_only_sockets_that_are_gone_and_not_long_gone_make_orphans(line: StreamFixture) -> None:
    streams, gone = line.world.streams, timedelta(seconds=6)
    assert streams.claim_lost(gone) == []
    streams.register(SID, STREAM)
    assert streams.claim_lost(gone) == []
    line.world.now += timedelta(seconds=6)
    assert streams.claim_lost(gone) == [(SID, 1)]
    assert streams.claim_lost(gone) == []
    streams.register(SID, STREAM)
    line.world.now += timedelta(hours=1)
    assert streams.claim_lost(gone) == []
    streams.register(SID, STREAM)
    line.phone.request("/voice/status", CallStatus="completed")
    assert streams.claim_lost(timedelta()) == []


def test_a_stream_whose_machine_is_gone_is_recovered_by_another_one_at_its_second_look(line: StreamFixture) -> None:
    media_streams = line.world.line.media_streams
    line.world.streams.register(SID, STREAM)
    assert media_streams.recover_silent({}) == {}
    line.world.now += timedelta(seconds=6)
    first_look = media_streams.recover_silent({})
    assert line.redirected() == []
    media_streams.recover_silent(first_look)
    assert line.redirected() == [(SID, 1)]
    assert media_streams.recover_silent(first_look) == {}


def test_a_stream_that_is_served_is_left_alone_by_a_machine_whose_clock_is_ahead(line: StreamFixture) -> None:
    media_streams, here = line.world.line.media_streams, line.world.now
    line.world.streams.register(SID, STREAM)
    silent: dict[str, datetime] = {}
    for heartbeat in range(10):
        line.world.now = here + timedelta(seconds=3 * heartbeat)
        line.world.streams.record_heartbeats([STREAM])
        line.world.now += timedelta(seconds=30)
        silent = media_streams.recover_silent(silent)
        assert list(silent) == [SID]
    assert line.redirected() == []


def test_a_socket_that_dies_whatever_it_hears_is_not_asked_for_for_ever(line: StreamFixture) -> None:
    starts = 0
    for _ in range(6):
        starts += line.phone.request("/voice/turn?turn=1").verbs[0] == "Start"
        line.world.streams.register(SID, STREAM)
        line.world.streams.unregister(SID, STREAM)
    assert starts == 2
    assert "Record" in line.phone.request("/voice/turn?turn=1").verbs


def test_a_recogniser_that_has_heard_something_may_be_lost_again_and_again(line: StreamFixture) -> None:
    for n in range(1, 6):
        line.world.streams.register(SID, STREAM)
        line.world.streams.store_utterance(SID, n, FIVE)
        line.world.streams.unregister(SID, STREAM)
        assert line.phone.request(f"/voice/turn?turn={n}").verbs[0] == "Start"


def test_a_wait_opens_a_lost_stream_again_before_the_caller_is_called_silent(line: StreamFixture) -> None:
    line.world.now += timedelta(minutes=1)
    waiting = line.phone.request(line.first.action, Digits="")
    assert (waiting.verbs[0], waiting.said) == ("Start", [])


def test_a_stream_that_was_lost_is_opened_again_and_in_the_end_recordings_do(line: StreamFixture) -> None:
    answer, starts = line.first, 1
    for turn in range(2, 9):
        line.world.now = line.world.now.replace(minute=turn)
        answer = line.phone.request(answer.action, Digits="5")
        starts += answer.verbs[0] == "Start"
        if "Record" in answer.verbs:
            break
    assert starts == 3
    assert "Record" in answer.verbs
