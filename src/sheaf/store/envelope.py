"""Envelopes: content under a content key, content keys under readers' keys, and the salts of a content key.

Content is closed by the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizár, "Online Authenticated-Encryption
and its Nonce-Reuse Misuse-Resistance", CRYPTO 2015) over AES-256-GCM: segments of 256 KiB, nonce = 7 zero bytes ‖
segment number (4 bytes, big-endian) ‖ 1 if last else 0. Each closing draws a fresh 32-byte salt, so no AES key is
used twice: AES key = HKDF-SHA256(content key, salt, info = label ‖ sha256(associated data)). GCM does not commit to
its key, so a reader compares the key's commitment with the one on chain before it opens anything.
Letters are HPKE in base mode (RFC 9180: X25519, HKDF-SHA256, ChaCha20-Poly1305) with the context as `info`.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterable, Iterator

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes, hpke
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from sheaf.domain.errors import CredentialError, InputError, IntegrityError
from sheaf.store.chunks import Bytes, pieces_of, split

KEY_BYTES = 32
SALT_BYTES = 16
SEGMENT_BYTES = 256 * 1024
TAG_BYTES = 16
LETTER_BYTES = KEY_BYTES + KEY_BYTES + TAG_BYTES
_STREAM = b"sheaf stream 1"
_HEADER_BYTES = len(_STREAM) + KEY_BYTES
_LAST_SEGMENT = 2**32 - 1
_SUITE = hpke.Suite(hpke.KEM.X25519, hpke.KDF.HKDF_SHA256, hpke.AEAD.CHACHA20_POLY1305)
_BROKEN = "encrypted content: altered, cut short, or closed with another key or purpose: fetch it again"


def new_key() -> bytes:
    """Return a fresh content key of 32 bytes."""
    return os.urandom(KEY_BYTES)


def key_commitment(key: bytes) -> bytes:
    """Return sha256(b"sheaf content key" ‖ key): 32 bytes that bind to `key` and tell nothing of it."""
    return hashlib.sha256(b"sheaf content key" + _checked(key)).digest()


def is_committed(key: bytes, commitment: bytes) -> bool:
    """Tell, in constant time, whether `commitment` is that of `key`."""
    return hmac.compare_digest(key_commitment(key), commitment)


def salts(key: bytes, count: int) -> bytes:
    """Return the leaf salts of `count` records, 16 bytes each, joined.

    They are the ChaCha20 stream (RFC 8439, nonce and counter zero) under HKDF-SHA256(key, info = b"sheaf salts").
    """
    cipher = Cipher(ChaCha20(_derive(key, b"", b"sheaf salts"), bytes(16)), mode=None)
    return cipher.encryptor().update(bytes(SALT_BYTES * count))


def encrypt(
    key: bytes, data: Bytes | Iterable[Bytes], associated: bytes, salt: bytes | None = None
) -> Iterator[bytes]:
    """Yield `data` closed under `key` in pieces, the first a header; memory is constant however long `data` is.

    `associated` is bound to it: only who names the same bytes can open it. `salt`, 32 bytes, is random unless given: it must never
    serve one key for different data.
    """
    salt = os.urandom(KEY_BYTES) if salt is None else salt
    cipher = _stream_cipher(key, salt, associated)
    yield _STREAM + salt
    for number, segment, is_last in _numbered(data, SEGMENT_BYTES):
        yield cipher.encrypt(_nonce(number, is_last), segment, None)


def decrypt(key: bytes, pieces: Bytes | Iterable[Bytes], associated: bytes) -> Iterator[bytes]:
    """Yield what `encrypt` closed, segment by segment, each authenticated before it is given out.

    `pieces` may be cut anywhere. Raises IntegrityError for a wrong key or `associated`, and for altered, cut,
    reordered or lengthened bytes. A cut is known only at the end: take nothing as whole before the iterator ends.
    """
    source = _Pieces(pieces)
    header = source.take(_HEADER_BYTES)
    if len(header) != _HEADER_BYTES or not header.startswith(_STREAM):
        raise IntegrityError(f"encrypted content: does not begin as {_STREAM.decode()!r}: fetch it again")
    cipher = _stream_cipher(key, header[len(_STREAM) :], associated)
    for number, segment, is_last in _numbered(source.rest(), SEGMENT_BYTES + TAG_BYTES):
        try:
            yield cipher.decrypt(_nonce(number, is_last), segment, None)
        except InvalidTag:
            raise IntegrityError(_BROKEN) from None


class ReadingKey:
    """An X25519 key to which letters are sealed. Its secret shows neither in `repr` nor in messages."""

    def __init__(self, private: X25519PrivateKey) -> None:
        self._private = private

    @classmethod
    def generate(cls) -> ReadingKey:
        """Return a fresh key."""
        return cls(X25519PrivateKey.generate())

    @classmethod
    def from_bytes(cls, secret: bytes) -> ReadingKey:
        """Return the key of a 32-byte `secret`. Raises CredentialError."""
        if len(secret) != KEY_BYTES:
            raise CredentialError("reading key", f"{len(secret)} bytes", "give a secret of 32 bytes")
        return cls(X25519PrivateKey.from_private_bytes(secret))

    @property
    def public(self) -> bytes:
        """The 32 bytes that the account registers on chain."""
        return self._private.public_key().public_bytes_raw()

    def secret(self) -> bytes:
        """Return the 32 secret bytes, for a keystore."""
        return self._private.private_bytes_raw()

    def open(self, letter: bytes, context: bytes) -> bytes:
        """Return the content key in `letter`. Raises IntegrityError unless it was sealed to this key, for this `context`."""
        if len(letter) == LETTER_BYTES:
            try:
                return _SUITE.decrypt(letter, self._private, info=context)
            except (InvalidTag, ValueError):  # ValueError: an ephemeral key of low order
                pass
        raise IntegrityError(
            "sealed letter: altered, or for another reading key or context: ask for it again"
        )

    def __repr__(self) -> str:
        return f"ReadingKey({self.public.hex()})"


def seal(key: bytes, reader_public: bytes, context: bytes) -> bytes:
    """Return the content key `key` as a letter of 80 bytes that only the owner of `reader_public` (X25519) can open.

    `context` names what it is for (chain, submission, role): a letter opens under no other. It does not say who
    wrote it: compare the key with its commitment. Raises InputError for bytes that are no public key.
    """
    _checked(key)
    try:
        return _SUITE.encrypt(key, X25519PublicKey.from_public_bytes(reader_public), info=context)
    except ValueError:  # not 32 bytes, or a point of low order that would make the secret known to all
        shown = reader_public.hex() or "(no bytes)"
        raise InputError("reader's public key", shown, "give a registered X25519 key") from None


def open_sealed(letter: bytes, reader_private: bytes, context: bytes) -> bytes:
    """Return the content key in `letter` by a reader's 32 secret bytes. Raises IntegrityError, CredentialError."""
    return ReadingKey.from_bytes(reader_private).open(letter, context)


