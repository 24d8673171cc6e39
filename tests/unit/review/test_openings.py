"""The pure part of Reviews: commitments, chains, signatures, and counts with known answers."""

from __future__ import annotations

import pytest
from eth_account import Account

from sheaf.domain.errors import Refused
from sheaf.review import openings, reviews
from sheaf.review.reviews import Panel, ReviewsTwin, Times

MEMBERS = tuple(Account.from_key(bytes([i]) * 32).address for i in range(1, 12))


def test_typed_data_is_what_the_contract_hashes() -> None:
    """The document that wallets show and the hash that the contract makes are the same, and the signer is found again."""
    key = Account.from_key(b"\1" * 32)
    place = (31_337, MEMBERS[3], 7, 4, b"\5" * 32)
    signature = bytes(key.sign_typed_data(*openings.typed_data(*place)).signature)
    assert openings.recover(openings.typed_hash(*place), signature) == key.address
    assert openings.recover(openings.typed_hash(*place), signature[:-1] + b"\0") == ""


def test_orders_are_kept_in_a_number() -> None:
    """The order of seats is 0; any other has eight bits a seat."""
    assert openings.order_of([5, 6, 8], 5) == 0
    assert openings.order_of([8, 5, 6], 5) == 0x010003
    assert openings.order_of([3], 0) == 0


def test_bitmaps_are_big_endian_words() -> None:
    """Record 256·w + i is bit i of word w."""
    bitmap = openings.pack([i in (0, 255, 256) for i in range(300)])
    assert bitmap == (2**255 + 1).to_bytes(32, "big") + (1).to_bytes(32, "big")
    assert openings.marks(bitmap) == 3
    assert openings.is_marked(bitmap, 255)
    assert not openings.is_marked(bitmap, 257)


def test_counts_with_known_answers() -> None:
    """Four of five decide; what they leave, a majority of those who opened; a tie is left."""
    votes = [openings.pack([seat < n for n in range(6)]) for seat in range(5)]
    first = openings.count_first(votes, 4, 6)
    assert first.rejections == (0, 1, 2, 3, 4, 5)
    assert (first.rejected, first.hung) == (
        openings.pack([0, 0, 0, 0, 1, 1]),
        openings.pack([0, 0, 1, 1, 0, 0]),
    )
    more = [openings.pack([True] * 6)] * 3
    second = openings.count_second(first, more, 8, 4, 6)
    assert second.rejected == openings.pack([0, 0, 1, 1, 1, 1])
    tied = openings.count_second(first, more[:1], 6, 4, 6)
    assert openings.is_marked(tied.hung, 2)


def test_the_twin_refuses_in_the_contracts_words() -> None:
    """A few doors of the twin; all of them are held to the contract by the state machine."""
    twin = ReviewsTwin(Times(10, 10, 10, 100))
    with pytest.raises(Refused, match="reviews: no committee"):
        twin.commit(1, 0, bytes(32), MEMBERS[0])
    twin.seat(1, 3, Panel(5, 5, 4, 100, 200, MEMBERS[:5]))
    with pytest.raises(Refused, match="reviews: not this seat's validator"):
        twin.commit(1, 0, bytes(32), MEMBERS[1])
    with pytest.raises(Refused, match="reviews: not decided"):
        twin.close(1)
    with pytest.raises(Refused, match="reviews: not hung"):
        twin.finalise(1)
    assert twin.review(9) == reviews.Review()
