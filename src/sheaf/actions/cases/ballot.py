"""Ballots: one seat's vote, fixed on disk before anything about it is sent, and what is derived from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from sheaf.actions.cases import journal
from sheaf.actions.cases.journal import case_file
from sheaf.domain.verdict import Finding

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context


class Ballot(msgspec.Struct, frozen=True):
    """A vote on `records` records: `bitmap` (a set bit rejects), and the findings it rests on."""

    submission: int
    records: int
    bitmap: bytes
    findings: tuple[Finding, ...] = ()


def cast_ballot(
    ctx: Context, case: Case, rejected: NDArray[np.bool_], findings: tuple[Finding, ...]
) -> Ballot:
    """Fix this account's vote on a submission; one that is there already stays as it is."""
    from sheaf.verification.bitmap import pack

    existing = find_ballot(ctx, case)
    if existing is not None:
        return existing
    ballot = Ballot(case.submission, case.records, pack(rejected), findings)
    journal.keep(_path(ctx, case), ballot)
    return ballot


def find_ballot(ctx: Context, case: Case) -> Ballot | None:
    """Return the vote that this account has fixed, or None."""
    return journal.recall(_path(ctx, case), Ballot)


class Marks(msgspec.Struct, frozen=True):
    """What a person has decided so far, one byte a record in the order of looking: space (undecided), y or n."""

    marks: bytes


def keep_marks(ctx: Context, case: Case, marks: bytes) -> None:
    """Keep what has been decided so far on this machine, so that a review by hand can be left and taken up again."""
    journal.keep(ctx.folder / "marks" / case_file(case), Marks(marks))


def find_marks(ctx: Context, case: Case) -> bytearray:
    """Return what has been decided so far; nothing, where nothing was kept or it does not fit."""
    return fitting_marks(ctx.folder / "marks" / case_file(case), case.records)


def fitting_marks(path: Path, count: int) -> bytearray:
    """Return the marks kept at `path`, or `count` undecided ones where there are none that fit."""
    kept = journal.recall(path, Marks)
    fits = kept is not None and len(kept.marks) == count and not set(kept.marks) - set(b" yn")
    return bytearray(kept.marks if kept is not None and fits else b" " * count)


def reviewing_order(ctx: Context, case: Case) -> NDArray[np.int64]:
    """Return the order, shape (records,), in which this account looks at the records: its own, and the same whenever asked."""
    seed = ctx.sender.derive_secret(f"reviewing order {ctx.market} {case.submission}".encode())
    return np.random.default_rng(int.from_bytes(seed, "big")).permutation(case.records)


def review_salt(ctx: Context, case: Case, round_number: int) -> bytes:
    """Return the 32-byte salt of this account's commitment: derived from its key, so that a lost journal gives no second vote."""
    return ctx.sender.derive_secret(f"review salt {ctx.market} {case.submission} {round_number}".encode())


def _path(ctx: Context, case: Case) -> Path:
    return ctx.folder / "ballots" / case_file(case)
