"""UnixFS as `ipfs add --cid-version=1` lays it out: raw leaves of 256 KiB under a balanced tree of dag-pb nodes.

Trees are only ever built from their leaves, none is ever parsed: so nothing that a stranger wrote can lie about
links, depth or sizes, and a CID stands for exactly one row of bytes or for nothing known here.
Sources: https://specs.ipfs.tech/unixfs, https://ipld.io/specs/codecs/dag-pb/spec.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from sheaf.domain.errors import IntegrityError
from sheaf.domain.ids import Cid
from sheaf.store import cid as cids

CHUNK_BYTES = 256 * 1024
LINKS = 174
DIGEST_BYTES = 32
Bytes = bytes | bytearray | memoryview


class _Node(NamedTuple):
    """A subtree: its root's codec and digest, the content bytes below it, and the bytes of all its blocks."""

    codec: int
    digest: bytes
    content_bytes: int
    total_bytes: int


def pieces_of(data: Bytes | Iterable[Bytes]) -> Iterable[Bytes]:
    """Return `data` as pieces, whether it came whole or in pieces."""
    return (data,) if isinstance(data, (bytes, bytearray, memoryview)) else data


def split(data: Bytes | Iterable[Bytes], chunk_bytes: int = CHUNK_BYTES) -> Iterator[Bytes]:
    """Yield `data` in chunks of exactly `chunk_bytes` (the last may be shorter, empty only for empty content).

    Whole chunks inside a piece are views, not copies: a piece given must not be altered while chunks are in use.
    """
    waiting = bytearray()
    is_empty = True
    for piece in pieces_of(data):
        view = memoryview(piece).cast("B")
        start = 0
        if waiting:
            start = min(chunk_bytes - len(waiting), len(view))
            waiting += view[:start]
            if len(waiting) < chunk_bytes:
                continue
            yield waiting
            waiting = bytearray()
        whole = start + (len(view) - start) // chunk_bytes * chunk_bytes
        for at in range(start, whole, chunk_bytes):
            yield view[at : at + chunk_bytes]
        waiting += view[whole:]
        is_empty = is_empty and not len(view)
    if waiting or is_empty:
        yield waiting


def root(
    digests: Sequence[bytes], content_bytes: int, chunk_bytes: int = CHUNK_BYTES, links: int = LINKS
) -> Cid:
    """Return the CID of content from the sha2-256 of its chunks.

    `digests` are those of the chunks in order, all of `chunk_bytes` but the last; `content_bytes` is their sum.
    """
    last_bytes = content_bytes - (len(digests) - 1) * chunk_bytes
    sizes = [chunk_bytes] * (len(digests) - 1) + [last_bytes]
    level = [_Node(cids.RAW, digest, size, size) for digest, size in zip(digests, sizes, strict=True)]
    while len(level) > 1:
        level = [_parent(level[at : at + links]) for at in range(0, len(level), links)]
    return cids.from_digest(level[0].digest, level[0].codec)


def root_of(data: Bytes | Iterable[Bytes], chunk_bytes: int = CHUNK_BYTES, links: int = LINKS) -> Cid:
    """Return the CID of `data` without keeping it."""
    digests, total = [], 0
    for chunk in split(data, chunk_bytes):
        digests.append(hashlib.sha256(chunk).digest())
        total += len(chunk)
    return root(digests, total, chunk_bytes, links)


def checked(cid: Cid, digests: Sequence[bytes], chunks: Iterable[Bytes]) -> Iterator[Bytes]:
    """Yield `chunks` of `cid`, each once it matches its digest. Raises IntegrityError naming the CID and the block."""
    for number, (digest, chunk) in enumerate(zip(digests, chunks, strict=True), 1):
        if hashlib.sha256(chunk).digest() != digest:
            raise IntegrityError(
                f"content {cid}: block {number} of {len(digests)} does not match its hash: put the content again"
            )
        yield chunk


def _parent(children: Sequence[_Node]) -> _Node:
    """Join up to LINKS subtrees under one dag-pb node with a UnixFS file header."""
    content = sum(child.content_bytes for child in children)
    header = b"\x08\x02\x18" + _varint(content)
    header += b"".join(b"\x20" + _varint(child.content_bytes) for child in children)
    block = b"".join(_field(0x12, _link(child)) for child in children) + _field(0x0A, header)
    below = sum(child.total_bytes for child in children)
    return _Node(cids.DAG_PB, hashlib.sha256(block).digest(), content, below + len(block))


def _link(child: _Node) -> bytes:
    target = bytes((1, child.codec, 0x12, DIGEST_BYTES)) + child.digest
    return _field(0x0A, target) + _field(0x12, b"") + b"\x18" + _varint(child.total_bytes)


def _field(tag: int, body: bytes) -> bytes:
    return bytes((tag,)) + _varint(len(body)) + body


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
