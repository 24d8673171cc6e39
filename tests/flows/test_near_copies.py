"""Near copies of what others sold: refused by members who never saw the originals, and all of them agree."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from sheaf import actions
from sheaf.actions.cases import letters, sheets
from sheaf.actions.cases.draft import own_key
from sheaf.actions.cases.examine import open_content, sketched_by
from sheaf.domain.amounts import WAD
from sheaf.domain.request import CheckUse, Specification
from sheaf.store.envelope import encrypt
from sheaf.verification.sheet import Sheet
from tests.flows.town import Town
from tests.unit.verification.near.test_travel import sentences

WANTED = Specification(
    title="Sentences",
    schema={
        "type": "object",
        "properties": {"text": {"type": "string", "minLength": 1}},
        "required": ["text"],
    },
    licence="CC-BY-4.0",
    checks=(
        CheckUse("duplicates", parameters={"scope": "market"}),
        CheckUse("near_duplicates", parameters={"scope": "request", "fields": ["text"]}),
    ),
)


class Content:
    """A judge that approves whatever no check refuses."""

    def judge(self, records: pa.Table, specification: Specification) -> np.ndarray[Any, Any]:
        return np.ones(records.num_rows, np.bool_)


def test_near_copies_are_refused_though_reviewers_never_saw_the_originals(town: Town, tmp_path: Path) -> None:
    """What was sold comes back with a word more: those records fall, with the earlier submission named; the new ones are paid.

    What is bought verifies: the salts that bind sketches are salts to everyone else.
    """
    town.staff([Content()] * 9)
    request = town.open(WANTED)
    thief = town.join("thief")
    made = sentences(8, 1)
    first = town.offer(request, pa.table({"text": made}))
    town.settle(first)
    fresh = sentences(3, 2)
    second = town.offer(
        request, pa.table({"text": [made[5] + " indeed", *fresh, "well " + made[0]]}), who=thief
    )
    town.settle(second)
    settled = actions.settlement_of(town.ctx, second)
    assert (settled.approved, settled.rejected, settled.hung) == (3, 2, 0)
    found = actions.explained(thief, second)
    assert [(one.record, one.code) for one in found.refused] == [
        (0, "near_duplicates.request"),
        (4, "near_duplicates.request"),
    ]
    assert found.refused[0].detail.startswith(f"like record 5 of submission {first},")
    assert actions.recompute(town.ctx, second).is_equal
    actions.download(town.buyer, request.id, tmp_path / "bundle")
    assert actions.verify(town.ctx, tmp_path / "bundle").is_valid
    again = actions.preview(thief, request.id, pa.table({"text": [fresh[0] + " so"]}), is_estimated=False)
    assert [one.code for one in again.refused] == [
        "near_duplicates.request"
    ]  # of its own, which it remembers
    assert not actions.preview(thief, request.id, pa.table({"text": [made[5]]}), is_estimated=False).refused


def test_a_preview_says_what_keeps_records_from_being_sent(town: Town) -> None:
    """A buyer's own request, one that is full or cancelled, an account without the bond: each is said, and nothing is refused for it."""
    request = town.open(WANTED, escrow=3 * WAD)
    table = pa.table({"text": sentences(5, 1)})
    said = actions.preview(town.buyer, request.id, table).obstacles
    assert len(said) == 1 and "cannot contribute to its own request" in said[0]
    assert "offer fewer" in actions.preview(town.contributor, request.id, table).obstacles[0]
    few = actions.preview(town.ctx, request.id, table.slice(0, 2), account=town.contributor.account)
    assert few.obstacles == () and few.standing is not None and few.acceptance is not None
    assert few.acceptance.expected is None and few.pay is not None and few.pay.least == 2 * WAD
    assert actions.preview(town.ctx, request.id, table.slice(0, 2)).standing is None
    poor = town.join("poor", tokens=0)
    assert "the bond takes" in actions.preview(poor, request.id, table.slice(0, 2)).obstacles[0]
    actions.cancel(town.buyer, request.id)
    assert "cancelled" in actions.preview(town.contributor, request.id, table.slice(0, 2)).obstacles[0]


def test_a_sheet_without_its_sketches_is_not_taken(town: Town) -> None:
    """Whoever shares the plain sheet, or sketches of his own making, before anyone else convinces nobody: the true one is taken."""
    town.staff([Content()] * 7)
    request = town.open(WANTED)
    submission = town.offer(request, pa.table({"text": sentences(4, 1)}))
    case = town.ctx.docket.case(submission)
    key, kind = own_key(town.contributor, case.submission), sketched_by(WANTED)
    assert key is not None and kind is not None and kind.namespace == "text-characters-5"
    content = open_content(town.contributor, case, key, WANTED)
    assert content is not None and content.sheet.sketches is not None and content.root == case.root
    plain = Sheet(content.salts, content.digests)
    blank = replace(content.sheet.sketches, rows=bytes(len(content.sheet.sketches.rows)))
    for false in (plain, replace(content.sheet, sketches=blank)):
        _share(town, case, key, false)
    readers = [validator.ctx for validator in town.validators]
    assert all(sheets._find(reader, case, kind.namespace) is None for reader in readers)
    assert sheets._find(readers[0], case, "") == plain  # it does prove the digests
    town.decide(submission)
    case = town.ctx.docket.case(submission)
    others = [reader for reader in readers if reader.account not in case.members]
    assert others and all(sheets._find(one, case, kind.namespace) == content.sheet for one in others)


def _share(town: Town, case: Any, key: bytes, false: Sheet) -> None:
    """Share a sheet as members do, from the contributor's account."""
    ctx = town.contributor
    bound = sheets._bound(ctx, case.submission)
    cid = ctx.store.put(encrypt(sheets._sheet_key(key), false.pack(), bound))
    readers = {}
    for validator in town.validators:
        sealed = letters.seal_to(ctx, sheets._sheet_key(key), validator.ctx.account, bound)
        assert sealed is not None
        readers[letters.account_bytes(validator.ctx.account)] = sealed
    letters.post(ctx, letters.topic(ctx, "sheets", case.submission), letters.SheetLetter(cid, readers))
