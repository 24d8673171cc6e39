"""Openings: how a vote is committed, sealed, signed and counted; the pure part of Reviews.vy's rules.

A *bitmap* has one bit per record, a set bit means rejected: big-endian words of 256 bits, record 256·w + i at bit i of word w.
A *commitment* binds bitmap, salt, submission, account and round; a *seal* ties a commitment to the account that made it; the
*chain* of a round's seals, in the order in which they came, is what the contract keeps.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

ROUND_SEATS = 12
WORD_BYTES = 32
WORD_BITS = 256
NO_SEAL = bytes(32)

_DOMAIN = keccak(b"EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)")
_REVIEW = keccak(b"Review(uint256 submission,uint256 seat,bytes32 commitment)")


class Opening(NamedTuple):
    """What a member shows after all have committed: its seat and account, 32 bytes of salt, and its bitmap."""

    seat: int
    account: str
    salt: bytes
    bitmap: bytes


class Count(NamedTuple):
    """A verdict: rejected and hung records as bitmaps, and for each record how many of those who opened rejected it."""

    rejected: bytes
    hung: bytes
    rejections: tuple[int, ...]


def bitmap_bytes(records: int) -> int:
    """Return the length of a bitmap of `records` records."""
    return WORD_BYTES * words_of(records)


def words_of(records: int) -> int:
    """Return how many words a bitmap of `records` records has."""
    return -(-records // WORD_BITS)


def commitment(bitmap: bytes, salt: bytes, submission: int, account: str, number: int) -> bytes:
    """Return the commitment of `account` to `bitmap` in round `number` of `submission`."""
    types = ["bytes32", "bytes32", "uint256", "address", "uint256"]
    return keccak(encode(types, [keccak(bitmap), salt, submission, account, number]))


def seal(committed: bytes, account: str) -> bytes:
    """Return keccak256(commitment, account)."""
    return keccak(encode(["bytes32", "address"], [committed, account]))


def seals(commitments: Mapping[int, bytes], members: Sequence[str], first: int) -> tuple[bytes, ...]:
    """Return the seals of a round's seats in order, zero where none is known: the round begins at seat `first`."""
    return tuple(
        seal(commitments[first + i], account) if first + i in commitments else NO_SEAL
        for i, account in enumerate(members)
    )


def chained(before: bytes, seat: int, one: bytes) -> bytes:
    """Return the chain after the seal `one` of `seat`; `before` is zero for the first of a round."""
    return keccak(before + seat.to_bytes(32, "big") + one)


def chain_of(seats: Iterable[int], first: int, sealed: Sequence[bytes]) -> bytes:
    """Return the chain of a round that begins at seat `first`: its seats in the order of committing, the seals in that of seats."""
    link = NO_SEAL
    for seat in seats:
        link = chained(link, seat, sealed[seat - first])
    return link


def order_of(seats: Sequence[int], first: int) -> int:
    """Return the order of committing as the contract takes it: 8 bits a seat from the lowest bit, 0 for the order of seats."""
    if list(seats) == sorted(seats):
        return 0
    return sum((seat - first) << 8 * i for i, seat in enumerate(seats))


def typed_hash(chain_id: int, contract: str, submission: int, seat: int, committed: bytes) -> bytes:
    """Return the hash that a validator signs to commit jointly (EIP-712, domain "Sheaf Reviews" version "1")."""
    domain = keccak(
        encode(
            ["bytes32", "bytes32", "bytes32", "uint256", "address"],
            [_DOMAIN, keccak(b"Sheaf Reviews"), keccak(b"1"), chain_id, contract],
        )
    )
    message = keccak(
        encode(["bytes32", "uint256", "uint256", "bytes32"], [_REVIEW, submission, seat, committed])
    )
    return keccak(b"\x19\x01" + domain + message)


