"""How much gold a batch gets, and what a letter about gold is bound to."""

from __future__ import annotations

from fractions import Fraction

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from sheaf.actions.gold import slips
from sheaf.actions.gold.stock import gold_count
from sheaf.review.scores import GOLD_LIMIT


@given(st.integers(1, 16_384), st.integers(1, 5_000), st.integers(-5, 16_384))
def test_gold_is_the_least_that_reaches_its_share(own: int, share_bps: int, room: int) -> None:
    """So many records that at least the share of the batch is gold, and no more: unless the contract or the batch has no room."""
    count, share = gold_count(own, share_bps, room), Fraction(share_bps, 10_000)
    limit = max(0, min(GOLD_LIMIT, room))
    assert 0 <= count <= limit
    if count < limit:
        assert Fraction(count, own + count) >= share
    if count:
        assert Fraction(count - 1, own + count - 1) < share


def test_counts_that_the_documentation_names() -> None:
    """The worked example's fifty records get nine at the default share, twenty get four, one gets one."""
    assert [gold_count(own, 1500) for own in (50, 20, 1, 16_000)] == [9, 4, 1, 256]


def test_a_letter_is_its_fields_and_its_kind() -> None:
    """Every field but the signature moves the digest, and two kinds of letters never share one."""
    answer = slips.MixedLetter(b"a")
    others = [
        msgspec.structs.replace(answer, **{name: value})
        for name, value in (
            ("why", "no"), ("cid", "b"), ("root", b"r"), ("key_commitment", b"k"), ("commitment", b"c"),
            ("records", 1), ("valid_until", 1), ("vouch", b"v"), ("asked", b"b"),
        )
    ]  # fmt: skip
    digests = {slips.digest_of(one) for one in (answer, *others, slips.VouchLetter(b""))}
    assert len(digests) == len(others) + 2
    assert slips.digest_of(msgspec.structs.replace(answer, signature=b"s")) == slips.digest_of(answer)


def test_what_is_wanted_is_the_same_however_the_key_was_sealed() -> None:
    """Sealing, which is random, changes a letter but not what it asks for; all else does."""
    letter = slips.AskingLetter(b"a" * 20, "cid", 5, b"sealed", b"nonce")
    again = msgspec.structs.replace(letter, sealed=b"otherwise")
    assert slips.digest_of(again) != slips.digest_of(letter)
    assert slips.wanted_of(again) == slips.wanted_of(letter)
    for name, value in (("contributor", b"b" * 20), ("cid", "dic"), ("records", 6), ("nonce", b"n")):
        changed = msgspec.structs.replace(letter, **{name: value})
        assert slips.wanted_of(changed) != slips.wanted_of(letter)
