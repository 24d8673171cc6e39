"""A bad verdict is challenged: the buyer names what was wrongly approved, a jury looks again, and the money follows."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from sheaf import actions
from sheaf.actions.status import decided
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError, Refused, Reverted
from sheaf.governance import parameters
from sheaf.review import stakes
from tests.flows.town import Town, points

WRONG = [0, 3, 7, 8, 9, 12, 15, 16]


class Blind:
    """A judge that approves everything."""

    def judge(self, records: pa.Table, specification: object) -> np.ndarray[Any, Any]:
        return np.ones(len(records), dtype=np.bool_)


def test_a_bad_verdict_is_overturned(town: Town) -> None:
    """Five members approve wrong labels; the buyer's challenge is heard, they lose stake, the records are rejected, the buyer gains."""
    governor = Signer(hashlib.sha256(b"sheaf local deployer 0").digest())
    parameters.set_parameter(town.ctx.chain, governor, "challenge_seconds", 600)
    town.staff([Blind()] * 5)
    table = points(20)
    labels = np.asarray(table.column("label")).copy()
    labels[WRONG] = 1 - labels[WRONG]
    submission = town.offer(town.open(), table.set_column(1, "label", pa.array(labels)))
    town.decide(submission)
    assert not decided(town.ctx.docket.case(submission))[0].any()
    with pytest.raises(InputError, match="record"):
        actions.challenge(town.buyer, submission, [20])
    before = actions.balances(town.buyer).tokens
    (case,) = actions.challenge(town.buyer, submission, WRONG)
    bond = actions.dispute(town.ctx, case).bond
    assert actions.balances(town.buyer).tokens == before - bond
    juror = town.join("juror")
    actions.stake(juror, 1_000 * WAD)
    assert actions.proceed(juror, case) in ("wait", "draw", "redraw")
    town.next_period()
    for _ in range(12):
        if actions.dispute(town.ctx, case).jury.size:
            break
        actions.proceed(town.buyer, case)
        town.mine()
    with pytest.raises(Refused, match="no seat"):
        actions.vote(town.buyer, case, WRONG)
    with pytest.raises(InputError, match="record"):
        actions.vote(juror, case, [1])
    assert actions.vote(juror, case, WRONG) == actions.reveal(juror, case) == 0
    assert actions.proceed(juror, case) == "tally"
    assert actions.proceed(juror, case) == "wait"
    town.advance(700)
    assert [actions.proceed(juror, case) for _ in range(5)] == [
        "conclude",
        "slash",
        "execute",
        "collect",
        "wait",
    ]
    assert list(np.flatnonzero(decided(town.ctx.docket.case(submission))[0])) == WRONG
    for validator in town.validators:
        number = stakes.id_of(town.ctx.chain, validator.ctx.account)
        assert stakes.position(town.ctx.chain, number).amount < 1_000 * WAD
    again = actions.recompute(town.ctx, submission)
    assert again.is_equal and "ruling" in again.checked, again
    assert actions.collect_winnings(town.buyer) > bond
    assert actions.collect_winnings(juror) == bond // 4
    with pytest.raises(Reverted, match="nothing owed"):
        actions.collect_winnings(juror)
