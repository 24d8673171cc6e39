"""Reviews: commit, reveal, count, hold and close (twin of Reviews.vy, and the calls upon it)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

from eth_utils.crypto import keccak

from sheaf.domain.amounts import share_bps
from sheaf.domain.errors import Refused
from sheaf.domain.ids import Address, SubmissionId
from sheaf.review import openings
from sheaf.review.openings import Count, Opening, commitment, seals

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt, Signer

__all__ = [
    "CLOSED", "COMMITTING", "DECIDED", "HELD", "HUNG", "NONE", "VOTING",
    "Opening", "Openings", "Outcome", "Panel", "Review", "ReviewsTwin", "Times",
    "close_penalty", "commit", "commit_jointly", "commitment", "finalise", "hold", "openings_of", "reveal", "review",
    "rule", "seals", "shown", "sign", "signer_of", "tally",
]  # fmt: skip

CONTRACT = "Reviews"
NONE, COMMITTING, HUNG, DECIDED, HELD, CLOSED = range(6)
VOTING = COMMITTING


@dataclass(frozen=True)
class Panel:
    """What Committees says of a committee: `size` seats now, `first_size` of round 1, accounts in seat order."""

    size: int
    first_size: int
    quorum: int
    commit_until: int
    reveal_until: int
    accounts: tuple[str, ...]


@dataclass(frozen=True)
class Times:
    """The parameters that Reviews reads, in seconds, blocks and hundredths of a per cent."""

    challenge_seconds: int
    draw_blocks: int
    ruling_seconds: int
    missing_reveal_bps: int


@dataclass(frozen=True)
class Review:
    """The state of a review as IReviews.Review has it; the masks have one bit per seat of both rounds."""

    phase: int = NONE
    round: int = 0
    committed_mask: int = 0
    opened_mask: int = 0
    settle_after: int = 0
    approved: int = 0
    rejected: int = 0
    decided_first: int = 0
    verdict: bytes = bytes(32)


class Outcome(NamedTuple):
    """What the settlement needs; `missing_mask` marks the seats that lose the penalty."""

    approved: int
    rejected: int
    decided_first: int
    first_size: int
    size: int
    opened_mask: int
    accounts: tuple[str, ...]
    missing_mask: int = 0


@dataclass(frozen=True)
class Openings:
    """The arguments of a tally: accounts, salts and bitmaps (one after the other) of `seats`, in seat order.

    `order` is the order of committing (see `openings.order_of`), `joint` the seals of all seats of the round where one that
    committed is not opened (else none), `carried` the words of RoundHung in round 2 (else none).
    """

    seats: tuple[int, ...]
    accounts: tuple[str, ...]
    salts: tuple[bytes, ...]
    bitmaps: bytes
    order: int = 0
    joint: tuple[bytes, ...] = ()
    carried: tuple[int, ...] = ()

    @property
    def mask(self) -> int:
        """The mask of the opened seats."""
        return sum(1 << seat for seat in self.seats)


@dataclass
class _Docket:
    phase: int
    round: int
    records: int
    panel: Panel
    committed: int = 0
    opened: int = 0
    settle_after: int = 0
    approved: int = 0
    rejected: int = 0
    decided_first: int = 0
    hung_block: int = 0
    verdict: bytes = bytes(32)
    chain: bytes = openings.NO_SEAL
    shown: dict[int, bytes] = field(default_factory=dict)
    count: Count | None = None
    convicted: set[int] = field(default_factory=set)

    @property
    def first(self) -> int:
        return self.panel.first_size if self.round == 2 else 0

    @property
    def mask(self) -> int:
        return (1 << self.panel.size) - (1 << self.first)


@dataclass
class ReviewsTwin:
    """The rules of Reviews.vy in plain integers. Refuses with the contract's own words; `now` is in Unix seconds.

    A committee is handed in by `seat` when Committees draws it; who calls is an argument where it matters.
    """

    times: Times
    now: int = 0
    block: int = 0
    arbiter: str = ""
    dockets: dict[int, _Docket] = field(default_factory=dict)

    def seat(self, submission: int, records: int, panel: Panel) -> None:
        """Open round 1 of a submission, or round 2 if it is hung, with the committee that was drawn."""
        docket = self.dockets.get(submission)
        if docket is None:
            self.dockets[submission] = _Docket(COMMITTING, 1, records, panel)
        else:
            docket.phase, docket.round, docket.panel = COMMITTING, 2, panel

    def commit(self, submission: int, seat: int, committed: bytes, sender: str) -> None:
        """Commit alone."""
        docket = self._votable(submission, 1 << seat)
        _require(docket.panel.accounts[seat] == sender, "reviews: not this seat's validator")
        self._keep(docket, 1 << seat, {seat: committed})

    def commit_jointly(
        self, submission: int, group: int, commitments: Sequence[bytes], signers: Sequence[str]
    ) -> None:
        """Commit for a group; `signers` are the accounts recovered from the signatures, "" where one is malformed."""
        docket = self._votable(submission, group)
        seats = _seats(group)
        _require(len(commitments) == len(seats), "reviews: one commitment per seat")
        _require(len(signers) == len(commitments), "reviews: one signature per commitment")
        for seat, signer in zip(seats, signers, strict=True):
            _require(signer != "", "reviews: malformed signature")
            own = docket.panel.accounts[seat] == signer
            _require(own, "reviews: not the signature of this seat's validator")
        self._keep(docket, group, dict(zip(seats, commitments, strict=True)))

    def reveal(self, submission: int, opening: Opening, order: int = 0, joint: Sequence[bytes] = ()) -> None:
        """Open one seat on chain."""
        docket = self._open_docket(submission)
        seat, mask = opening.seat, docket.mask
        _require(bool(docket.committed & mask & 1 << seat), "reviews: not committed")
        is_complete = docket.committed & mask == mask
        _require(is_complete or self.now >= docket.panel.commit_until, "reviews: still committing")
        _require(self.now < docket.panel.reveal_until, "reviews: reveal window closed")
        _require(not docket.opened >> seat & 1, "reviews: already revealed")
        _check_shape(opening.bitmap, docket.records)
        sealed = self._sealed(submission, docket, [opening], joint)
        _check_chain(docket, order, sealed)
        docket.opened |= 1 << seat

    def tally(self, submission: int, opened: Openings) -> Count:
        """Count the round."""
        docket = self._open_docket(submission)
        self._check_countable(docket, opened.mask)
        number = len(opened.seats)
        has_all = len(opened.accounts) == number == len(opened.salts)
        _require(has_all, "reviews: one account and salt per seat")
        size = openings.bitmap_bytes(docket.records)
        _require(len(opened.bitmaps) == size * number, "reviews: wrong length")
        left = openings.carried_words(docket.count, docket.records) if docket.count else ()
        _require(opened.carried == left, "reviews: not what round 1 left")
        bitmaps = [opened.bitmaps[size * i : size * i + size] for i in range(number)]
        shown = [
            Opening(*one) for one in zip(opened.seats, opened.accounts, opened.salts, bitmaps, strict=True)
        ]
        sealed = self._sealed(submission, docket, shown, opened.joint)
        if opened.mask:
            _check_chain(docket, opened.order, sealed)
        for bitmap in bitmaps:
            _check_shape(bitmap, docket.records)
        docket.shown[docket.round] = openings.shown(opened.mask, opened.accounts, bitmaps)
        return self._counted(docket, opened.mask, bitmaps)

    def finalise(self, submission: int) -> None:
        """Decide a hung review that was not enlarged in time."""
        docket = self._seated(submission)
        _require(docket.phase == HUNG, "reviews: not hung")
        _require(self.block > docket.hung_block + self.times.draw_blocks, "reviews: may still be enlarged")
        self._decide(docket)

    def hold(self, submission: int, sender: str) -> None:
        """Keep a decided review from being settled."""
        _require(sender == self.arbiter, "reviews: not the arbiter")
        docket = self.dockets.get(submission)
        if docket is None or docket.phase != DECIDED:
            raise Refused("reviews: not decided")
        _require(self.now < docket.settle_after, "reviews: challenge window is over")
        docket.phase = HELD
        docket.settle_after = self.now + self.times.ruling_seconds

    def rule(self, submission: int, rejected: bytes, hung: bytes, sender: str) -> None:
        """Replace the verdict of a held review."""
        _require(sender == self.arbiter, "reviews: not the arbiter")
        docket = self.dockets.get(submission)
        if docket is None or docket.phase != HELD or self.now >= docket.settle_after:
            raise Refused("reviews: not held")
        _check_shape(rejected, docket.records)
        _check_shape(hung, docket.records)
        both = int.from_bytes(rejected, "big") & int.from_bytes(hung, "big")
        _require(not both, "reviews: record both rejected and hung")
        docket.phase, docket.settle_after = DECIDED, self.now
        self._set_verdict(docket, rejected, hung)
        docket.decided_first = min(docket.decided_first, docket.approved + docket.rejected)

    def convict(self, submission: int, record: int, rejected: bytes, hung: bytes) -> None:
        """Reject an approved record of the verdict (rejected, hung) for good; the caller is Proofs."""
        docket = self.dockets.get(submission)
        if docket is None or docket.phase not in (DECIDED, HELD):
            raise Refused("reviews: not decided")
        _require(self.now < docket.settle_after, "reviews: challenge window is over")
        _require(keccak(rejected + hung) == docket.verdict, "reviews: not the verdict")
        is_approved = not any(openings.is_marked(bitmap, record) for bitmap in (rejected, hung))
        _require(is_approved, "reviews: not an approved record")
        docket.convicted.add(record)
        self._set_verdict(docket, rejected, hung)

    def close(self, submission: int) -> Outcome:
        """End a review; the caller is Requests."""
        docket = self.dockets.get(submission)
        if docket is None or docket.phase not in (DECIDED, HELD):
            raise Refused("reviews: not decided")
        _require(self.now >= docket.settle_after, "reviews: still in the challenge window")
        docket.phase = CLOSED
        size = docket.panel.size
        return Outcome(
            docket.approved,
            docket.rejected,
            docket.decided_first,
            docket.panel.first_size,
            size,
            docket.opened,
            docket.panel.accounts,
            ((1 << size) - 1) & ~docket.opened,
        )

    def review(self, submission: int) -> Review:
        """Return the state of a review."""
        docket = self.dockets.get(submission)
        if docket is None:
            return Review()
        return Review(
            docket.phase,
            docket.round,
            docket.committed,
            docket.opened,
            docket.settle_after,
            docket.approved,
            docket.rejected,
            docket.decided_first,
            docket.verdict if docket.phase >= DECIDED else bytes(32),
        )

    def openings(self, submission: int, number: int) -> bytes:
        """Return what the tally of round `number` was shown, as a hash; zero before."""
        docket = self.dockets.get(submission)
        return docket.shown.get(number, bytes(32)) if docket else bytes(32)

    def _seated(self, submission: int) -> _Docket:
        docket = self.dockets.get(submission)
        if docket is None:
            raise Refused("reviews: no committee")
        return docket

    def _votable(self, submission: int, group: int) -> _Docket:
        docket = self._seated(submission)
        _require(docket.phase == COMMITTING, "reviews: not open to votes")
        _require(self.now < docket.panel.commit_until, "reviews: commit window closed")
        _require(group != 0 and not group & ~docket.mask, "reviews: no such seat in this round")
        _require(not group & docket.committed, "reviews: already committed")
        return docket

    def _open_docket(self, submission: int) -> _Docket:
        docket = self._seated(submission)
        _require(docket.phase == COMMITTING, "reviews: not open to votes")
        return docket

    def _keep(self, docket: _Docket, group: int, commitments: Mapping[int, bytes]) -> None:
        link = docket.chain if docket.committed & docket.mask else openings.NO_SEAL
        for seat, made in commitments.items():
            link = openings.chained(link, seat, openings.seal(made, docket.panel.accounts[seat]))
        docket.chain = link
        docket.committed |= group

    def _check_countable(self, docket: _Docket, mask: int) -> None:
        committed = docket.committed & docket.mask
        _require(not mask & ~committed, "reviews: seat without a commitment")
        is_closed = committed == docket.mask or self.now >= docket.panel.commit_until
        if mask != committed or not is_closed:
            _require(self.now >= docket.panel.reveal_until, "reviews: still open to votes")
            _require(not docket.opened & docket.mask & ~mask, "reviews: leaves out a revealed seat")

    def _sealed(
        self, submission: int, docket: _Docket, shown: Sequence[Opening], joint: Sequence[bytes]
    ) -> list[bytes]:
        sealed = list(joint) + [openings.NO_SEAL] * (openings.ROUND_SEATS - len(joint))
        for seat, account, salt, bitmap in shown:
            made = commitment(bitmap, salt, submission, account, docket.round)
            sealed[seat - docket.first] = openings.seal(made, account)
        return sealed

    def _counted(self, docket: _Docket, mask: int, bitmaps: list[bytes]) -> Count:
        docket.opened = mask | docket.opened & ((1 << docket.first) - 1)
        opened = docket.opened.bit_count()
        if docket.count is None:
            count = openings.count_first(bitmaps, docket.panel.quorum, docket.records)
        else:
            count = openings.count_second(docket.count, bitmaps, opened, docket.panel.quorum, docket.records)
        self._set_verdict(docket, count.rejected, count.hung)
        if docket.round == 1:
            docket.decided_first = docket.approved + docket.rejected
        if docket.round == 1 and openings.marks(count.hung):
            docket.phase, docket.hung_block, docket.count = HUNG, self.block, count
        else:
            self._decide(docket)
        return count

    def _decide(self, docket: _Docket) -> None:
        docket.phase = DECIDED
        docket.settle_after = self.now + self.times.challenge_seconds

    def _set_verdict(self, docket: _Docket, rejected: bytes, hung: bytes) -> None:
        rejected, hung = openings.with_convictions(rejected, hung, docket.convicted)
        docket.rejected = openings.marks(rejected)
        docket.approved = docket.records - docket.rejected - openings.marks(hung)
        docket.verdict = keccak(rejected + hung)


def _seats(mask: int) -> list[int]:
    return [seat for seat in range(mask.bit_length()) if mask >> seat & 1]


def _check_chain(docket: _Docket, order: int, sealed: Sequence[bytes]) -> None:
    seats = _seats(docket.committed & docket.mask)
    if order:
        places = [order >> 8 * i & 255 for i in range(len(seats))]
        _require(max(places, default=0) < openings.ROUND_SEATS, "reviews: opening does not match")
        seats = [docket.first + place for place in places]
    chain = openings.chain_of(seats, docket.first, sealed)
    _require(chain == docket.chain, "reviews: opening does not match")


def _check_shape(bitmap: bytes, records: int) -> None:
    _require(len(bitmap) == openings.bitmap_bytes(records), "reviews: wrong length")
    last = int.from_bytes(bitmap[-openings.WORD_BYTES :], "big")
    rest = records % openings.WORD_BITS or openings.WORD_BITS
    _require(not last >> rest, "reviews: bits beyond the last record")


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)


def close_penalty(lock: int, missing_reveal_bps: int) -> int:
    """Return what a member who did not open loses of its lock (rounded down)."""
    return share_bps(lock, missing_reveal_bps)


def review(chain: Chain, submission: SubmissionId | int) -> Review:
    """Return the state of a review as the next transaction would find it."""
    *numbers, verdict = chain.call(CONTRACT, "review", int(submission))
    phase, number, committed, opened, settle_after, approved, rejected, decided_first = map(int, numbers)
    return Review(
        phase, number, committed, opened, settle_after, approved, rejected, decided_first, bytes(verdict)
    )


def shown(chain: Chain, submission: int, number: int) -> bytes:
    """Return the hash of what the tally of round `number` was shown (see `openings.shown`); zero before."""
    return bytes(chain.call(CONTRACT, "openings", int(submission), number))


def sign(chain: Chain, signer: Signer, submission: int, seat: int, committed: bytes) -> bytes:
    """Return `signer`'s signature (r ‖ s ‖ v) over its commitment, for `commit_jointly`."""
    contract = chain.address_of(CONTRACT)
    return bytes(
        signer.sign_typed(*openings.typed_data(chain.chain_id, contract, submission, seat, committed))
    )


