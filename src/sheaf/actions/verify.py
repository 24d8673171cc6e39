"""Verify: hold a bundle against the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sheaf.actions.cases.receipt import entry_of, terms_of
from sheaf.actions.request import show_request
from sheaf.domain.canonical import DIGEST_BYTES, record_digests
from sheaf.domain.errors import IntegrityError, SheafError
from sheaf.domain.ids import RequestId
from sheaf.domain.merkle import SALT_BYTES, leaves, merkle_root
from sheaf.domain.verdict import Decision
from sheaf.review import reviews

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from sheaf.actions.cases.docket import Case
    from sheaf.actions.context import Context
    from sheaf.formats.bundle import Bundle


@dataclass(frozen=True)
class Verification:
    """What came of it: every check that held, in order, and the first `difference` (None if there is none)."""

    is_valid: bool
    checked: tuple[str, ...]
    difference: str | None
    request: RequestId
    records: int


class _Difference(Exception):
    """Bundle and chain differ; the text says in what."""


def verify(ctx: Context, bundle: Path | str | Bundle) -> Verification:
    """Compare a bundle with the chain: its receipt, its submissions' roots and verdicts, and the inclusion of every record.

    Trusts nothing in the bundle and nobody who handed it on; needs no key and no store. Raises InputError if there is no bundle.
    """
    from sheaf.formats.bundle import read

    if isinstance(bundle, str | Path):
        bundle = read(bundle, is_checked=False)
    checked: list[str] = []
    difference = None
    try:
        for name, check in _checks(ctx, bundle):
            check()
            checked.append(name)
    except _Difference as found:
        difference = str(found)
    except (SheafError, KeyError, TypeError, ValueError, AttributeError) as error:
        # A bundle comes from a stranger: what cannot even be read is a difference too.
        difference = f"after {checked[-1] if checked else 'nothing'}: {type(error).__name__}: {error}"
    request = bundle.receipt.get("request", 0) if difference is None else 0
    return Verification(difference is None, tuple(checked), difference, RequestId(request), bundle.records)


def _checks(ctx: Context, bundle: Bundle) -> Iterator[tuple[str, Callable[[], None]]]:
    yield "files", lambda: _check_files(bundle)
    yield "network and request", lambda: _check_terms(ctx, bundle)
    yield "specification and licence", lambda: _check_specification(bundle)
    yield "submissions", lambda: _check_submissions(ctx, bundle)
    yield "verdicts", lambda: _check_verdicts(ctx, bundle)
    yield "roots", lambda: _check_roots(ctx, bundle)
    yield "records", lambda: _check_records(ctx, bundle)


def _same(what: str, found: object, expected: object) -> None:
    if found != expected:
        raise _Difference(f"{what}: the bundle says {found}, the chain {expected}")


def _check_files(bundle: Bundle) -> None:
    problems = bundle.check()
    if problems:
        raise _Difference(problems[0])


def _check_terms(ctx: Context, bundle: Bundle) -> None:
    receipt = bundle.receipt
    _same("chain id", receipt["chain_id"], ctx.chain.chain_id)
    for name, expected in terms_of(ctx, show_request(ctx, int(receipt["request"]))).items():
        _same(name, receipt.get(name), expected)


def _check_specification(bundle: Bundle) -> None:
    from sheaf.store.chunks import root_of

    document = (bundle.directory / "specification.json").read_bytes()
    _same("specification", root_of(document), bundle.receipt["specification"])
    licence = bundle.specification.licence
    first = (bundle.directory / "LICENSE.txt").read_text("utf-8").partition("\n")[0]
    for place, found in (
        ("receipt", bundle.receipt["licence"]),
        ("manifest", bundle.licence),
        ("LICENSE.txt", first.removeprefix("SPDX-License-Identifier: ")),
    ):
        if found != licence:
            raise _Difference(f"licence: {place} says {found}, the specification {licence}")


def _check_submissions(ctx: Context, bundle: Bundle) -> None:
    numbers = [entry["submission"] for entry in bundle.receipt["submissions"]]
    if len(set(numbers)) != len(numbers):
        raise _Difference("submissions: the receipt names one twice")
    for entry, case in _cases(ctx, bundle):
        _same(f"request of submission {case.submission}", bundle.receipt["request"], case.request)
        if case.settlement is None:
            raise _Difference(f"submission {case.submission}: it is not settled on chain")
        for name, expected in entry_of(case).items():
            _same(f"{name} of submission {case.submission}", entry.get(name), expected)


def _check_verdicts(ctx: Context, bundle: Bundle) -> None:
    from eth_utils.crypto import keccak

    from sheaf.verification.bitmap import pack

    for case, decisions in _decisions(ctx, bundle):
        rejected, hung = decisions == Decision.REJECTED, decisions == Decision.HUNG
        found = keccak(pack(rejected) + pack(hung)).hex()
        _same(
            f"verdict of submission {case.submission}",
            found,
            reviews.review(ctx.chain, case.submission).verdict.hex(),
        )


def _check_roots(ctx: Context, bundle: Bundle) -> None:
    table = bundle.leaves()
    rows = 0
    for _, case in _cases(ctx, bundle):
        own = _of(table, case)
        rows += own.num_rows
        found = own.column("leaf").to_pylist()
        if any(leaf is None or len(leaf) != DIGEST_BYTES for leaf in found):
            raise _Difference(f"leaves of submission {case.submission}: one is not of 32 bytes")
        _same(f"root of submission {case.submission}", merkle_root(b"".join(found)).hex(), case.root.hex())
    if rows != table.num_rows:
        raise _Difference("leaves: there are some of submissions that the receipt does not name")


def _check_records(ctx: Context, bundle: Bundle) -> None:
    records, all_leaves, first = bundle.schema.cast(bundle.to_arrow()), bundle.leaves(), 0
    for case, decisions in _decisions(ctx, bundle):
        places = np.flatnonzero((decisions == Decision.APPROVED) & ~case.gold_at(case.ended_block))
        own = _of(all_leaves, case)
        part = records.slice(first, len(places))
        if part.num_rows != len(places):
            raise _Difference(f"records: {records.num_rows}, fewer than were approved")
        first += len(places)
        place = _first_foreign(case, places, record_digests(part), own)
        if place is not None:
            raise _Difference(
                f"record {place} of submission {case.submission}: it is not the one that was committed to"
            )
    if first != records.num_rows:
        raise _Difference(f"records: {records.num_rows}, more than the {first} that were approved")


def _first_foreign(case: Case, places: NDArray[np.int64], digests: bytes, own: pa.Table) -> int | None:
    """Return the first approved record whose leaf is not that of its data, or None."""
    salts = np.zeros((case.records, SALT_BYTES), np.uint8)
    rows = np.zeros((case.records, DIGEST_BYTES), np.uint8)
    found = own.column("salt").to_pylist()
    for place in places.tolist():
        if found[place] is None or len(found[place]) != SALT_BYTES:
            return int(place)
        salts[place] = np.frombuffer(found[place], np.uint8)
    rows[places] = np.frombuffer(digests, np.uint8).reshape(-1, DIGEST_BYTES)
    computed = leaves(case.request, case.contributor, salts.tobytes(), rows.tobytes())
    made = np.frombuffer(computed, np.uint8).reshape(-1, DIGEST_BYTES)
    given = np.frombuffer(b"".join(own.column("leaf").to_pylist()), np.uint8).reshape(-1, DIGEST_BYTES)
    wrong = places[(made[places] != given[places]).any(axis=1)]
    return int(wrong[0]) if len(wrong) else None


def _cases(ctx: Context, bundle: Bundle) -> Iterator[tuple[dict[str, Any], Case]]:
    for entry in bundle.receipt["submissions"]:
        yield entry, ctx.docket.case(int(entry["submission"]))


def _decisions(ctx: Context, bundle: Bundle) -> Iterator[tuple[Case, NDArray[np.str_]]]:
    table = bundle.verdicts()
    rows = 0
    for _, case in _cases(ctx, bundle):
        own = _of(table, case)
        rows += own.num_rows
        yield case, np.array(own.column("decision").to_pylist(), dtype=np.str_)
    if rows != table.num_rows:
        raise _Difference("verdicts: there are some of submissions that the receipt does not name")


def _of(table: pa.Table, case: Case) -> pa.Table:
    """Return the rows of one submission. Raises IntegrityError unless they are one for each record, in order."""
    import pyarrow.compute as pc

    own = table.filter(pc.equal(table.column("submission"), int(case.submission)))
    if own.column("record").to_pylist() != list(range(case.records)):
        raise IntegrityError(
            f"submission {case.submission}: not one row for each of its {case.records} records"
        )
    return own
