"""Reversals: what members of a committee lose whose votes a jury reversed (twin of Reversals.vy, and the call upon it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from sheaf.review.openings import WORD_BYTES, marks

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT = "Reversals"

JOINT = 8
"""Evidence of errors with others that is beyond chance."""
ALONE = 48
"""Evidence of errors alone that is beyond chance."""


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


class Evidence(NamedTuple):
    """What is held against a validator: errors with others, errors alone, and what it loses when either is beyond chance."""

    joint: int = 0
    alone: int = 0
    due: int = 0


class Errors(NamedTuple):
    """What was found of one member among `total` records: `wrong` votes, `joint` of them where at least half of the others erred too,
    and `against` right votes where they did.
    """

    wrong: int = 0
    joint: int = 0
    against: int = 0
    total: int = 0

    @property
    def is_proven(self) -> bool:
        """Whether these alone are beyond chance."""
        return self.joint - 2 * self.against >= JOINT or 6 * self.wrong - self.total >= ALONE


def reversal(lock: int, wrong: int, total: int) -> int:
    """Return what of a lock is at stake for `wrong` of `total` votes reversed: lock · min(1, 6 · max(0, θ - 6 %)), rounded down.

    It is taken only where so many are beyond chance: of members as `weigh` says, of jurors as `juries.is_beyond_chance`.
    """
    if 100 * wrong <= 6 * total:
        return 0
    return min(lock, lock * 6 * (100 * wrong - 6 * total) // (100 * total))


def weigh(held: Evidence, lock: int, named: Errors, sample: Errors) -> tuple[Evidence, int]:
    """Return what is held against a member from now on, and what it loses.

    `named` are its errors among all that it was asked for, as far as somebody named them; `sample` those of an audit, which nobody
    chose, and which alone add to what is held. Two sums that never fall below 0 (Page 1954, as the test on gold is Wald's): errors
    with at least half of the others against right votes where those erred, and all errors against all right votes. Beyond their
    bounds all is taken that was at stake so far; where both are 0 it is forgotten.
    """
    joint, alone, loss = held.joint, held.alone, 0
    if sample.total:
        joint = max(0, joint + sample.joint - 2 * sample.against)
        alone = max(0, alone + 6 * sample.wrong - sample.total)
        loss = reversal(lock, sample.wrong, sample.total)
    is_proven = joint >= JOINT or alone >= ALONE
    if named.is_proven:
        is_proven, loss = True, max(loss, reversal(lock, named.wrong, named.total))
    if is_proven:
        return Evidence(), held.due + loss
    return (Evidence(joint, alone, held.due + loss) if joint or alone else Evidence()), 0


def found(
    votes: Sequence[bytes], asked: bytes, ruled: Mapping[int, Ruled], sample: int = 0
) -> list[tuple[Errors, Errors]]:
    """Return of each member the errors among all records marked in `asked`, and those of the audit.

    `sample` is the word that was audited, plus one. A challenger chooses what it names, so what is not named counts as right.
    """
    everything, sampled = ([Errors() for _ in votes] for _ in range(2))
    for word, (mask, rejected, hung) in ruled.items():
        scope = word_of(asked, word)
        errors = [(word_of(vote, word) ^ rejected) & mask & ~hung & scope for vote in votes]
        here = _company(errors, mask & ~hung & scope)
        everything = [
            Errors(*map(sum, zip(one, more, strict=True))) for one, more in zip(everything, here, strict=True)
        ]
        if sample == word + 1:
            judged = (scope & ~hung).bit_count()
            sampled = [one._replace(total=judged) for one in here]
    total = marks(asked)
    return [(one._replace(total=total), other) for one, other in zip(everything, sampled, strict=True)]


def _company(errors: Sequence[int], ruled: int) -> list[Errors]:
    """Return the errors of each member in one word: a record counts as joint by the votes of the others alone."""
    half = (max(len(errors), 1) - 1) // 2
    records = [1 << i for i in range(ruled.bit_length()) if ruled >> i & 1]
    counts = {bit: sum(bool(one & bit) for one in errors) for bit in records}
    made = []
    for one in errors:
        joint = sum(bool(one & bit) and counts[bit] - 1 >= half for bit in records)
        against = sum(not one & bit and counts[bit] >= half for bit in records)
        made.append(Errors(one.bit_count(), joint, against))
    return made


def word_of(bitmap: bytes, word: int) -> int:
    """Return one word of a bitmap."""
    return int.from_bytes(bitmap[WORD_BYTES * word : WORD_BYTES * (word + 1)], "big")


def suspended(chain: Chain, account: str) -> Evidence:
    """Return what is held against a validator."""
    return Evidence(*chain.call(CONTRACT, "suspended", account))


def slash(chain: Chain, signer: Signer, submission: int, number: int, shown: Shown) -> Receipt:
    """Show the votes of round `number` again, so that members whose votes were reversed lose stake. Anyone may, once per round."""
    bitmaps = b"".join(shown.bitmaps)
    return chain.send(
        signer, CONTRACT, "slash", submission, number, shown.seats_mask, list(shown.accounts), bitmaps,
        list(shown.carried),
    )  # fmt: skip
