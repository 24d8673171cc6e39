"""Who sells a record twice loses its bond to whoever holds both sheets: found, proven, settled and recomputed."""

from __future__ import annotations

import hashlib

import numpy as np
import pyarrow as pa
import pytest

from sheaf import actions
from sheaf.actions.status import decided
from sheaf.chain.signer import Signer
from sheaf.domain.errors import InputError, Missing, Refused, Reverted
from sheaf.governance import parameters
from tests.flows.test_disputes import Blind
from tests.flows.town import WANTED, Town, points


def test_a_copy_is_proven_by_a_member(town: Town) -> None:
    """A careless committee approves a row that stands twice; a member proves it, is paid, and the bond is gone."""
    governor = Signer(hashlib.sha256(b"sheaf local deployer 0").digest())
    parameters.set_parameter(town.ctx.chain, governor, "challenge_seconds", 600)
    town.staff([Blind()] * 5)
    good, bad = points(12), points(8, seed=5)
    bad = pa.concat_tables([bad, bad.slice(2, 2)])
    request = town.open()
    fine, copied = town.offer(request, good), town.offer(request, bad, is_forced=True)
    member = town.validators[0].ctx
    with pytest.raises(InputError, match="no verdict"):
        actions.prove(member, copied)
    _approve_all(town, fine, copied)
    with pytest.raises(Refused, match="no copy"):
        actions.prove(member, fine)
    with pytest.raises(Missing, match="sheet"):
        actions.prove(town.buyer, copied)
    found = actions.prove(member, copied, is_dry=True)
    assert [(one.record, one.earlier_record, one.is_forfeit) for one in found.copies] == [
        (8, 2, True),
        (9, 3, True),
    ]
    assert not decided(town.ctx.docket.case(copied))[0].any() and not found.is_sent
    assert actions.prove(member, copied).is_sent
    assert list(np.flatnonzero(decided(town.ctx.docket.case(copied))[0])) == [8, 9]
    with pytest.raises(Refused):
        actions.prove(member, copied)
    with pytest.raises(Reverted, match="not settled yet"):
        actions.collect_bounty(member, copied)
    town.settle(fine, copied)
    settled = town.ctx.docket.case(copied).settlement
    assert settled is not None and settled["bond_back"] == 0
    assert actions.collect_bounty(member, copied) == settled["forfeited"] // 2
    for submission in (fine, copied):
        found_again = actions.recompute(town.ctx, submission)
        assert found_again.is_equal, found_again.difference


def _approve_all(town: Town, *submissions: int) -> None:
    """Let all members approve everything, whatever the checks say, as a committee does that does not look."""
    from sheaf.verification.pipeline import Pipeline

    run = Pipeline.run
    Pipeline.run = lambda self, batch: []  # type: ignore[method-assign]
    try:
        town.decide(*submissions)
    finally:
        Pipeline.run = run  # type: ignore[method-assign]


def test_where_nothing_forbids_copies_nothing_is_proven(town: Town) -> None:
    """A specification without the check of duplicates, and a submission that there is not, are refused in one line."""
    import msgspec

    town.staff([Blind()] * 5)
    free = msgspec.structs.replace(WANTED, checks=WANTED.checks[:2])
    table = points(4)
    submission = town.offer(town.open(free), pa.concat_tables([table, table]), is_forced=True)
    town.decide(submission)
    member = town.validators[0].ctx
    with pytest.raises(Refused, match="no check of duplicates"):
        actions.prove(member, submission)
    with pytest.raises(InputError, match="submission"):
        actions.prove(member, 99)