def signer_of(chain: Chain, submission: int, seat: int, committed: bytes, signature: bytes) -> Address | None:
    """Return who signed a commitment, or None if the signature is malformed."""
    hashed = openings.typed_hash(chain.chain_id, chain.address_of(CONTRACT), submission, seat, committed)
    return Address(openings.recover(hashed, signature)) or None


def commit(chain: Chain, signer: Signer, submission: int, seat: int, committed: bytes) -> Receipt:
    """Commit alone."""
    return chain.send(signer, CONTRACT, "commit", submission, seat, committed)


def commit_jointly(
    chain: Chain, signer: Signer, submission: int, signed: Mapping[int, tuple[bytes, bytes]]
) -> Receipt:
    """Commit for a group: `signed` gives commitment and signature per seat, for any seats of the round that have not committed."""
    seats = sorted(signed)
    group = sum(1 << seat for seat in seats)
    commitments, signatures = [signed[seat][0] for seat in seats], [signed[seat][1] for seat in seats]
    return chain.send(signer, CONTRACT, "commit_jointly", submission, group, commitments, signatures)


def reveal(
    chain: Chain,
    signer: Signer,
    submission: int,
    opening: Opening,
    commitments: Mapping[int, bytes],
    members: Sequence[str],
    first: int = 0,
) -> Receipt:
    """Open one seat of the round that begins at seat `first` and whose seats have the accounts `members`.

    `commitments` are all that were made in the round, in the order in which they were made.
    """
    seat, account, salt, bitmap = opening
    order, joint = openings.order_of(list(commitments), first), seals(commitments, members, first)
    return chain.send(signer, CONTRACT, "reveal", submission, seat, account, salt, bitmap, order, list(joint))


