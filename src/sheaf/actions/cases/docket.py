"""The docket: every case of the market as the chain's events tell it, kept up to date block by block.

It can be thrown away at any time and is rebuilt from the chain; where blocks are rolled back it rebuilds itself.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from sheaf.actions.disputes.hearings import Hearing, hear
from sheaf.domain.errors import InputError, Refused, SheafError
from sheaf.domain.ids import Address, Cid, RequestId, SubmissionId

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from sheaf.chain.rpc import Block, Chain, Event
    from sheaf.domain.request import Specification
    from sheaf.review.proofs import Sealed

NEVER = 2**63
"""A block number beyond all."""

CONTRACTS = (
    "Parameters", "Nodes", "Stakes", "Requests", "Committees", "Reviews", "Scores", "Custody", "Disputes", "Reversals",
)  # fmt: skip


@dataclass
class Round:
    """One drawing of seats.

    `first` is the number of its first seat, `members` the accounts in seat order, times are Unix seconds.
    """

    number: int
    block: int
    first: int
    members: tuple[Address, ...]
    drawn_at: int
    commit_until: int
    reveal_until: int
    lock: int
    commitments: dict[int, bytes] = field(default_factory=dict)
    groups: list[int] = field(default_factory=list)
    committed_block: int = 0

    @property
    def seats(self) -> range:
        """The numbers of this round's seats."""
        return range(self.first, self.first + len(self.members))

    @property
    def patience_until(self) -> int:
        """Until when the draw of an earlier submission is waited for: a quarter of the time to commit."""
        return self.drawn_at + (self.commit_until - self.drawn_at) // 4

    @property
    def is_complete(self) -> bool:
        """Whether every seat has committed."""
        return len(self.commitments) == len(self.members)


@dataclass(frozen=True)
class Tally:
    """A verdict as `Reviews` announced it: a count, or the ruling (`round` 0) that took its place.

    Bitmaps are big-endian words, least significant bit first.
    """

    round: int
    approved: int
    rejected: int
    hung: int
    rejected_bitmap: bytes
    hung_bitmap: bytes
    block: int
    transaction: str


@dataclass
class Case:
    """One submission with all that happened to it. `cid` is None where the contributor gave bytes that are no CID.

    `pledged` is for how much its custodian answers for the key (0: not, or no longer), `missed` which seats reported that none came;
    `gold` is the commitment to gold, `opened_gold` what was shown of it: (block, bitmap of the positions), empty where it came to nothing.
    """

    submission: SubmissionId
    request: RequestId
    contributor: Address
    records: int
    root: bytes
    cid: Cid | None
    key_commitment: bytes
    custodian: Address
    gold: bytes
    bond: int
    block: int
    transaction: str
    rounds: list[Round] = field(default_factory=list)
    openings: dict[int, tuple[bytes, bytes]] = field(default_factory=dict)
    tallies: list[Tally] = field(default_factory=list)
    carried: tuple[int, ...] = ()
    hearings: list[Hearing] = field(default_factory=list)
    finalised_block: int = 0
    pledged: int = 0
    missed: set[int] = field(default_factory=set)
    opened_gold: list[tuple[int, bytes]] = field(default_factory=list)
    is_rated: bool = False
    settlement: dict[str, Any] | None = None
    settled_by: str = ""
    is_void: bool = False
    ended_block: int = 0
    version: int = 0

    @property
    def is_over(self) -> bool:
        """Whether the money has moved for the last time."""
        return self.is_void or self.settlement is not None

    @property
    def members(self) -> tuple[Address, ...]:
        """All seats' accounts, in seat order."""
        return tuple(member for drawn in self.rounds for member in drawn.members)

    def sealed(self) -> Sealed:
        """Return what was committed to, as contracts want it shown. Raises Refused where the contributor gave bytes that are no CID."""
        from sheaf.review import proofs
        from sheaf.store.cid import binary

        if self.cid is None:
            raise Refused(f"submission {self.submission}: its content has no CID: nothing can be shown of it")
        return proofs.sealed(self.root, binary(self.cid), self.key_commitment, self.custodian, self.gold)

    def is_before(self, other: Case) -> bool:
        """Tell whether this case is earlier than `other`, by what the chain says so far.

        The lower number is, whoever is drawn first; but one whose committee was not drawn when the other's had waited for it (see
        `Round.patience_until`) has lost its place, lest an undrawable twin overtake what was paid long ago.
        """
        lower, higher = (self, other) if self.submission < other.submission else (other, self)
        is_in_time = bool(lower.rounds) and (
            not higher.rounds or lower.rounds[0].drawn_at <= higher.rounds[0].patience_until
        )
        return (self is lower) == is_in_time

    def verdict_at(self, block: int) -> tuple[NDArray[np.bool_] | None, NDArray[np.bool_] | None, bool]:
        """Return the rejected and the hung records, shape (records,) each, and whether that is final, as they stood after
        `block`.

        Both are None while nothing had been counted.
        """
        from sheaf.verification.bitmap import unpack

        counted = [tally for tally in self.tallies if tally.block <= block]
        if not counted:
            return None, None, False
        last = counted[-1]
        is_final = last.round != 1 or not last.hung or 0 < self.finalised_block <= block
        return unpack(last.rejected_bitmap, self.records), unpack(last.hung_bitmap, self.records), is_final

    def gold_at(self, block: int) -> NDArray[np.bool_]:
        """Return which records were known, after `block`, to be gold that counts: shape (records,)."""
        import numpy as np

        from sheaf.verification.bitmap import unpack

        shown = [bitmap for at, bitmap in self.opened_gold if at <= block]
        return unpack(shown[-1], self.records) if shown and shown[-1] else np.zeros(self.records, np.bool_)

    def seat_of(self, account: Address) -> int | None:
        """Return the seat in which `account` sits, or None."""
        members = self.members
        return members.index(account) if account in members else None

    def round_of(self, seat: int) -> Round:
        """Return the round in which `seat` was drawn."""
        return next(drawn for drawn in self.rounds if seat in drawn.seats)


