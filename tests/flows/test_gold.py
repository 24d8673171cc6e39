"""Gold in the running market: mixed in by its keeper, told apart by nobody, opened after the vote."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sheaf import actions
from sheaf.actions.gold import dealing, opening
from sheaf.actions.gold.stock import Gold
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import Missing
from sheaf.domain.request import Request
from sheaf.nodes.keeper import Keeper
from tests.flows.town import WANTED, Threshold, Town, points


class GoldTown:
    """A town whose custodian keeps gold: it ticks with the others."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self.keeper = Keeper(town.custodian.ctx)
        custodian = town.custodian
        serve = custodian.tick
        custodian.tick = lambda: serve() + self.keeper.tick()  # type: ignore[method-assign]

    def open(self, gold: int = 60, seed: int = 77, **options: Any) -> Request:
        """Open a request with gold, at 1 token a record."""
        account = self.town.custodian.ctx.account
        given = Gold(points(gold, seed=seed), account, **options)
        return self.town.open(escrow=2_000 * WAD, record_limit=2_000, gold=given)

    def offer(self, request: Request, table: pa.Table, **options: Any) -> int:
        """Submit, and let the keeper mix in between."""
        with pytest.raises(Missing, match="has not mixed yet"):
            self.town.offer(request, table, **options)
        self.keeper.tick()
        return self.town.offer(request, table, **options)


@pytest.fixture
def golden(town: Town) -> GoldTown:
    """A town with a keeper, and no validators yet."""
    town.custodian.tick()
    return GoldTown(town)


def test_gold_goes_all_the_way(golden: GoldTown, tmp_path: Path) -> None:
    """The contributor is paid for its own records, the buyer gets those only, and the reviewers are rated: by the nodes alone."""
    town = golden.town
    town.staff([Threshold()] * 5)
    request = golden.open()
    seen = actions.preview(town.contributor, request.id, points(20))
    assert (seen.records, seen.gold, seen.keeper) == (20, 4, town.custodian.ctx.account)
    submission = golden.offer(request, points(20))
    case = town.ctx.docket.case(submission)
    assert case.records == 24 and case.bond == seen.bond
    town.settle(submission)
    ended = actions.settlement_of(town.ctx, submission)
    assert ended.paid == 20 * WAD and ended.bond_back == case.bond
    assert ended.approved + ended.rejected == 24
    for who in case.members:
        record = actions.record_of(town.ctx, who)
        assert (record.batches, record.hits, record.misses) == (1, 4, 0)
    actions.require_own(town.contributor, submission)
    assert not actions.explain(town.contributor, submission).findings
    bundle = actions.download(town.buyer, request.id, tmp_path / "bundle")
    assert bundle.records == 20
    assert sorted(bundle.to_arrow().column("x").to_pylist()) == sorted(points(20).column("x").to_pylist())
    found = actions.verify(town.ctx, bundle)
    assert found.is_valid, found.difference
    assert actions.recompute(town.ctx, submission).difference is None
