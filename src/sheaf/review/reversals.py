"""Reversals: what members of a committee lose whose votes a jury reversed (twin of Reversals.vy, and the call upon it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sheaf.review.openings import WORD_BYTES, marks

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT = "Reversals"


class Ruled(NamedTuple):
    """Of 256 records: which were ruled upon, and of those which are rejected and which hang."""

    mask: int
    rejected: int
    hung: int


class Shown(NamedTuple):
    """The votes of a round as its tally was shown them; `carried` is what round 1 left, for round 2."""

    seats_mask: int
    accounts: tuple[str, ...]
    bitmaps: tuple[bytes, ...]
    carried: tuple[int, ...] = ()


def reversal(lock: int, wrong: int, total: int) -> int:
    """Return what of a lock is lost for `wrong` of `total` votes reversed: lock · min(1, 6 · max(0, θ - 6 %)), rounded down."""
    if 100 * wrong <= 6 * total:
        return 0
    return min(lock, lock * 6 * (100 * wrong - 6 * total) // (100 * total))


def losses(
    lock: int, votes: Sequence[bytes], asked: bytes, ruled: Mapping[int, Ruled], sample: int = 0
) -> list[int]:
    """Return what each member loses of its lock, given its vote, the records it was asked for, and what was ruled by word.

    `sample` is the word that was audited, plus one. A challenger chooses what it names, so what is not named counts as right;
    nobody chose the sample, so there the share is that of the sample. The larger loss holds.
    """
    return [_loss(lock, vote, asked, ruled, sample) for vote in votes]


def _loss(lock: int, vote: bytes, asked: bytes, ruled: Mapping[int, Ruled], sample: int) -> int:
    wrong, sampled = 0, (0, 0)
    for word, (mask, rejected, hung) in ruled.items():
        scope = mask & ~hung & word_of(asked, word)
        errors = ((word_of(vote, word) ^ rejected) & scope).bit_count()
        wrong += errors
        if sample == word + 1:
            sampled = errors, scope.bit_count()
    return max(reversal(lock, wrong, marks(asked)), reversal(lock, *sampled))


def word_of(bitmap: bytes, word: int) -> int:
    """Return one word of a bitmap."""
    return int.from_bytes(bitmap[WORD_BYTES * word : WORD_BYTES * (word + 1)], "big")


def slash(chain: Chain, signer: Signer, submission: int, number: int, shown: Shown) -> Receipt:
    """Show the votes of round `number` again, so that members whose votes were reversed lose stake. Anyone may, once per round."""
    bitmaps = b"".join(shown.bitmaps)
    return chain.send(
        signer, CONTRACT, "slash", submission, number, shown.seats_mask, list(shown.accounts), bitmaps,
        list(shown.carried),
    )  # fmt: skip