class Docket:
    """All cases, requests, reading keys and validators of one market. `refresh` is cheap when no block has come.

    `jailed` says of each who ever failed the test on gold until when it is jailed and from when on its stake may be slashed; `deposits`
    what each keeper put into Custody and did not take out again, pledges and what was lost of them included.
    """

    def __init__(self, chain: Chain) -> None:
        self.chain = chain
        self._lock = threading.RLock()
        self.rollbacks = 0
        self._clear()

    def _clear(self) -> None:
        self.head: Block | None = None
        self.cases: dict[SubmissionId, Case] = {}
        self.hearings: dict[int, Hearing] = {}
        self.requests: dict[RequestId, Event] = {}
        self.reading_keys: dict[Address, bytes] = {}
        self.validators: dict[int, Address] = {}
        self.jailed: dict[Address, tuple[int, int]] = {}
        self.deposits: dict[Address, int] = {}
        self.specifications: dict[RequestId, Specification | None] = {}
        self._views: dict[tuple[str, int], tuple[int, Any]] = {}
        self._version = 0

    def refresh(self) -> Block:
        """Read the events of new blocks and return the newest block. Raises Unreachable."""
        with self._lock:
            block = self.chain.block()
            if self.head is not None and block.hash == self.head.hash:
                return self.head
            if self.head is not None and not self._is_continued(block):
                self.rollbacks += 1
                self._clear()
            start = self.chain.deployment_block if self.head is None else self.head.number + 1
            events = self.chain.market_events(CONTRACTS, start, block.number)
            # Were the newest block replaced while we read, these events might be of two branches: read again next time.
            if self.chain.block_at(block.number).hash == block.hash:
                for event in events:
                    self._apply(event)
                self.head = block
            return self.head or block

    def _is_continued(self, block: Block) -> bool:
        head = self.head
        assert head is not None
        return block.number > head.number and self.chain.block_at(head.number).hash == head.hash

    def case(self, submission: SubmissionId | int) -> Case:
        """Return the case of `submission`. Raises InputError if the chain does not know it."""
        self.refresh()
        found = self.cases.get(SubmissionId(submission))
        if found is None:
            raise InputError("submission", submission, f"give a number from 1 to {len(self.cases)}")
        return found

    def hearing(self, number: int) -> Hearing:
        """Return the case of `Disputes` with this number. Raises InputError if there is none."""
        self.refresh()
        found = self.hearings.get(number)
        if found is None:
            there = f"give a number from 1 to {len(self.hearings)}" if self.hearings else "there is none yet"
            raise InputError("case", number, f"{there}: `sheaf dispute list` shows them")
        return found

    def view(self, name: str, number: int, read: Callable[[], Any]) -> Any:
        """Return what `read` returns about submission `number` (0: about parameters), asked again only after events that concern it."""
        self.refresh()
        version = self.cases[SubmissionId(number)].version if number else self._version
        known = self._views.get((name, number))
        if known is None or known[0] != version:
            known = self._views[name, number] = version, read()
        return known[1]

    def reading_key(self, account: Address) -> bytes | None:
        """Return the reading key that `account` has published, 32 bytes, or None."""
        self.refresh()
        return self.reading_keys.get(account)

    def _apply(self, event: Event) -> None:
        number = event.args.get("submission", 0)
        apply = getattr(self, f"_on_{event.name}", None)
        if event.contract == "Disputes":
            number = hear(self.hearings, event, self.validators, lambda at: self.chain.block_at(at).timestamp)
        elif apply is not None:
            apply(event, event.args)
        case = self.cases.get(SubmissionId(number or 0))
        if case is not None:
            case.version += 1
            if event.name == "CaseOpened":
                case.hearings.append(self.hearings[event.args["case"]])
        elif event.contract == "Parameters":
            self._version += 1

    def _of(self, args: dict[str, Any]) -> Case:
        return self.cases[SubmissionId(args["submission"])]

    def _on_KeyRegistered(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self.reading_keys[args["account"]] = bytes(args["key"])

    def _on_Staked(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self.validators[args["id"]] = args["account"]

    def _on_RequestOpened(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self.requests[RequestId(args["request"])] = event

    def _on_SubmissionMade(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        submission = SubmissionId(args["submission"])
        self.cases[submission] = Case(
            submission=submission,
            request=RequestId(args["request"]),
            contributor=args["contributor"],
            records=args["records"],
            root=bytes(args["root"]),
            cid=_cid(bytes(args["cid"])),
            key_commitment=bytes(args["key_commitment"]),
            custodian=args["custodian"],
            gold=bytes(args["gold"]),
            bond=args["bond"],
            block=event.block,
            transaction=event.transaction,
        )

    def _on_CommitteeDrawn(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        case = self._of(args)
        case.rounds.append(
            Round(
                number=args["round"],
                block=event.block,
                first=len(case.members),
                members=tuple(self.validators[number] for number in args["members"]),
                drawn_at=self.chain.block_at(event.block).timestamp,
                commit_until=args["commit_until"],
                reveal_until=args["reveal_until"],
                lock=args["lock"],
            )
        )

    def _on_Committed(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        drawn = self._of(args).round_of(args["seat"])
        drawn.commitments[args["seat"]] = bytes(args["commitment"])
        drawn.groups.append(1 << args["seat"])
        drawn.committed_block = event.block

    def _on_CommittedJointly(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        drawn = self._of(args).rounds[args["round"] - 1]
        members = [seat for seat in drawn.seats if args["group"] >> seat & 1]
        drawn.commitments.update(zip(members, map(bytes, args["commitments"]), strict=True))
        drawn.groups.append(args["group"])
        drawn.committed_block = event.block

    def _on_Revealed(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self._of(args).openings[args["seat"]] = bytes(args["salt"]), bytes(args["bitmap"])

    def _on_RoundHung(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self._of(args).carried = tuple(args["carried"])

    def _on_Tallied(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self._of(args).tallies.append(_tally(event, args["round"], args["hung"]))

    def _on_Finalised(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self._of(args).finalised_block = event.block

    def _on_Deposited(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        if event.contract == "Custody":
            self.deposits[args["keeper"]] = self.deposits.get(args["keeper"], 0) + args["amount"]

    def _on_DepositWithdrawn(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self.deposits[args["keeper"]] -= args["amount"]

    def _on_KeyPledged(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self._of(args).pledged = args["amount"]

    def _on_PledgeReturned(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self._of(args).pledged = 0

    _on_PledgeForfeited = _on_PledgeReturned  # noqa: N815

    def _on_KeyMissed(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self._of(args).missed.add(args["seat"])

    def _on_Ruled(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        case = self._of(args)
        # Gold counts for the verdict that it was shown for.
        case.opened_gold.append((event.block, b""))
        case.tallies.append(_tally(event, 0, case.records - args["approved"] - args["rejected"]))

    def _on_Jailed(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        if event.contract == "Scores":
            self.jailed[args["account"]] = args["until"], args["slash_from"]

    def _on_SentenceExecuted(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        until, _ = self.jailed.get(args["account"], (0, 0))
        self.jailed[args["account"]] = until, NEVER

    def _on_Scored(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self._of(args).is_rated = True

    def _on_GoldOpened(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        shown = bytes(args["gold"])
        self._of(args).opened_gold.append((event.block, shown[: len(shown) // 2]))

    def _on_GoldVoided(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        self._of(args).opened_gold.append((event.block, b""))

    def _on_SubmissionVoided(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        case = self._of(args)
        case.is_void, case.ended_block = True, event.block

    def _on_SubmissionSettled(self, event: Event, args: dict[str, Any]) -> None:  # noqa: N802
        case = self._of(args)
        case.settlement, case.settled_by, case.ended_block = args, event.transaction, event.block


def _tally(event: Event, round_number: int, hung: int) -> Tally:
    args = event.args
    return Tally(
        round=round_number,
        approved=args["approved"],
        rejected=args["rejected"],
        hung=hung,
        rejected_bitmap=bytes(args["rejected_bitmap"]),
        hung_bitmap=bytes(args["hung_bitmap"]),
        block=event.block,
        transaction=event.transaction,
    )


def _cid(binary: bytes) -> Cid | None:
    from sheaf.store.cid import from_binary

    try:
        return from_binary(binary)
    except SheafError:
        return None
