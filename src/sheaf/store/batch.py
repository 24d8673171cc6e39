"""The batch of a submission as it is stored: a header and Parquet bytes, closed under the submission's content key.

Inside the envelope: the header's length (4 bytes, big-endian) ‖ header (JSON) ‖ Parquet to the end. The envelope is
bound to request and contributor, so a batch copied into another's submission opens for nobody.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from sheaf.domain.errors import InputError, IntegrityError
from sheaf.domain.ids import Address
from sheaf.store.chunks import Bytes, pieces_of
from sheaf.store.envelope import decrypt, encrypt

HEADER_BYTES = 4096
LIMIT_BYTES = 2**30


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What a batch says of itself; a reader holds it against what the chain says."""

    request: int
    contributor: Address
    format: str = "sheaf-batch-1"


def write_batch(
    key: bytes, request: int, contributor: Address, parquet: Bytes | Iterable[Bytes]
) -> Iterator[bytes]:
    """Yield the stored form of `parquet` (whole or in pieces), in constant memory. Raises InputError, CredentialError."""
    header = msgspec.json.encode(Header(request=request, contributor=contributor))
    associated = _associated(request, contributor)

    def plain() -> Iterator[Bytes]:
        yield len(header).to_bytes(4, "big") + header
        yield from pieces_of(parquet)

    return encrypt(key, plain(), associated)


def read_batch(
    key: bytes,
    pieces: Bytes | Iterable[Bytes],
    request: int,
    contributor: Address,
    limit_bytes: int = LIMIT_BYTES,
) -> tuple[Header, bytes]:
    """Return the header and the Parquet bytes of the batch that `contributor` made for `request`.

    Raises IntegrityError if `pieces` are not such a batch under `key`, or hold more than `limit_bytes`.
    """
    plain = bytearray()
    for segment in decrypt(key, pieces, _associated(request, contributor)):
        plain += segment
        if len(plain) > limit_bytes:
            raise IntegrityError(f"batch: over {limit_bytes} bytes: raise the limit if you expect so much")
    end = 4 + int.from_bytes(plain[:4], "big")
    if len(plain) < end or not 4 < end <= HEADER_BYTES:
        raise IntegrityError("batch: its header is not whole: refuse the submission")
    expected = Header(request=request, contributor=contributor)
    try:
        header = msgspec.json.decode(plain[4:end], type=Header)
    except msgspec.MsgspecError:
        raise IntegrityError("batch: its header is no sheaf-batch-1 header: refuse the submission") from None
    if header != expected:
        raise IntegrityError("batch: its header names another request or contributor: refuse the submission")
    return header, bytes(memoryview(plain)[end:])


def _associated(request: int, contributor: Address) -> bytes:
    if not 0 <= request < 2**63:
        raise InputError("request", request, "give a request's number")
    try:
        account = bytes.fromhex(contributor.removeprefix("0x"))
    except ValueError:
        account = b""
    if len(account) != 20:
        raise InputError("contributor", contributor, "give an address: 0x and 40 hexadecimal digits")
    return b"sheaf batch 1" + request.to_bytes(32, "big") + account
