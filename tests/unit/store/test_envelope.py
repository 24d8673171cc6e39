"""Envelopes: what a key opens, and everything it does not."""

from __future__ import annotations

import hashlib
import tracemalloc
from collections.abc import Iterable
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import CredentialError, InputError, IntegrityError, SheafError
from sheaf.store.envelope import (
    SEGMENT_BYTES,
    ReadingKey,
    _nonce,
    decrypt,
    encrypt,
    is_committed,
    key_commitment,
    new_key,
    open_sealed,
    salts,
    seal,
)

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
SEALED_SEGMENT = SEGMENT_BYTES + 16
HEADER = 46


def closed(data: bytes, associated: bytes = b"for") -> bytes:
    return b"".join(encrypt(KEY, data, associated))


def opened(data: bytes | Iterable[bytes], key: bytes = KEY, associated: bytes = b"for") -> bytes:
    return b"".join(decrypt(key, data, associated))


@pytest.mark.parametrize(
    "size", [0, 1, SEGMENT_BYTES - 1, SEGMENT_BYTES, SEGMENT_BYTES + 1, 3 * SEGMENT_BYTES]
)
def test_what_was_closed_opens(size: int) -> None:
    """Content of every size around a segment's edge comes back."""
    data = hashlib.shake_256(b"content").digest(size)
    assert opened(closed(data)) == data
    assert len(closed(data)) == HEADER + size + 16 * max(1, -(-size // SEGMENT_BYTES))


@given(
    cuts=st.lists(st.integers(0, 2 * SEGMENT_BYTES), max_size=8),
    more=st.lists(st.integers(0, 100), max_size=8),
)
def test_pieces_do_not_matter(cuts: list[int], more: list[int]) -> None:
    """However plaintext and ciphertext are cut, the content comes back."""
    data = bytes(range(256)) * (2 * SEGMENT_BYTES // 256)
    edges = [0, *sorted(cuts), len(data)]
    stored = b"".join(encrypt(KEY, (data[a:b] for a, b in pairwise(edges)), b"for"))
    edges = [0, *sorted(more + cuts), len(stored)]
    assert opened(stored[a:b] for a, b in pairwise(edges)) == data


def test_the_form_is_the_one_that_is_written_down() -> None:
    """A reader that follows the module's text with nothing but HKDF and AES-GCM reads what is closed."""
    stored = closed(bytes(SEGMENT_BYTES) + b"end", b"for")
    assert stored[:14] == b"sheaf stream 1"
    info = b"sheaf stream 1" + hashlib.sha256(b"for").digest()
    cipher = AESGCM(HKDF(hashes.SHA256(), 32, stored[14:46], info).derive(KEY))
    first, last = stored[46 : 46 + SEALED_SEGMENT], stored[46 + SEALED_SEGMENT :]
    assert cipher.decrypt(bytes(12), first, None) == bytes(SEGMENT_BYTES)
    assert cipher.decrypt(bytes(7) + b"\x00\x00\x00\x01\x01", last, None) == b"end"


def test_closing_twice_shows_nothing() -> None:
    """The same content closed twice under one key shares no bytes but the label."""
    first, second = closed(bytes(100)), closed(bytes(100))
    assert first[:14] == second[:14]
    assert first[14:46] != second[14:46]
    assert first[46:] != second[46:]


def _segments(data: bytes) -> list[bytes]:
    body = data[HEADER:]
    return [body[at : at + SEALED_SEGMENT] for at in range(0, len(body), SEALED_SEGMENT)]


STORED = closed(bytes(range(256)) * (2 * SEGMENT_BYTES // 256) + b"the end")
HEAD, (FIRST, SECOND, LAST) = STORED[:HEADER], _segments(STORED)
FOREIGN = _segments(closed(bytes(range(256)) * (2 * SEGMENT_BYTES // 256) + b"the end"))
TAMPERED = {
    "nothing": b"",
    "header cut": HEAD[:-1],
    "no segment": HEAD,
    "another label": b"X" + STORED[1:],
    "salt altered": STORED[:20] + bytes((STORED[20] ^ 1,)) + STORED[21:],
    "bit flipped": STORED[:-1] + bytes((STORED[-1] ^ 1,)),
    "last byte cut": STORED[:-1],
    "last segment cut": HEAD + FIRST + SECOND,
    "first segment cut": HEAD + SECOND + LAST,
    "middle segment cut": HEAD + FIRST + LAST,
    "segments swapped": HEAD + SECOND + FIRST + LAST,
    "segment repeated": HEAD + FIRST + FIRST + SECOND + LAST,
    "lengthened": STORED + b"\x00",
    "another ending": STORED + LAST,
    "segment of another closing": HEAD + FIRST + FOREIGN[1] + LAST,
    "closed twice over": STORED + STORED,
}


@pytest.mark.parametrize("name", TAMPERED)
def test_altered_content_is_refused(name: str) -> None:
    """Content that was altered, cut, reordered, repeated, lengthened or mixed never opens to its end."""
    with pytest.raises(IntegrityError, match="encrypted content"):
        opened(TAMPERED[name])


def test_another_key_or_purpose_opens_nothing() -> None:
    """A wrong key and wrong associated bytes fail at the first segment, before a byte comes out."""
    for stream in (decrypt(OTHER, STORED, b"for"), decrypt(KEY, STORED, b"fo"), decrypt(KEY, STORED, b"")):
        with pytest.raises(IntegrityError):
            next(stream)


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33)])
def test_keys_have_32_bytes_and_stay_secret(key: bytes) -> None:
    """Anything else is refused at every door, by its length and never by its bytes."""
    reader = ReadingKey.from_bytes(KEY)
    for use in (
        lambda: list(encrypt(key, b"", b"")),
        lambda: opened(STORED, key),
        lambda: key_commitment(key),
        lambda: salts(key, 1),
        lambda: seal(key, reader.public, b""),
        lambda: ReadingKey.from_bytes(key),
    ):
        with pytest.raises(CredentialError, match=f"{len(key)} bytes"):
            use()


def test_new_keys_differ() -> None:
    """Two fresh keys are 32 bytes each and not the same."""
    assert len(new_key()) == 32
    assert new_key() != new_key()


def test_commitments_bind() -> None:
    """A commitment is the labelled hash; another key does not fit it."""
    assert key_commitment(KEY) == hashlib.sha256(b"sheaf content key" + KEY).digest()
    assert is_committed(KEY, key_commitment(KEY))
    assert not is_committed(OTHER, key_commitment(KEY))
    assert not is_committed(KEY, b"")


def test_salts_are_the_chacha20_stream() -> None:
    """RFC 8439's AEAD, which encrypts from block 1 on, gives the same stream; fewer salts are the beginning of more."""
    key = HKDF(hashes.SHA256(), 32, b"", b"sheaf salts").derive(KEY)
    stream = ChaCha20Poly1305(key).encrypt(bytes(12), bytes(16_000 - 64), None)[:-16]
    assert salts(KEY, 1000)[64:] == stream
    assert salts(KEY, 7) == salts(KEY, 1000)[: 7 * 16]
    assert salts(KEY, 0) == b""
    assert salts(OTHER, 7) != salts(KEY, 7)


def test_a_letter_opens_for_its_reader_only() -> None:
    """The reader gets the key; another reader, another context and every altered byte get IntegrityError."""
    reader, outsider = ReadingKey.from_bytes(KEY), ReadingKey.from_bytes(OTHER)
    letter = seal(OTHER, reader.public, b"submission 7")
    assert len(letter) == 80
    assert reader.open(letter, b"submission 7") == OTHER
    assert open_sealed(letter, KEY, b"submission 7") == OTHER
    wrong = [(outsider, letter, b"submission 7"), (reader, letter, b"submission 8"), (reader, letter, b"")]
    wrong += [
        (reader, letter[:-1], b"submission 7"),
        (reader, letter + b"\x00", b"submission 7"),
        (reader, b"", b""),
    ]
    for place in range(len(letter)):
        altered = letter[:place] + bytes((letter[place] ^ 1,)) + letter[place + 1 :]
        wrong.append((reader, altered, b"submission 7"))
    for who, what, context in wrong:
        with pytest.raises(IntegrityError, match=r"^sealed letter"):
            who.open(what, context)


def test_a_letter_from_a_point_of_low_order_is_refused() -> None:
    """A letter whose ephemeral key makes the shared secret zero is refused as altered."""
    with pytest.raises(IntegrityError, match=r"^sealed letter"):
        ReadingKey.from_bytes(KEY).open(bytes(80), b"")


@pytest.mark.parametrize("public", [b"", bytes(31), bytes(33), bytes(32), b"\x01" + bytes(31)])
def test_what_is_no_public_key_is_refused(public: bytes) -> None:
    """Wrong lengths, and the points of low order that would tell everyone the secret, are no readers."""
    with pytest.raises(InputError, match=r"^reader's public key"):
        seal(KEY, public, b"")


def test_a_reading_key_goes_through_its_keystore() -> None:
    """A key comes back from its secret, and shows only its public half."""
    key = ReadingKey.generate()
    assert ReadingKey.from_bytes(key.secret()).public == key.public
    assert key.public.hex() in repr(key)
    assert key.secret().hex() not in repr(key)


def test_segments_have_an_end() -> None:
    """The 2^32nd segment is the last that has a nonce."""
    assert _nonce(2**32 - 1, True) == bytes(7) + b"\xff\xff\xff\xff\x01"
    with pytest.raises(SheafError, match="over 1 PiB"):
        _nonce(2**32, False)


def test_closing_and_opening_need_little_memory() -> None:
    """64 MiB go in and out within 4 MiB of memory."""
    piece = bytes(1 << 20)
    tracemalloc.start()
    try:
        read = sum(map(len, decrypt(KEY, encrypt(KEY, (piece for _ in range(64)), b""), b"")))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == 64 << 20
    assert peak < 4 << 20
