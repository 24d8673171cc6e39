"""Hearings: the cases of `Disputes` as the chain's events tell them, which the docket keeps beside the submissions."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sheaf.domain.ids import ZERO_ADDRESS, Address, SubmissionId

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sheaf.chain.events import Event

WORD = 256
"""Records to a word of the bitmaps: a case is about records of one word."""


@dataclass
class Bench:
    """One drawing of jurors: `first` is the number of its first seat, `jurors` are in seat order, times are Unix seconds."""

    number: int
    block: int
    first: int
    jurors: tuple[Address, ...]
    drawn_at: int
    commit_until: int
    reveal_until: int
    commitments: dict[int, bytes] = field(default_factory=dict)
    opened: set[int] = field(default_factory=set)
    committed_block: int = 0

    @property
    def seats(self) -> range:
        """The numbers of this round's seats."""
        return range(self.first, self.first + len(self.jurors))

    @property
    def is_complete(self) -> bool:
        """Whether every seat has committed."""
        return len(self.commitments) == len(self.jurors)

    def seat_of(self, account: Address) -> int | None:
        """Return the seat in which `account` sits in this round, or None."""
        return self.first + self.jurors.index(account) if account in self.jurors else None


@dataclass
class Hearing:
    """A case: which records of a submission it is about (`mask` of `word`), who opened it, and its jury.

    `challenger` is the zero address for an audit. `ruled` and `hung` are the masks of the last ruling, None before the first.
    """

    number: int
    submission: SubmissionId
    word: int
    mask: int
    challenger: Address
    bond: int
    block: int
    benches: list[Bench] = field(default_factory=list)
    ruled: int | None = None
    hung: int | None = None
    is_concluded: bool = False
    is_collected: bool = False

    @property
    def is_audit(self) -> bool:
        """Whether a beacon opened it, and nobody stands behind it."""
        return self.challenger == ZERO_ADDRESS

    @property
    def records(self) -> tuple[int, ...]:
        """The records that it is about, by number in the submission."""
        return tuple(WORD * self.word + bit for bit in range(WORD) if self.mask >> bit & 1)

    @property
    def jurors(self) -> tuple[Address, ...]:
        """All seats' accounts, in seat order."""
        return tuple(juror for bench in self.benches for juror in bench.jurors)


def hear(
    hearings: dict[int, Hearing],
    event: Event,
    validators: Mapping[int, Address],
    time_of: Callable[[int], int],
) -> SubmissionId | None:
    """Take one event of `Disputes` into `hearings`; return the submission that it concerns, or None."""
    args = event.args
    if event.name == "CaseOpened":
        submission = SubmissionId(args["submission"])
        hearings[args["case"]] = Hearing(
            args["case"],
            submission,
            args["word"],
            args["mask"],
            args["challenger"],
            args["bond"],
            event.block,
        )
        return submission
    hearing = hearings.get(args.get("case", 0))
    if hearing is None:
        return SubmissionId(args["submission"]) if "submission" in args else None
    if event.name == "JuryDrawn":
        jurors = tuple(validators[number] for number in args["jurors"])
        first = len(hearing.jurors)
        drawn_at, until = time_of(event.block), (args["commit_until"], args["reveal_until"])
        hearing.benches.append(Bench(args["round"], event.block, first, jurors, drawn_at, *until))
    elif event.name == "VoteCommitted":
        bench = hearing.benches[-1]
        bench.commitments[args["seat"]] = bytes(args["commitment"])
        bench.committed_block = event.block
    elif event.name == "VoteRevealed":
        hearing.benches[-1].opened.add(args["seat"])
    elif event.name == "CaseRuled" and args["is_ruled"]:
        hearing.ruled, hearing.hung = args["rejected"], args["hung"]
    elif event.name == "CaseConcluded":
        hearing.is_concluded = True
    elif event.name == "CaseCollected":
        hearing.is_collected = True
    return hearing.submission
