"""The voice of the line: a pack of sounds made beforehand, of which whole sentences are put together."""

from ivr.voice.spoken_sentences import SpokenSentences

__all__ = ["SpokenSentences"]
