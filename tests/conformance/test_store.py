"""What every Store promises; all implementations run the same claims."""

from __future__ import annotations

import json
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.errors import InputError, IntegrityError, Missing
from sheaf.domain.ids import Cid
from sheaf.domain.ports import Store
from sheaf.store import cid as cids
from sheaf.store.chunks import CHUNK_BYTES
from sheaf.store.local import LocalStore
from sheaf.store.memory import MemoryStore

GOLDEN = json.loads((Path(__file__).parents[1] / "golden" / "cids.json").read_text())["vectors"]
VECTORS = [
    vector
    for vector in GOLDEN
    if vector["chunk_bytes"] == CHUNK_BYTES
    and (vector["size"] < 4 * CHUNK_BYTES or vector["size"] == 174 * CHUNK_BYTES + 1)
]
UNIT = bytes(range(251)) * 4176
ABSENT = cids.cid_of(b"never put")
SIZES = [0, 1, CHUNK_BYTES - 1, CHUNK_BYTES, CHUNK_BYTES + 1, 3 * CHUNK_BYTES + 5]


class Kind(NamedTuple):
    """An implementation under test: how to open it, and how to alter one kept byte behind its back."""

    open: Callable[[Path], Store]
    damage: Callable[[Store, Cid, int], None]


def _damage_memory(store: Store, cid: Cid, place: int) -> None:
    assert isinstance(store, MemoryStore)
    whole, digests = store._contents[cid]
    store._contents[cid] = (_flipped(whole, place), digests)


def _damage_local(store: Store, cid: Cid, place: int) -> None:
    assert isinstance(store, LocalStore)
    path = store._contents / cid
    damaged = _flipped(path.read_bytes(), place)
    path.unlink()
    path.write_bytes(damaged)


def _flipped(data: bytes, place: int) -> bytes:
    return data[:place] + bytes((data[place] ^ 1,)) + data[place + 1 :]


KINDS = {
    "memory": Kind(lambda _: MemoryStore(), _damage_memory),
    "local": Kind(LocalStore, _damage_local),
}


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture
def store(kind: Kind, tmp_path: Path) -> Store:
    return kind.open(tmp_path)


def content(size: int) -> bytes:
    return (UNIT * (size // len(UNIT) + 1))[:size]


def pieces(size: int) -> Iterator[bytes]:
    for at in range(0, size, len(UNIT)):
        yield UNIT[: min(len(UNIT), size - at)]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda vector: vector["size"])
def test_cid_is_that_of_ipfs(store: Store, vector: dict[str, int]) -> None:
    """A put returns the CID that the reference importer of IPFS gives to the same bytes."""
    assert store.put(pieces(vector["size"])) == vector["cid"]


@pytest.mark.parametrize("size", SIZES)
def test_what_was_put_comes_back(store: Store, size: int) -> None:
    """Content put whole is got whole, streamed in order, has its size and is there."""
    cid = store.put(content(size))
    assert store.has(cid)
    assert store.get(cid) == content(size)
    assert b"".join(store.stream(cid)) == content(size)
    assert store.size(cid) == size


@given(cuts=st.lists(st.integers(0, 2 * CHUNK_BYTES + 7), max_size=12))
def test_pieces_do_not_matter(cuts: list[int]) -> None:
    """However content is cut into pieces, empty ones among them, its CID is the same."""
    whole = content(2 * CHUNK_BYTES + 7)
    edges = [0, *sorted(cuts), len(whole)]
    store = MemoryStore()
    assert store.put(whole[a:b] for a, b in pairwise(edges)) == store.put(whole)


def test_any_buffer_is_taken(store: Store) -> None:
    """Bytes, bytearrays, views and no pieces at all are content."""
    assert store.put(bytearray(b"leaf")) == store.put(memoryview(b"leaf")) == store.put(b"leaf")
    assert store.put(iter(())) == store.put(b"")


def test_same_content_is_kept_once(store: Store) -> None:
    """Putting again changes nothing: one deletion removes it."""
    first, second = store.put(content(CHUNK_BYTES * 2)), store.put(content(CHUNK_BYTES * 2))
    store.delete(first)
    assert first == second
    assert not store.has(first)


def test_absent_content_is_missing(store: Store) -> None:
    """Asking for content that is not there raises Missing naming the CID; deleting it is no error."""
    assert not store.has(ABSENT)
    for ask in (store.get, store.size, lambda cid: list(store.stream(cid))):
        with pytest.raises(Missing, match=ABSENT):
            ask(ABSENT)
    store.delete(ABSENT)


def test_delete_takes_only_what_it_names(store: Store) -> None:
    """Content that shares blocks with deleted content stays whole, also where one is a block of the other."""
    block = content(CHUNK_BYTES)
    short, long, longer = store.put(block), store.put(block + b"a"), store.put(block + b"b")
    store.delete(long)
    assert not store.has(long)
    assert store.get(short) == block
    assert store.get(longer) == block + b"b"


@pytest.mark.parametrize(
    ("size", "place", "block"), [(9, 3, "1 of 1"), (3 * CHUNK_BYTES, CHUNK_BYTES + 1, "2 of 3")]
)
def test_damage_is_named_and_healed(kind: Kind, store: Store, size: int, place: int, block: str) -> None:
    """A flipped bit raises IntegrityError with CID and block, after the good blocks before it; a new put heals it."""
    cid = store.put(content(size))
    kind.damage(store, cid, place)
    with pytest.raises(IntegrityError, match=f"{cid}: block {block}"):
        store.get(cid)
    stream, good = store.stream(cid), b""
    with pytest.raises(IntegrityError):
        while True:
            good += next(stream)
    assert good == content(size)[: place // CHUNK_BYTES * CHUNK_BYTES]
    store.put(content(size))
    assert store.get(cid) == content(size)


@pytest.mark.parametrize(
    "name",
    ["", "../../etc/passwd", "bafk", ABSENT.upper(), ABSENT + "/..", ABSENT[:-1] + "1", "b" + "a" * 58, 7],
)
def test_what_is_no_cid_is_refused(store: Store, name: str) -> None:
    """A name that is not a CID in its one spelling is refused before it touches anything."""
    for ask in (store.get, store.size, store.has, store.delete, lambda cid: list(store.stream(cid))):
        with pytest.raises(InputError, match="CIDv1"):
            ask(Cid(name))


def test_a_source_that_fails_leaves_nothing(store: Store, tmp_path: Path) -> None:
    """When the pieces end in an error, the error comes out as it is and nothing is kept."""

    def broken() -> Iterator[bytes]:
        yield content(CHUNK_BYTES)
        raise KeyError("source")

    with pytest.raises(KeyError, match="source"):
        store.put(broken())
    assert not store.has(cids.cid_of(content(CHUNK_BYTES)))
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_threads_put_the_same_content(store: Store) -> None:
    """Eight threads that put and read the same content at once all get it whole."""
    whole, seen = content(CHUNK_BYTES + 9), []
    start = threading.Barrier(8)

    def work() -> None:
        start.wait()
        seen.append(store.get(store.put(whole)) == whole)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen == [True] * 8


def test_a_local_put_and_stream_need_little_memory(tmp_path: Path) -> None:
    """On disk, 32 MiB go in and out within 4 MiB of memory."""
    store = LocalStore(tmp_path)
    tracemalloc.start()
    try:
        cid = store.put(pieces(32 << 20))
        read = sum(len(piece) for piece in store.stream(cid))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert read == 32 << 20
    assert peak < 4 << 20
