"""Recordings at rest: encrypted with a key of the installation's, so that a copy of the database does not play them."""

from __future__ import annotations

import base64
from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.orm import Session

# Before what is encrypted. What was stored by a version before this one has no mark, and is played as it is.
_MARK = b"sealed1:"
_INFO_KEY = "recording_cipher"


class RecordingCipher:
    """Encrypts with the first of its secrets, and decrypts with any: a new one is put first, and the one before it is
    kept until what it encrypted is gone. The secrets are long texts (RECORDINGS_KEYS, or SECRET_KEY)."""

    def __init__(self, secrets: Sequence[str]) -> None:
        self._fernet = MultiFernet([Fernet(_key(secret)) for secret in secrets])

    def seal(self, sound: bytes) -> bytes:
        """The sound, encrypted and authenticated."""
        # As bytes and not as text, which would take a third more.
        return _MARK + base64.urlsafe_b64decode(self._fernet.encrypt(sound))

    def open(self, stored: bytes) -> bytes | None:
        """The sound, or None if none of the secrets opens it."""
        if not stored.startswith(_MARK):
            return stored
        try:
            return self._fernet.decrypt(base64.urlsafe_b64encode(stored[len(_MARK) :]))
        except InvalidToken:
            return None


def _key(secret: str) -> bytes:
    derived = HKDF(SHA256(), 32, salt=None, info=b"order hotline recordings").derive(secret.encode())
    return base64.urlsafe_b64encode(derived)


def session_info(cipher: RecordingCipher) -> dict[str, object]:
    """What sessions carry, so that recordings are encrypted wherever they are stored."""
    return {_INFO_KEY: cipher}


def seal(session: Session, sound: bytes) -> bytes:
    """The sound as it is stored. Sessions of an application have a cipher; others, as in tests, store it as it is."""
    cipher = session.info.get(_INFO_KEY)
    return cipher.seal(sound) if isinstance(cipher, RecordingCipher) else sound


def unseal(session: Session, stored: bytes) -> bytes | None:
    """The sound that was stored, or None if it cannot be decrypted."""
    cipher = session.info.get(_INFO_KEY)
    if isinstance(cipher, RecordingCipher):
        return cipher.open(stored)
    return None if stored.startswith(_MARK) else stored