def _checked(key: bytes) -> bytes:
    if len(key) != KEY_BYTES:
        raise CredentialError("content key", f"{len(key)} bytes", "give 32 bytes")
    return key


def _derive(key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(hashes.SHA256(), KEY_BYTES, salt, info).derive(_checked(key))


def _stream_cipher(key: bytes, salt: bytes, associated: bytes) -> AESGCM:
    return AESGCM(_derive(key, salt, _STREAM + hashlib.sha256(associated).digest()))


def _nonce(number: int, is_last: bool) -> bytes:
    if number > _LAST_SEGMENT:
        raise InputError("content", "over 1 PiB", "close it in several parts")
    return bytes(7) + number.to_bytes(4, "big") + bytes((is_last,))


def _numbered(data: Bytes | Iterable[Bytes], segment_bytes: int) -> Iterator[tuple[int, Bytes, bool]]:
    """Yield (number, segment, whether it is the last) of `data`; looks one segment ahead, and empty data has one empty segment."""
    number = 0
    segments = split(data, segment_bytes)
    held = next(segments)
    for segment in segments:
        yield number, held, False
        number, held = number + 1, segment
    yield number, held, True


class _Pieces:
    """Pieces of any size, from which a first part is taken and the rest streamed."""

    def __init__(self, pieces: Bytes | Iterable[Bytes]) -> None:
        self._pieces = iter(pieces_of(pieces))
        self._head = memoryview(b"")

    def take(self, size: int) -> bytes:
        """Return the first `size` bytes, fewer where there are no more."""
        taken = bytearray()
        while len(taken) < size and (piece := next(self._pieces, None)) is not None:
            view = memoryview(piece).cast("B")
            wanted = size - len(taken)
            taken += view[:wanted]
            self._head = view[wanted:]
        return bytes(taken)

    def rest(self) -> Iterator[Bytes]:
        """Yield all that was not taken."""
        yield self._head
        yield from self._pieces
