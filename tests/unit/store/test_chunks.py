"""The layout of IPFS, against its reference importer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sheaf.domain.errors import IntegrityError
from sheaf.domain.ids import Cid
from sheaf.store.chunks import checked, root_of, split

VECTORS = json.loads((Path(__file__).parents[2] / "golden" / "cids.json").read_text())["vectors"]
UNIT = bytes(range(251)) * 4000


def pieces(size: int) -> Iterator[bytes]:
    for at in range(0, size, len(UNIT)):
        yield UNIT[: min(len(UNIT), size - at)]


@pytest.mark.parametrize("vector", VECTORS, ids=lambda v: f"{v['size']}-by-{v['chunk_bytes']}-{v['links']}")
def test_roots_are_those_of_the_reference_importer(vector: dict[str, Any]) -> None:
    """Trees of up to seven levels, at and around every edge of chunk and node, have the importer's CID."""
    assert root_of(pieces(vector["size"]), vector["chunk_bytes"], vector["links"]) == vector["cid"]


def test_split_gives_full_chunks_whatever_the_pieces() -> None:
    """Every chunk but the last is full; only empty content has an empty chunk."""
    assert [bytes(chunk) for chunk in split([b"ab", b"", b"cdefg", b"h"], 3)] == [b"abc", b"def", b"gh"]
    assert [bytes(chunk) for chunk in split([b"abc", b"def"], 3)] == [b"abc", b"def"]
    assert [bytes(chunk) for chunk in split([b"", b""], 3)] == [b""]


def test_a_chunk_that_differs_is_named() -> None:
    """The number of the block and the CID are in the error."""
    with pytest.raises(IntegrityError, match="content cid-here: block 1 of 1 does not match"):
        list(checked(Cid("cid-here"), [bytes(32)], [b"other"]))
