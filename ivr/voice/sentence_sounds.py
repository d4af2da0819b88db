"""Sentences as sounds that are fetched: by the carrier, and by the demo's telephone in the browser.

A sound's address holds its sentence, encrypted and authenticated by a key of the installation's: nobody else can have a
text said, and what is said about a retailer stands in no log of requests. The same sentence has the same address, so
that the carrier keeps what it has fetched.
"""

from __future__ import annotations

import base64
import binascii
from functools import cached_property
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from flask import Blueprint, Response, abort

from ivr.voice.spoken_sentences import SpokenSentences
from ivr.voice.wav_files import mulaw_wav

PATH: Final = "/sounds/said/"
# A recording of one's own that is put beside the pack is heard after this at the latest, in seconds.
KEPT_S: Final = 3_600
# No address comes near what servers and carriers take; a longer sentence is left to the carrier's own voice.
LONGEST_SENTENCE: Final = 300


class SentenceSounds:
    """The addresses of sentences, as this installation's secret makes them, and the voice that says them."""

    def __init__(self, voice: SpokenSentences, secret: str) -> None:
        self.voice = voice
        self._secret = secret

    def path(self, sentence: str) -> str:
        """The path of the sound of a sentence."""
        token = base64.urlsafe_b64encode(self._cipher.encrypt(sentence.encode(errors="replace"), None))
        return f"{PATH}{token.decode()}.wav"

    def path_if_whole(self, sentence: str) -> str | None:
        """The path of the sound of a sentence that the pack says whole; None for any other."""
        short = 0 < len(sentence) <= LONGEST_SENTENCE
        return self.path(sentence) if short and not self.voice.gaps(sentence) else None

    def sentence(self, path: str) -> str | None:
        """The sentence of a path, or None if it is not one of ours."""
        token = path.rpartition("/")[2].removesuffix(".wav")
        try:
            return self._cipher.decrypt(base64.urlsafe_b64decode(token.encode()), None).decode()
        except (ValueError, binascii.Error, InvalidTag):
            return None

    @cached_property
    def _cipher(self) -> AESSIV:
        # It needs no nonce, as it gives the same text the same address on purpose.
        return AESSIV(HKDF(SHA256(), 64, salt=None, info=b"order hotline sentences").derive(self._secret.encode()))


def sentence_routes(sounds: SentenceSounds) -> Blueprint:
    """The route by which the sounds of sentences are fetched."""
    routes = Blueprint("sentences", __name__)

    @routes.get(f"{PATH}<token>.wav")
    def said(token: str) -> Response:
        sentence = sounds.sentence(token)
        if sentence is None:
            abort(404, "This address is not one that the line has given out.")
        content = mulaw_wav(sounds.voice.mulaw(sentence))
        headers = {"Cache-Control": f"public, max-age={KEPT_S}"}
        return Response(content, mimetype="audio/x-wav", headers=headers)

    return routes
