"""Juries: how a juror votes, what votes rule, and when a reversed vote costs; the pure part of the rules of Disputes.vy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from eth_abi.abi import encode
from eth_utils.crypto import keccak

from sheaf.review.openings import WORD_BITS

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

CONTRACT = "Disputes"
"""Who judges verdicts; `court` names another of the same code, such as BonusDisputes."""

SEATS = 23
ROUNDS = 3
DRAWING, VOTING, RULED, CONCLUDED, COLLECTED = 1, 2, 3, 4, 5
_JURY = (3, 2, 5, 5, 23, 23, 23, 32, 32, 32, 32, 2, 1, 2, 32)


class Vote(NamedTuple):
    """A juror's vote: which of the named records are to be rejected, or that nobody is at fault, and 32 bytes of salt."""

    rejected: int
    is_faultless: bool
    salt: bytes


class Jury(NamedTuple):
    """The state of a case's jury; masks have one bit per seat, times are Unix seconds, `anchor` is a block."""

    phase: int = DRAWING
    round: int = 0
    size: int = 0
    first: int = 0
    committed: int = 0
    opened: int = 0
    faultless: int = 0
    commit_until: int = 0
    reveal_until: int = 0
    appeal_until: int = 0
    anchor: int = 0
    ruled: int = 0
    is_faultless: int = 0
    failed: int = 0
    slot: int = 0


class TrialState(NamedTuple):
    """The disputes of a submission together, as `IDisputes.Trial` has it; masks have one bit per word or round."""

    challenge_until: int = 0
    until: int = 0
    open: int = 0
    concluded_at: int = 0
    touched: int = 0
    sample: int = 0
    shown: int = 0
    is_executed: bool = False
    pot: int = 0
    weight: int = 0


def unpack(word: int) -> Jury:
    """Return the jury that the contract keeps in one word."""
    parts = []
    for bits in _JURY:
        parts.append(word & (1 << bits) - 1)
        word >>= bits
    return Jury(*parts)


def commitment(vote: Vote, case: int, account: str, number: int) -> bytes:
    """Return the commitment of `account` to its vote in round `number` of a case."""
    types = ["uint256", "bool", "bytes32", "uint256", "address", "uint256"]
    return keccak(encode(types, [vote.rejected, vote.is_faultless, vote.salt, case, account, number]))


def ruling(votes: Sequence[int], mask: int, rejected: int, hung: int) -> tuple[int, int]:
    """Return rejected and hung records of `mask`: each goes with the majority of the votes; at a tie it stays as it was."""
    ruled_rejected = ruled_hung = 0
    for record in range(WORD_BITS):
        bit = 1 << record
        against = sum(bool(vote & bit) for vote in votes)
        if 2 * against > len(votes):
            ruled_rejected |= bit
        elif 2 * against == len(votes):
            ruled_rejected |= rejected & bit
            ruled_hung |= hung & bit
    return ruled_rejected & mask, ruled_hung & mask


def is_beyond_chance(wrong: int, total: int) -> bool:
    """Tell whether so many errors in one case are more than the mistakes of a juror who is right in 95 %.

    Of up to 256 records he makes so many with a chance of at most .0081 % (exact binomial tails).
    """
    return 6 * wrong >= total + 20


def draw(chain: Chain, signer: Signer, case: int, court: str = CONTRACT) -> Receipt:
    """Draw the next jury of a case. Raises Reverted before the target block has passed, or if it can no longer be read."""
    return chain.send(signer, court, "draw", case)


def redraw(chain: Chain, signer: Signer, case: int, court: str = CONTRACT) -> Receipt:
    """Anchor a draw anew whose block can no longer be read."""
    return chain.send(signer, court, "redraw", case)


def commit(chain: Chain, signer: Signer, case: int, seat: int, made: bytes, court: str = CONTRACT) -> Receipt:
    """Commit to a vote, as the juror on `seat`."""
    return chain.send(signer, court, "commit", case, seat, made)


def reveal(chain: Chain, signer: Signer, case: int, seat: int, vote: Vote, court: str = CONTRACT) -> Receipt:
    """Open a vote that was committed."""
    return chain.send(signer, court, "reveal", case, seat, *vote)


def tally(chain: Chain, signer: Signer, case: int, court: str = CONTRACT) -> Receipt:
    """Count the votes of a round."""
    return chain.send(signer, court, "tally", case)


def jury(chain: Chain, case: int, court: str = CONTRACT) -> Jury:
    """Return the state of a case's jury."""
    return unpack(int(chain.call(court, "jury_of", case)))


def jurors(chain: Chain, case: int, court: str = CONTRACT) -> list[int]:
    """Return the validator ids of a case's jurors, in seat order."""
    return [int(chain.call(court, "juror", case, seat)) for seat in range(jury(chain, case, court).size)]


def audit(chain: Chain, signer: Signer, submission: int, rejected: bytes, hung: bytes) -> Receipt:
    """Open the audit of a verdict that the beacon selected; the verdict is shown again."""
    return chain.send(signer, CONTRACT, "audit", submission, rejected, hung)


def selected(chain: Chain, submission: int) -> tuple[bool, int]:
    """Return whether the beacon picks a decided submission for an audit, and of which word of its bitmaps.

    Raises Reverted before the beacon's block and when it can no longer be read.
    """
    is_selected, word = chain.call(CONTRACT, "selected", submission)
    return bool(is_selected), int(word)


def conclude(chain: Chain, signer: Signer, case: int) -> Receipt:
    """End a case whose last ruling can no longer be appealed, or which got no jury."""
    return chain.send(signer, CONTRACT, "conclude", case)


def execute(chain: Chain, signer: Signer, submission: int, rejected: bytes, hung: bytes) -> Receipt:
    """Put what was ruled in the verdict's place; the verdict is shown again."""
    return chain.send(signer, CONTRACT, "execute", submission, rejected, hung)


def collect(chain: Chain, signer: Signer, case: int) -> Receipt:
    """Share out a case's bonds."""
    return chain.send(signer, CONTRACT, "collect", case)


def trial(chain: Chain, submission: int) -> TrialState:
    """Return the state of a submission's disputes."""
    return TrialState(*chain.call(CONTRACT, "trial_of", submission))


def is_countable(state: Jury, now: int) -> bool:
    """Tell whether a round can be counted: all its seats opened, all that committed did and none may come, or time is up."""
    last = (1 << state.size) - (1 << state.first)
    opened = state.opened & last
    is_over = now >= state.commit_until and opened == state.committed & last
    return is_over or opened == last or now >= state.reveal_until