def typed_data(
    chain_id: int, contract: str, submission: int, seat: int, committed: bytes
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    """Return the same as wallets take it: domain, types, message (EIP-712)."""
    fields = (("submission", "uint256"), ("seat", "uint256"), ("commitment", "bytes32"))
    return (
        {"name": "Sheaf Reviews", "version": "1", "chainId": chain_id, "verifyingContract": contract},
        {"Review": [{"name": name, "type": kind} for name, kind in fields]},
        {"submission": submission, "seat": seat, "commitment": committed},
    )


def recover(hashed: bytes, signature: bytes) -> str:
    """Return the account whose signature (r ‖ s ‖ v, v = 27 or 28) this is, or "" if it is malformed."""
    from eth_keys.datatypes import Signature
    from eth_keys.exceptions import BadSignature
    from eth_utils.exceptions import ValidationError

    if len(signature) != 65 or signature[64] not in (27, 28):
        return ""
    try:
        signed = Signature(signature[:64] + bytes([signature[64] - 27]))
        return signed.recover_public_key_from_msg_hash(hashed).to_checksum_address()
    except (BadSignature, ValidationError):
        return ""


def shown(mask: int, accounts: Sequence[str], bitmaps: Sequence[bytes]) -> bytes:
    """Return the hash that a tally leaves of what it was shown: the seats of `mask`, their accounts and bitmaps, in seat order."""
    hashes = [keccak(bitmap) for bitmap in bitmaps]
    return keccak(encode(["uint256", "address[]", "bytes32[]"], [mask, list(accounts), hashes]))


def pack(marked: Sequence[bool]) -> bytes:
    """Return the bitmap in which the marked records are set."""
    words = [0] * words_of(len(marked))
    for record, is_set in enumerate(marked):
        if is_set:
            words[record // WORD_BITS] |= 1 << record % WORD_BITS
    return b"".join(word.to_bytes(WORD_BYTES, "big") for word in words)


def is_marked(bitmap: bytes, record: int) -> bool:
    """Tell whether `record` is set in `bitmap`."""
    start = record // WORD_BITS * WORD_BYTES
    return bool(int.from_bytes(bitmap[start : start + WORD_BYTES], "big") >> record % WORD_BITS & 1)


def with_convictions(rejected: bytes, hung: bytes, convicted: Iterable[int]) -> tuple[bytes, bytes]:
    """Return both bitmaps with the `convicted` records rejected."""
    mask = bytearray(len(rejected))
    for record in convicted:
        word, bit = divmod(record, WORD_BITS)
        mask[WORD_BYTES * (word + 1) - 1 - bit // 8] |= 1 << bit % 8
    whole = int.from_bytes(mask, "big")
    found = int.from_bytes(rejected, "big") | whole, int.from_bytes(hung, "big") & ~whole
    return found[0].to_bytes(len(rejected), "big"), found[1].to_bytes(len(hung), "big")


def marks(bitmap: bytes) -> int:
    """Return how many bits of `bitmap` are set."""
    return int.from_bytes(bitmap, "big").bit_count()


def carried_words(count: Count, records: int) -> tuple[int, ...]:
    """Return what round 1 leaves to round 2: per word the rejected, the hung, and the four lowest bits of the counts."""
    planes = [pack([rejections >> bit & 1 == 1 for rejections in count.rejections]) for bit in range(4)]
    columns = [_words(part) for part in (count.rejected, count.hung, *planes)]
    return tuple(column[w] for w in range(words_of(records)) for column in columns)


def count_first(bitmaps: Sequence[bytes], quorum: int, records: int) -> Count:
    """Count round 1: rejected from `quorum` rejections up, approved from `quorum` approvals up, else hung."""
    rejections = [sum(is_marked(bitmap, record) for bitmap in bitmaps) for record in range(records)]
    rejected = [n >= quorum for n in rejections]
    hung = [n < quorum and len(bitmaps) - n < quorum for n in rejections]
    return Count(pack(rejected), pack(hung), tuple(rejections))


def count_second(first: Count, bitmaps: Sequence[bytes], opened: int, quorum: int, records: int) -> Count:
    """Count round 2: what was hung is decided by the majority of all `opened` seats of both rounds, but by `quorum` at least."""
    needed = max(quorum, opened // 2 + 1)
    rejections = list(first.rejections)
    rejected, hung = [], []
    for record in range(records):
        rejections[record] += sum(is_marked(bitmap, record) for bitmap in bitmaps)
        is_open = is_marked(first.hung, record)
        n = rejections[record]
        rejected.append(is_marked(first.rejected, record) or (is_open and n >= needed))
        hung.append(is_open and n < needed and opened - n < needed)
    return Count(pack(rejected), pack(hung), tuple(rejections))


def _words(bitmap: bytes) -> list[int]:
    return [int.from_bytes(bitmap[i : i + WORD_BYTES], "big") for i in range(0, len(bitmap), WORD_BYTES)]
