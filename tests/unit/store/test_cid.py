"""CIDs: one content, one spelling."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import InputError
from sheaf.store import cid as cids

EMPTY = "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"


def test_the_empty_block_has_its_known_cid() -> None:
    """IPFS's CID of no bytes, and what it says."""
    assert cids.cid_of(b"") == EMPTY
    assert cids.parse(EMPTY) == (cids.RAW, hashlib.sha256(b"").digest())


@given(digest=st.binary(min_size=32, max_size=32), codec=st.sampled_from(cids.CODECS))
def test_text_and_binary_go_back_and_forth(digest: bytes, codec: int) -> None:
    """Digest → text → binary → text loses nothing."""
    text = cids.from_digest(digest, codec)
    assert cids.parse(text) == (codec, digest)
    assert len(cids.binary(text)) == 36
    assert cids.from_binary(cids.binary(text)) == text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        bytes(36),
        cids.binary(EMPTY)[:-1],
        cids.binary(EMPTY) + b"\x00",
        b"\x01\x71" + cids.binary(EMPTY)[2:],
        b"\x00" + cids.binary(EMPTY)[1:],
        b"\x01\x55\x13\x20" + bytes(32),
    ],
)
def test_foreign_binary_forms_are_refused(data: bytes) -> None:
    """Other lengths, versions, codecs and hash functions are no CIDs of this market."""
    with pytest.raises(InputError, match=r"^cid: .*36 bytes"):
        cids.from_binary(data)


@pytest.mark.parametrize(
    "text",
    [
        "QmYwAPJzv5CZsnA625s3Xf2nemtYgPpHdWEz79ojWKbKtY",
        EMPTY.upper(),
        "z" + EMPTY[1:],
        EMPTY[:-1],
        EMPTY + "=",
        EMPTY[:-1] + "v",
        EMPTY.replace("i", "ı", 1),
        EMPTY[:-1] + "é",
        EMPTY[:-1] + "8",
        "bafyaaaaa" + EMPTY[9:],
        None,
        b"bytes",
    ],
)
def test_other_spellings_are_refused(text: str) -> None:
    """Upper case, other bases, padding, spare bits, look-alikes and other versions raise one line with the fix."""
    with pytest.raises(InputError, match=r"^cid: .*59 characters"):
        cids.parse(text)
