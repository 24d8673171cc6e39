"""The stored form of a submission's records."""

from __future__ import annotations

import pytest

from sheaf.domain.errors import InputError, IntegrityError
from sheaf.store.batch import _associated, read_batch, write_batch
from sheaf.store.envelope import encrypt

KEY = bytes(range(32))
PARQUET = b"PAR1" + bytes(range(256)) * 3000 + b"PAR1"


def forged(plain: bytes, contributor: str) -> bytes:
    """Close `plain` as a contributor who ignores the format can."""
    return b"".join(encrypt(KEY, plain, _associated(7, contributor)))


def headed(header: bytes, rest: bytes = PARQUET) -> bytes:
    return len(header).to_bytes(4, "big") + header + rest


def test_a_batch_comes_back(contributor: str) -> None:
    """Header and Parquet come back, whole or streamed, empty or not."""
    for parquet in (PARQUET, b"", memoryview(PARQUET)):
        header, read = read_batch(KEY, write_batch(KEY, 7, contributor, parquet), 7, contributor)
        assert (header.request, header.contributor, header.format) == (7, contributor, "sheaf-batch-1")
        assert read == parquet
    streamed = write_batch(
        KEY, 7, contributor, (PARQUET[at : at + 999] for at in range(0, len(PARQUET), 999))
    )
    assert read_batch(KEY, b"".join(streamed), 7, contributor)[1] == PARQUET


def test_a_batch_belongs_to_one_request_and_contributor(contributor: str, outsider: str) -> None:
    """Named with another request, contributor or key it does not open."""
    stored = b"".join(write_batch(KEY, 7, contributor, PARQUET))
    for key, request, account in ((KEY, 8, contributor), (KEY, 7, outsider), (bytes(32), 7, contributor)):
        with pytest.raises(IntegrityError, match="encrypted content"):
            read_batch(key, stored, request, account)


def test_headers_that_lie_are_refused(contributor: str, outsider: str) -> None:
    """A header that is absent, cut, huge, foreign or names another is one line that says to refuse the submission."""
    own = f'{{"request":7,"contributor":"{contributor}","format":"sheaf-batch-1"}}'.encode()
    assert read_batch(KEY, forged(headed(own), contributor), 7, contributor)[1] == PARQUET
    lies = [
        b"",
        b"\x00\x00",
        bytes(4),
        b"\xff\xff\xff\xff" + own,
        headed(own)[:50],
        headed(b" " * 5000 + own),
        headed(b"\xff\xfe"),
        headed(b"[" * 4000),
        headed(own.replace(b'"request":7', b'"request":8')),
        headed(own.replace(b'"request":7', b'"request":"7"')),
        headed(own.replace(contributor.encode(), outsider.encode())),
        headed(own.replace(b"batch-1", b"batch-2")),
        headed(own.replace(b"}", b',"more":1}')),
    ]
    for plain in lies:
        with pytest.raises(IntegrityError, match=r"^batch: its header .*refuse the submission"):
            read_batch(KEY, forged(plain, contributor), 7, contributor)


def test_a_batch_beyond_the_limit_is_refused_early(contributor: str) -> None:
    """Reading stops as soon as more than the limit has come out."""
    taken = []
    pieces = (taken.append(1) or piece for piece in write_batch(KEY, 7, contributor, bytes(4 << 20)))
    with pytest.raises(IntegrityError, match="over 1048576 bytes"):
        read_batch(KEY, pieces, 7, contributor, limit_bytes=1 << 20)
    assert len(taken) < 10


@pytest.mark.parametrize("request_id", [-1, 2**63])
def test_request_numbers_have_bounds(request_id: int, contributor: str) -> None:
    """A number that no request has is refused before anything is written."""
    with pytest.raises(InputError, match=r"^request: "):
        write_batch(KEY, request_id, contributor, b"")


@pytest.mark.parametrize("account", ["", "0x", "0x12", "0x" + "g" * 40, "0x" + "0" * 42])
def test_addresses_have_twenty_bytes(account: str) -> None:
    """What is no address is refused before anything is written."""
    with pytest.raises(InputError, match=r"^contributor: "):
        write_batch(KEY, 7, account, b"")
