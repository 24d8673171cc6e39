"""The worked example of the mechanism, to the last unit, and what its people do with it afterwards."""

from __future__ import annotations

from pathlib import Path

import sheaf
from sheaf import actions
from sheaf.domain.amounts import WAD
from tests.flows.town import Threshold, Town, points


def test_worked_example(town: Town, tmp_path: Path) -> None:
    """500 escrowed, 50 records approved: 50 to the contributor, 2 to the validators, 448 left; and the buyer has the records."""
    town.staff([Threshold()] * 7)
    request = town.open(price=WAD, escrow=500 * WAD, fee_bps=400)
    table = points(50)
    submission = town.offer(request, table)
    town.settle(submission)

    settled = actions.settlement_of(town.ctx, submission)
    assert (settled.approved, settled.rejected, settled.hung) == (50, 0, 0)
    assert settled.paid == 50 * WAD
    assert settled.validators_paid == 2 * WAD
    assert actions.show_request(town.ctx, request.id).free == 448 * WAD
    assert all(ledger.is_conserved for ledger in actions.ledgers(town.ctx, request.id))

    assert actions.withdraw(town.contributor) == 50 * WAD + settled.bond_back
    earned = [actions.owed(validator.ctx) for validator in town.validators]
    assert sum(earned) == 2 * WAD
    assert sorted(earned) == [0, 0, *[2 * WAD // 5] * 5]

    actions.cancel(town.buyer, request.id)
    assert actions.reclaim(town.buyer, request.id).amount == 448 * WAD

    bundle = actions.download(town.buyer, request.id, tmp_path / "bundle")
    assert bundle.records == 50
    loaded = sheaf.load(tmp_path / "bundle").to_arrow()
    assert sorted(loaded.column("x").to_pylist()) == sorted(table.column("x").to_pylist())
    verified = actions.verify(town.ctx, tmp_path / "bundle")
    assert verified.is_valid, verified.difference
