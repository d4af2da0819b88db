"""The telephone line put together, whatever its carrier."""

from __future__ import annotations

from dataclasses import dataclass

from callflows.prompts import load_prompts
from clock import Clock
from ivr.automatic_line import AutomaticLine, LinePrompts
from ivr.call_sound.forks import SoundForks
from ivr.carrier import Carrier
from ivr.operators.direct_dial import DirectDial
from ivr.operators.handover import OperatorServices
from ivr.operators.ringing import RingDispatcher
from ivr.outbound.outbound_calls import OutboundCalls
from ivr.streams.media_streams import MediaStreams
from ivr.streams.recognition import Recognition
from ivr.streams.stream_registry import StreamRegistry
from ivr.supervision.listening import Listening
from ivr.supervision.take_over import TakeOver
from ivr.turns.calls import Calls
from ivr.turns.quiet_calls import QuietCalls
from ivr.turns.recorded_turns import RecordedTurns
from ivr.voice.sentence_sounds import SentenceSounds
from ivr.voice.spoken_sentences import SpokenSentences
from settings import Settings
from storage import SessionFactory


@dataclass(frozen=True)
class LineServices:
    """The services of the telephone line."""

    settings: Settings
    calls: Calls
    carrier: Carrier
    media_streams: MediaStreams
    recorded_turns: RecordedTurns
    quiet_calls: QuietCalls
    outbound_calls: OutboundCalls
    operators: OperatorServices
    take_over: TakeOver
    sound_forks: SoundForks
    listening: Listening
    automatic: AutomaticLine
    prompts: LinePrompts
    sentence_sounds: SentenceSounds

    @classmethod
    def build(
        cls,
        settings: Settings,
        sessions: SessionFactory,
        clock: Clock,
        calls: Calls,
        carrier: Carrier,
        recognition: Recognition,
    ) -> LineServices:
        """Build the line on this carrier."""
        numbers, prompts = settings.operator_numbers, LinePrompts(load_prompts())
        registry = StreamRegistry(sessions, clock)
        streams = MediaStreams(settings.media_sockets_max, registry, calls, carrier, recognition.new_recogniser, clock)
        outbound = OutboundCalls(sessions, clock, calls)
        dispatcher = RingDispatcher(sessions, clock, carrier, numbers)
        recorded = RecordedTurns(sessions, clock, carrier, recognition, registry)
        direct = DirectDial(numbers)
        automatic = AutomaticLine(settings.listen_mode, calls, recognition, outbound, dispatcher, direct, prompts)
        forks = SoundForks(sessions, clock, carrier, settings.media_sockets_max)
        operators = OperatorServices.build(
            sessions,
            clock,
            calls,
            carrier,
            dispatcher,
            direct,
            numbers,
            settings.dialled_prefixes,
            automatic.present,
            forks.record_talk,
        )
        listening = Listening(sessions, clock, forks)
        take_over = TakeOver(sessions, clock, calls, carrier, dispatcher)
        quiet = QuietCalls(sessions, clock, carrier, automatic.call_ended)
        return cls(
            settings,
            calls,
            carrier,
            streams,
            recorded,
            quiet,
            outbound,
            operators,
            take_over,
            forks,
            listening,
            automatic,
            prompts,
            SentenceSounds(SpokenSentences(settings.voice_pack), settings.secret_key),
        )
