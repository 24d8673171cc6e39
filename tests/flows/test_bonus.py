"""A bonus pool from funding to the last unit: shares are posted, checked, disputed, ruled upon, posted rightly and claimed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import pytest

from sheaf import actions
from sheaf.actions import Context, Files
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import InputError, Refused, Reverted
from sheaf.governance import parameters
from tests.flows.town import Town


def _write(path: Path, accounts: list[str], seed: int, flipped: str = "") -> Path:
    """Write points with right labels, given in turn by these accounts; those of `flipped` are wrong."""
    rng = np.random.default_rng(seed)
    rows = ["x,y,label,contributor" if accounts else "x,y,label"]
    for i in range(60):
        x, y = rng.normal(size=2)
        giver = accounts[i % len(accounts)] if accounts else ""
        label = int(x + y > 0) ^ int(bool(giver) and giver == flipped)
        rows.append(f"{x:.4f},{y:.4f},{label}" + (f",{giver}" if giver else ""))
    path.write_text("\n".join(rows) + "\n")
    return path


@pytest.fixture
def files(town: Town, tmp_path: Path) -> Files:
    """What two contributors sold, one of them wrong labels, and what the buyer held out."""
    accounts = [town.contributor.account, town.custodian.ctx.account]
    sold = _write(tmp_path / "bought.csv", list(accounts), 1, flipped=accounts[1])
    return Files(sold, _write(tmp_path / "held_out.csv", [], 2), "label", "contributor")


def test_shares_are_posted_disputed_and_claimed(town: Town, files: Files, tmp_path: Path) -> None:
    """The buyer's first root favours a friend; a contributor disputes it and wins; the second is right and paid to the unit."""
    governor = Signer(hashlib.sha256(b"sheaf local deployer 0").digest())
    parameters.set_parameter(town.ctx.chain, governor, "challenge_seconds", 600)
    juror = town.join("juror")
    actions.stake(juror, 1_000 * WAD)
    town.next_period()
    request = town.open().id
    with pytest.raises(InputError, match="no bonus pool"):
        actions.show_bonus(town.ctx, request)
    with pytest.raises(InputError, match="amount"):
        actions.fund_pool(town.buyer, request, 0)
    actions.fund_pool(town.buyer, request, 101)
    with pytest.raises(InputError, match="no shares"):
        actions.check_bonus(town.ctx, request, files)
    with pytest.raises(Reverted, match="the request is running"):
        actions.settle_bonus(town.buyer, request, files)
    actions.cancel(town.buyer, request)
    skewed = Files(
        _write(tmp_path / "skewed.csv", [town.join("friend").account], 3), files.task, "label", "contributor"
    )
    wrong = actions.settle_bonus(town.buyer, request, skewed)
    difference = actions.check_bonus(town.ctx, request, files)
    assert difference is not None and difference.startswith("records:")
    case = actions.challenge_bonus(town.contributor, request)
    _judge(town, juror, case)
    assert actions.show_bonus(town.ctx, request).posting is None
    assert actions.bonus_winnings(town.contributor) > actions.share_case(town.ctx, case).bond
    right = actions.settle_bonus(town.buyer, request, files)
    assert right.evidence is not None and wrong.pool.left == right.pool.left == 101
    assert actions.check_bonus(town.ctx, request, files) is None
    town.advance(700)
    shares = dict(zip(right.evidence.accounts, map(int, right.evidence.shares), strict=True))
    assert sum(shares.values()) == 101 and shares[town.contributor.account] > 90
    assert (
        actions.claim_bonus(town.custodian.ctx, request, town.contributor.account)
        == shares[town.contributor.account]
    )
    with pytest.raises(Reverted, match="nothing to claim"):
        actions.claim_bonus(town.contributor, request)
    with pytest.raises(InputError, match="no share"):
        actions.claim_bonus(town.buyer, request)
    assert actions.withdraw_bonus(town.buyer) > 0
    with pytest.raises(Reverted):
        actions.reclaim_bonus(town.buyer, request)


def _judge(town: Town, juror: Context, case: int) -> None:
    for _ in range(12):
        if actions.share_case(town.ctx, case).jury.size:
            break
        actions.proceed_on_shares(juror, case)
        town.mine()
    with pytest.raises(Refused, match="no seat"):
        actions.vote_on_shares(town.buyer, case, is_rejected=False)
    assert actions.vote_on_shares(juror, case, is_rejected=True) == 0
    assert actions.reveal_on_shares(juror, case, is_rejected=True) == 0
    assert [actions.proceed_on_shares(juror, case) for _ in range(2)] == ["tally", "wait"]
    town.advance(700)
    done = [actions.proceed_on_shares(juror, case) for _ in range(5)]
    assert done == ["conclude", "show", "execute", "collect", "wait"]
    with pytest.raises(InputError, match="case"):
        actions.share_case(town.ctx, 99)
    with pytest.raises(Reverted, match="not in that phase"):
        actions.appeal_on_shares(town.contributor, case, is_for_challenge=False)
