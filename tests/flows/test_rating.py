"""Rating: validators that look and one that does not, over a batch with gold whose answers the buyer knows."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pyarrow as pa
import pytest
from eth_utils.crypto import keccak

from sheaf import actions
from sheaf.actions.cases import journal, rating
from sheaf.actions.gold import dealing, opening
from sheaf.domain.errors import Missing, Reverted
from sheaf.nodes.validator import Validator
from sheaf.review import openings, reviews, scores
from sheaf.review.scores import Gold
from sheaf.store import cid as cids
from tests.flows.test_gold import GoldTown
from tests.flows.town import Threshold, Town, points

N = 20
GOLD, WRONG = [i < 6 for i in range(N)], [i < 3 for i in range(N)]


@pytest.fixture
def mixed(town: Town) -> Town:
    """Four who look, and one who takes everything for side 1: wrong about all that is not."""
    town.staff([*[Threshold()] * 4, Threshold(at=-1.0)])
    town.next_period()
    return town


def spoilt(count: int) -> pa.Table:
    """Points of which the first three bear the wrong label."""
    table = points(count)
    labels = [int(v) for v in table.column("label").to_pylist()]
    return table.set_column(1, "label", pa.array([1 - v if WRONG[i] else v for i, v in enumerate(labels)]))


def opened(town: Town, submission: int, salt: bytes) -> Gold:
    """Return the gold of a submission with the verdict, signed by the buyer."""
    case = town.ctx.docket.case(submission)
    assert case.cid is not None
    gold = Gold(
        openings.pack(GOLD), openings.pack(WRONG), salt, case.root, keccak(cids.binary(case.cid)),
        case.key_commitment, case.custodian, b"", case.tallies[-1].rejected_bitmap, case.tallies[-1].hung_bitmap,
    )  # fmt: skip
    signed = scores.sign_gold(town.ctx.chain, town.buyer.sender, submission, case.contributor, gold)
    return replace(gold, signature=signed)


def standings(town: Town, submission: int) -> dict[str, Any]:
    """Return what is known of each member."""
    return {who: scores.standing(town.ctx.chain, who) for who in town.ctx.docket.case(submission).members}


def test_gold_tells_who_looks(mixed: Town) -> None:
    """Gold that was committed to is opened after the verdict by anyone: who does not look is jailed, and gold is not paid."""
    town, salt = mixed, b"\x07" * 32
    request = town.open()
    commitment = scores.gold_commitment(openings.pack(GOLD), openings.pack(WRONG), salt)
    submission = town.offer(request, spoilt(N), is_forced=True, gold=commitment)
    with pytest.raises(Missing, match="not counted"):
        actions.score(town.contributor, submission, Gold(b"", b"", salt, salt, salt, salt, request.buyer))
    assert actions.score(town.contributor, submission) is False
    town.decide(submission)
    assert actions.score(town.contributor, submission, opened(town, submission, salt))
    assert actions.score(town.contributor, submission) is False
    with pytest.raises(Reverted, match="gold is counted"):
        actions.score(town.contributor, submission, opened(town, submission, salt))
    found = standings(town, submission)
    lost = [standing for standing in found.values() if standing.misses]
    assert len(lost) == 1 and lost[0].llr > 0 and lost[0].factor_bps < 10_000
    assert all(
        one.hits == 6 and one.factor_bps > lost[0].factor_bps for one in found.values() if not one.misses
    )
    town.settle(submission)
    assert actions.settlement_of(town.ctx, submission).paid == (N - 6) * request.price


def test_a_node_rates_if_it_is_told_to(mixed: Town) -> None:
    """A validator that is scoring rates each decided batch once, before it is settled; the others do not."""
    town = mixed
    town.validators = [Validator(v.ctx, v._judge, is_scoring=i == 0) for i, v in enumerate(town.validators)]
    request = town.open()
    submission = town.offer(request, spoilt(N), is_forced=True)
    town.settle(submission)
    found = standings(town, submission)
    assert [standing.batches for standing in found.values()] == [1] * 5
    assert sorted(standing.factor_bps for standing in found.values())[0] < 10_000


def test_members_wait_for_no_keeper(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """While the keeper is away members count alone, and it shows its gold when it is back."""
    town.custodian.tick()
    golden = GoldTown(town)
    town.staff([Threshold()] * 5)
    submission = golden.offer(golden.open(), points(20))
    with monkeypatch.context() as away:
        away.setattr(opening, "countable", lambda *_: None)
        away.setattr(rating, "score", lambda *_: False)
        town.decide(submission)
    (tally,) = town.ctx.docket.case(submission).tallies
    assert town.ctx.chain.call_of(tally.transaction, reviews.CONTRACT, "tally") is not None
    assert scores.marks(town.ctx.chain, submission) == 0
    ((path, mix),) = dealing.mixes(golden.keeper.ctx).items()
    mix.opened_for = b""
    journal.keep(path, mix)
    town.settle(submission)
    assert scores.marks(town.ctx.chain, submission) == scores.SCORED | scores.TESTED
    assert actions.recompute(town.ctx, submission).difference is None
