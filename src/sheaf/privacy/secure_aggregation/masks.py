"""Masks: a seed of 256 bits, stretched by ChaCha20 (RFC 8439) to as many words as an update has."""

from __future__ import annotations

import hmac
from hashlib import sha256

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import ChaCha20
from numpy.typing import NDArray

from sheaf.domain.errors import InputError

SEED_BYTES = 32
CHUNK = 1 << 17  # bytes made and added at once: they stay in the processor's cache
_ZEROS = bytes(CHUNK)
_NONCE = bytes(16)  # every seed is used for one mask


def derive(secret: bytes, *labels: bytes) -> bytes:
    """Return 32 bytes derived from a secret for one purpose: HKDF-SHA256 (RFC 5869) with no salt and the joined labels as info."""
    extracted = hmac.digest(bytes(32), secret, sha256)
    info = b"".join(len(label).to_bytes(2, "big") + label for label in labels)
    return hmac.digest(extracted, info + b"\x01", sha256)


def apply(words: NDArray[np.unsignedinteger], seed: bytes, *, is_added: bool = True) -> None:
    """Add the mask of `seed` to `words` in place, or subtract it, modulo 2^bits of their type. Raises InputError for a short seed."""
    if len(seed) != SEED_BYTES:
        raise InputError("seed", f"{len(seed)} bytes", f"give {SEED_BYTES} bytes")
    stream = Cipher(ChaCha20(seed, _NONCE), None).encryptor()
    view = bytearray(CHUNK)
    buffer = np.frombuffer(view, words.dtype)
    combine = np.add if is_added else np.subtract
    step = len(buffer)
    for start in range(0, len(words), step):
        part = words[start : start + step]
        size = part.nbytes
        stream.update_into(_ZEROS if size == CHUNK else _ZEROS[:size], view)
        combine(part, buffer[: len(part)], out=part)
