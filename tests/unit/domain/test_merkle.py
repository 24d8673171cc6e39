"""Merkle trees: leaves, roots and proofs as RFC 9162 has them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.domain.canonical import HASHES
from sheaf.domain.errors import InputError
from sheaf.domain.ids import Address, RequestId
from sheaf.domain.merkle import MerkleTree, inclusion_proof, leaf, leaves, merkle_root, node, verify_inclusion

GOLDEN = json.loads((Path(__file__).parents[2] / "golden" / "merkle_rfc9162.json").read_text())
CONTRIBUTOR = Address("0x00000000000000000000000000000000000000AB")


def hashes(count: int) -> bytes:
    return b"".join(hashlib.sha256(b"%d" % i).digest() for i in range(count))


def recursive_root(parts: list[bytes]) -> bytes:
    """The tree head by the definition of RFC 9162 §2.1.1: split at the largest power of two below n."""
    if len(parts) == 1:
        return parts[0]
    split = 1 << (len(parts) - 1).bit_length() - 1
    left, right = recursive_root(parts[:split]), recursive_root(parts[split:])
    return hashlib.sha256(b"\1" + left + right).digest()


def test_roots_equal_those_of_certificate_transparency() -> None:
    """The roots over the reference inputs of Certificate Transparency are the published ones."""
    parts = [hashlib.sha256(b"\0" + bytes.fromhex(text)).digest() for text in GOLDEN["inputs"]]
    assert [merkle_root(b"".join(parts[: n + 1])).hex() for n in range(8)] == GOLDEN["roots"]


@given(st.integers(1, 70))
@settings(max_examples=30, deadline=None)
def test_levels_give_the_recursive_definition(count: int) -> None:
    """Joining neighbours and raising an odd last node gives the root of RFC 9162's recursive definition."""
    data = hashes(count)
    assert (
        merkle_root(data)
        == MerkleTree(data).root
        == recursive_root([data[i : i + 32] for i in range(0, len(data), 32)])
    )


def test_large_trees_cross_batches() -> None:
    """A tree wider than one batch has the root of the recursive definition."""
    data = hashes(2 * HASHES + 3)
    assert merkle_root(data) == recursive_root([data[i : i + 32] for i in range(0, len(data), 32)])


@given(st.data(), st.integers(1, 40))
@settings(max_examples=60, deadline=None)
def test_proofs_verify_and_tampered_ones_do_not(data: st.DataObject, count: int) -> None:
    """A proof verifies for its leaf, place and count alone: any change to one of them, or to a byte of the proof, fails."""
    index = data.draw(st.integers(0, count - 1))
    values = hashes(count)
    root, mine, proof = (
        merkle_root(values),
        values[32 * index : 32 * index + 32],
        inclusion_proof(values, index),
    )
    assert verify_inclusion(root, mine, index, count, proof)
    assert not verify_inclusion(root, hashlib.sha256(mine).digest(), index, count, proof)
    assert not verify_inclusion(hashlib.sha256(root).digest(), mine, index, count, proof)
    assert not verify_inclusion(root, mine, index, count, [*proof, root])
    assert not verify_inclusion(root, mine, count, count, proof)
    assert not verify_inclusion(root, mine, -1, count, proof)
    if proof:
        assert not verify_inclusion(root, mine, index, count, proof[:-1])
        place = data.draw(st.integers(0, len(proof) - 1))
        broken = [*proof[:place], proof[place][:-1] + bytes([proof[place][-1] ^ 1]), *proof[place + 1 :]]
        assert not verify_inclusion(root, mine, index, count, broken)
        assert not verify_inclusion(root, mine, index, count, [part + b"x" for part in proof])
        other = data.draw(st.integers(0, count - 1).filter(lambda i: i != index))
        assert not verify_inclusion(root, mine, other, count, proof)


def test_a_node_cannot_pass_for_a_leaf() -> None:
    """Leaves and nodes are hashed under different first bytes, so an inner node of the tree is no record's leaf."""
    digest, salt = bytes(32), bytes(16)
    made = leaf(RequestId(1), CONTRIBUTOR, 0, salt, digest)
    raw = (1).to_bytes(32, "big") + bytes(19) + b"\xab" + bytes(8) + salt + digest
    assert made == hashlib.sha256(b"\0" + raw).digest()
    assert node(made, made) == hashlib.sha256(b"\1" + made + made).digest()


def test_leaves_are_bound_to_all_they_name() -> None:
    """Another request, contributor, index, salt or digest gives another leaf."""
    base = leaf(RequestId(1), CONTRIBUTOR, 0, bytes(16), bytes(32))
    others = [
        leaf(RequestId(2), CONTRIBUTOR, 0, bytes(16), bytes(32)),
        leaf(RequestId(1), Address("0x" + "1" * 40), 0, bytes(16), bytes(32)),
        leaf(RequestId(1), CONTRIBUTOR, 1, bytes(16), bytes(32)),
        leaf(RequestId(1), CONTRIBUTOR, 0, b"\1" * 16, bytes(32)),
        leaf(RequestId(1), CONTRIBUTOR, 0, bytes(16), b"\1" * 32),
    ]
    assert len({base, *others}) == 6


def test_many_leaves_equal_each_alone() -> None:
    """Leaves made together, across batches and from any first index, equal those made one by one."""
    count = HASHES + 2
    digests, salts = hashes(count), hashes(count)[: 16 * count]
    together = leaves(RequestId(7), CONTRIBUTOR, salts, digests, first=5)
    for i in (0, 1, HASHES - 1, HASHES, HASHES + 1):
        alone = leaf(
            RequestId(7), CONTRIBUTOR, 5 + i, salts[16 * i : 16 * i + 16], digests[32 * i : 32 * i + 32]
        )
        assert together[32 * i : 32 * i + 32] == alone
    assert leaves(RequestId(7), CONTRIBUTOR, b"", b"") == b""


@pytest.mark.parametrize(
    ("salts", "digests", "contributor"),
    [(bytes(15), bytes(32), CONTRIBUTOR), (bytes(16), bytes(33), CONTRIBUTOR), (bytes(32), bytes(32), CONTRIBUTOR),
     (bytes(16), bytes(32), Address("0x12")), (bytes(16), bytes(32), Address("zz" * 21)),
     (bytes(16), bytes(32), Address("0xx" + "1" * 39))],
)  # fmt: skip
def test_malformed_leaves_are_refused(salts: bytes, digests: bytes, contributor: Address) -> None:
    """Salts that do not match the digests and malformed addresses are refused."""
    with pytest.raises(InputError):
        leaves(RequestId(1), contributor, salts, digests)


def test_empty_and_ragged_trees_are_refused() -> None:
    """A tree needs at least one whole leaf, and a proof a leaf that is there."""
    for broken in (b"", bytes(31), bytes(33)):
        with pytest.raises(InputError):
            merkle_root(broken)
        with pytest.raises(InputError):
            MerkleTree(broken)
    for index in (-1, 1):
        with pytest.raises(InputError):
            inclusion_proof(bytes(32), index)
