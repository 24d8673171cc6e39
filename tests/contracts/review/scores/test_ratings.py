"""What validators are worth: the contract's integers beside the twin's, and the twin's beside counting pairs of records."""

from __future__ import annotations

import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import boa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sheaf.domain.amounts import WAD
from sheaf.review import openings
from sheaf.review.scores import TEST
from sheaf.verification.gold import JAIL, RESET
from sheaf.verification.peer_prediction import agreement, reference
from tests.contracts.market_world import MOCKS

START = -RESET


@pytest.fixture(scope="module")
def ratings() -> Any:
    """The module that rates, laid open."""
    return boa.load_partial(str(MOCKS / "Ratings.vy")).deploy()


def votes(dice: random.Random, records: int, members: int) -> list[bytes]:
    """Return bitmaps of members who reject with different rates, some of them nothing and some everything."""
    rates = [dice.choice([0.0, 0.05, 0.3, 0.5, 1.0]) for _ in range(members)]
    return [openings.pack([dice.random() < rate for _ in range(records)]) for rate in rates]


def agreement_by_pairs(bitmaps: Sequence[bytes], records: int, member: int) -> Fraction:
    """Count, as the paper does, pairs on which two agree: those of the same record less those of different records."""
    marked = [[openings.is_marked(bitmap, i) for i in range(records)] for bitmap in bitmaps]
    total = Fraction(0)
    for peer in range(len(bitmaps)):
        if peer == member:
            continue
        mine, other = marked[member], marked[peer]
        same = Fraction(sum(a == b for a, b in zip(mine, other, strict=True)), records)
        pairs = [(a, b) for a in range(records) for b in range(records) if a != b]
        apart = Fraction(sum(mine[a] == other[b] for a, b in pairs), len(pairs))
        total += same - apart
    return total / (len(bitmaps) - 1)


@pytest.mark.parametrize("seed", range(4))
def test_agreement_is_what_counting_pairs_gives(seed: int) -> None:
    """The score is agreement on the same record less agreement on different ones, averaged over peers, to the last digit."""
    dice = random.Random(seed)
    records, members = dice.randint(2, 14), dice.randint(2, 6)
    bitmaps = votes(dice, records, members)
    for member, found in enumerate(agreement(bitmaps, records)):
        exact = agreement_by_pairs(bitmaps, records, member) * WAD
        assert found == int(exact)


@pytest.mark.parametrize("records", [1, 2, 50, 256, 257, 1024])
@pytest.mark.parametrize("members", [1, 2, 5, 12])
def test_the_contract_scores_as_its_twin(ratings: Any, records: int, members: int) -> None:
    """For every size of batch and committee, contract and twin agree on each member's score."""
    bitmaps = votes(random.Random(records * members), records, members)
    found = ratings.scores(b"".join(bitmaps), members, records)
    assert list(found)[:members] == agreement(bitmaps, records)


def test_who_always_answers_the_same_scores_nothing(ratings: Any) -> None:
    """A member who rejects nothing, or everything, scores exactly 0 whatever its peers do."""
    dice = random.Random(1)
    honest = [openings.pack([dice.random() < 0.3 for _ in range(50)]) for _ in range(3)]
    found = ratings.scores(
        b"".join([*honest, openings.pack([False] * 50), openings.pack([True] * 50)]), 5, 50
    )
    assert list(found)[3:5] == [0, 0]


def test_honest_members_score_what_is_expected_of_them() -> None:
    """Over many batches the mean score of members who are right at rate q is the reference for q, within 3 %."""
    dice = random.Random(7)
    found, expected = 0, 0
    for _ in range(60):
        bad = [dice.random() < 0.2 for _ in range(200)]
        bitmaps = [openings.pack([b != (dice.random() < 0.1) for b in bad]) for _ in range(5)]
        found += sum(agreement(bitmaps, 200)) // 5
        expected += reference(200, sum(bad), 9000)
    assert abs(found / expected - 1) < 0.03


@given(st.integers(0, 16_384), st.integers(0, 16_384), st.integers(5000, 10_000))
def test_references_agree(ratings: Any, records: int, rejected: int, skill_bps: int) -> None:
    """Contract and twin expect the same of members, for every batch."""
    rejected = min(rejected, records)
    assert ratings.reference(records, rejected, skill_bps) == reference(records, rejected, skill_bps)


@given(
    st.integers(RESET + 1, JAIL - 1),
    st.lists(st.sampled_from("....++++++++xx"), max_size=300).map("".join),
)
def test_the_sequential_test_takes_runs_of_hits_at_once(ratings: Any, llr: int, marks: str) -> None:
    """`.` no gold, `+` hit, `x` miss: however they lie across words, the contract ends where one record at a time ends."""
    dice = random.Random(marks)
    wrong = [mark != "." and dice.random() < 0.5 for mark in marks] or [False]
    vote = [w != (mark == "x") for w, mark in zip(wrong, marks, strict=False)] or [False]
    gold = [mark != "." for mark in marks] or [False]
    level, hits, misses = ratings.tested(
        llr + START, openings.pack(gold), openings.pack(wrong), openings.pack(vote)
    )
    after = TEST.run(llr, [mark == "+" for mark in marks if mark != "."])
    assert (hits, misses) == (after.hits, after.misses)
    assert (level >= JAIL + START) == after.is_jailed
    if not after.is_jailed:
        assert level - START == after.llr


def test_the_sequential_test_is_walds(ratings: Any) -> None:
    """Four misses in a row jail, eight hits in a row begin anew: sums of ln(.5/.05) and ln(.5/.95) against 9.21 and -4.61."""
    for misses, is_jailed in ((3, False), (4, True)):
        assert TEST.run(0, [False] * misses).is_jailed is is_jailed
    assert TEST.run(0, [True] * 7).llr == -7 * 641_854
    assert TEST.run(0, [True] * 8).llr == 0
    gold = openings.pack([True] * 256)
    assert ratings.tested(START, gold, gold, openings.pack([False] * 256))[2] == 4
