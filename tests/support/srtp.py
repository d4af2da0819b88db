"""Encrypted sound: SRTP with keys exchanged in the SDP (RFC 3711, RFC 4568), as AES_CM_128_HMAC_SHA1_80."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import struct

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR

SUITE = "AES_CM_128_HMAC_SHA1_80"
_KEY_BYTES, _SALT_BYTES, _TAG_BYTES, _HEADER_BYTES = 16, 14, 10, 12


def new_key() -> str:
    """A master key with its salt, as it stands in an SDP after `inline:`."""
    return base64.b64encode(os.urandom(_KEY_BYTES + _SALT_BYTES)).decode()


class SecuredPackets:
    """One direction of a call: RTP packets with headers of 12 bytes, encrypted and authenticated with this key."""

    def __init__(self, key: str) -> None:
        master = base64.b64decode(key.partition("|")[0])
        self._master, self._salt = master[:_KEY_BYTES], master[_KEY_BYTES:]
        self._encryption, self._authentication = self._derived(0, 16), self._derived(1, 20)
        self._session_salt = self._derived(2, _SALT_BYTES)
        self._rollovers, self._last = 0, None

    def protect(self, packet: bytes) -> bytes:
        """The packet as it is sent."""
        rollovers = self._counted(packet)
        whole = packet[:_HEADER_BYTES] + self._crypted(packet, rollovers)
        return whole + self._tag(whole, rollovers)

    def unprotect(self, packet: bytes) -> bytes:
        """The packet as it was before. Raises ValueError if it was not made with this key."""
        whole, tag = packet[:-_TAG_BYTES], packet[-_TAG_BYTES:]
        rollovers = self._counted(packet)
        if not hmac.compare_digest(tag, self._tag(whole, rollovers)):
            raise ValueError("a packet of sound is not authentic")
        return whole[:_HEADER_BYTES] + self._crypted(whole, rollovers)

    def _counted(self, packet: bytes) -> int:
        [sequence] = struct.unpack_from("!H", packet, 2)
        if self._last is not None and self._last - sequence > 2**15:
            self._rollovers += 1
        self._last = sequence
        return self._rollovers

    def _crypted(self, packet: bytes, rollovers: int) -> bytes:
        [sequence], [source] = struct.unpack_from("!H", packet, 2), struct.unpack_from("!I", packet, 8)
        index = rollovers << 16 | sequence
        start = int.from_bytes(self._session_salt) << 16 ^ source << 64 ^ index << 16
        return _key_stream(self._encryption, start, packet[_HEADER_BYTES:])

    def _tag(self, whole: bytes, rollovers: int) -> bytes:
        signed = whole + rollovers.to_bytes(4)
        return hmac.digest(self._authentication, signed, hashlib.sha1)[:_TAG_BYTES]

    def _derived(self, label: int, length: int) -> bytes:
        start = (int.from_bytes(self._salt) ^ label << 48) << 16
        return _key_stream(self._master, start, bytes(length))


def _key_stream(key: bytes, start: int, data: bytes) -> bytes:
    return Cipher(AES(key), CTR(start.to_bytes(16))).encryptor().update(data)
