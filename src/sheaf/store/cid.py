"""Content identifiers: the text form, the 36-byte form that goes on chain, and the digest inside."""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import NamedTuple

from sheaf.domain.errors import InputError
from sheaf.domain.ids import Cid

RAW, DAG_PB = 0x55, 0x70
CODECS = (RAW, DAG_PB)
_SHA2_256 = b"\x12\x20"
_TEXT_LENGTH, _BINARY_LENGTH = 59, 36
_FIX = "give a CIDv1 in base32 (59 characters, begins with bafk or bafy)"


class Parsed(NamedTuple):
    """What a CID says: `codec` (RAW or DAG_PB) and the 32-byte sha2-256 `digest`."""

    codec: int
    digest: bytes


def cid_of(data: bytes | bytearray | memoryview, codec: int = RAW) -> Cid:
    """Return the CID of one block of `data`."""
    return from_digest(hashlib.sha256(data).digest(), codec)


def from_digest(digest: bytes, codec: int = RAW) -> Cid:
    """Return the CID of the block whose sha2-256 is `digest` (32 bytes)."""
    return from_binary(bytes((1, codec)) + _SHA2_256 + digest)


def parse(text: str) -> Parsed:
    """Take a CID's text apart. One content has one spelling: anything but the canonical one raises InputError.

    Source: https://github.com/multiformats/cid, RFC 4648 base32 in lower case without padding.
    """
    if not isinstance(text, str) or len(text) != _TEXT_LENGTH or text[0] != "b" or text != text.lower():
        raise InputError("cid", text, _FIX)
    try:
        data = base64.b32decode(text[1:].upper() + "=" * (-len(text[1:]) % 8))
        is_canonical = from_binary(data) == text
    except (binascii.Error, ValueError, InputError):
        is_canonical = False
    if not is_canonical:
        raise InputError("cid", text, _FIX)
    return Parsed(data[1], data[4:])


def binary(cid: str) -> bytes:
    """Return the 36-byte form of `cid`: version, codec, hash function, hash length, digest. Raises InputError."""
    codec, digest = parse(cid)
    return bytes((1, codec)) + _SHA2_256 + digest


def from_binary(data: bytes) -> Cid:
    """Return the CID of a 36-byte form. Raises InputError for any other length, version, codec or hash function."""
    if len(data) != _BINARY_LENGTH or data[0] != 1 or data[1] not in CODECS or data[2:4] != _SHA2_256:
        raise InputError("cid", data.hex() or "(no bytes)", "give 36 bytes: CIDv1, raw or dag-pb, sha2-256")
    return Cid("b" + base64.b32encode(data).decode("ascii").rstrip("=").lower())