def tally(chain: Chain, signer: Signer, submission: int, opened: Openings) -> Receipt:
    """Open and count the current round."""
    return chain.send(
        signer, CONTRACT, "tally", submission, opened.mask, list(opened.accounts), list(opened.salts), opened.bitmaps,
        opened.order, list(opened.joint), list(opened.carried),
    )  # fmt: skip


def openings_of(
    shown: Sequence[Opening],
    commitments: Mapping[int, bytes],
    members: Sequence[str],
    first: int,
    carried: Sequence[int] = (),
) -> Openings:
    """Return the arguments of the tally of a round that begins at seat `first` and whose seats have the accounts `members`.

    `commitments` are all that were made in the round, in the order in which they were made.
    """
    ordered = sorted(shown)
    is_partial = len(ordered) < len(commitments)
    return Openings(
        seats=tuple(one.seat for one in ordered),
        accounts=tuple(one.account for one in ordered),
        salts=tuple(one.salt for one in ordered),
        bitmaps=b"".join(one.bitmap for one in ordered),
        order=openings.order_of(list(commitments), first),
        joint=seals(commitments, members, first) if is_partial else (),
        carried=tuple(carried),
    )


def finalise(chain: Chain, signer: Signer, submission: int) -> Receipt:
    """Decide a hung review that was not enlarged in time. Raises Reverted before."""
    return chain.send(signer, CONTRACT, "finalise", int(submission))


def hold(chain: Chain, signer: Signer, submission: int) -> Receipt:
    """Keep a decided review from being settled; arbiter only."""
    return chain.send(signer, CONTRACT, "hold", int(submission))


def rule(chain: Chain, signer: Signer, submission: int, rejected: bytes, hung: bytes) -> Receipt:
    """Replace the verdict of a held review; arbiter only."""
    return chain.send(signer, CONTRACT, "rule", int(submission), rejected, hung)
