"""Audits: the beacon picks, nobody else does; a jury looks again, and what it finds is charged by the sample's share."""

from __future__ import annotations

import boa
import pytest

from sheaf.review import openings, reversals
from tests.contracts.market_world import TOKEN
from tests.contracts.review.disputes.court import Court

N = 300
YES = openings.pack([False] * N)


def _select(court: Court, submission: int, wanted: bool, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the blocks up to the target be such that the beacon picks, or does not; return the word."""
    counted = court.world.reviews.counted_block(submission)
    with boa.reverts("block_beacon: too early"):
        court.disputes.selected(submission)
    boa.env.evm.patch.block_number = counted + 3
    for salt in range(64):
        hashes = [openings.keccak(f"{salt} {i}".encode()) for i in range(256)]
        monkeypatch.setattr(boa.env.evm.vm.state.execution_context, "_prev_hashes", hashes)
        selected, word = court.disputes.selected(submission)
        if selected is wanted:
            return int(word)
    raise AssertionError("the beacon never falls so")


@pytest.fixture
def approved(court: Court) -> int:
    """A submission of 300 records, all approved by all five."""
    return court.decide([[False] * N] * 5, price=TOKEN // 100)[0]


def test_the_rate_is_that_of_the_submissions_time(
    court: Court, approved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a vote nor standing that is won or lost meanwhile moves what a submission is audited at; later ones follow them."""
    world = court.world
    _select(court, approved, True, monkeypatch)
    assert world.requests.case_of(approved).audit_bps == 2000
    answers = []
    for rate in (300, 5000):
        world.parameters.set(5, rate, sender=world.deployer)
        answers.append(tuple(court.disputes.selected(approved)))
        assert world.requests.case_of(approved).audit_bps == 2000
        later = world.submit(world.open(), 10)
        assert world.requests.case_of(later).audit_bps == 2 * rate
        assert tuple(world.requests.submission(later))[4:6] == (1, 20)
    assert answers[0] == answers[1] and answers[0][0]


def test_only_the_beacon_picks(court: Court, approved: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the beacon did not pick, or picked too long ago, is not audited; what it picked only once."""
    _select(court, approved, False, monkeypatch)
    with boa.reverts("disputes: not selected"):
        court.disputes.audit(approved, YES, YES, sender=court.world.outsider)
    boa.env.evm.patch.block_number += 300
    with boa.reverts("block_beacon: block out of reach"):
        court.disputes.audit(approved, YES, YES, sender=court.world.outsider)


def test_an_audit_slashes_by_its_sample_and_pays_from_the_fund(
    court: Court, approved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """15 jurors reject a fifth of the sample: members lose as for a fifth; jurors are paid, first from that; no bond was posted."""
    word = _select(court, approved, True, monkeypatch)
    case = int(court.disputes.audit(approved, YES, YES, sender=court.world.outsider))
    with boa.reverts("disputes: audited already"):
        court.disputes.audit(approved, YES, YES, sender=court.world.outsider)
    facts = court.disputes.case_of(case)
    sample = min(256, N - 256 * word)
    assert (facts.word, facts.mask, facts.challenger) == (word, (1 << sample) - 1, "0x" + "00" * 20)
    assert court.draw(case).size == 15
    bad = sum(1 << i for i in range(0, sample, 5))
    court.vote(case, [bad] * 15)
    court.conclude(case)
    court.slash(approved)
    panel = court.world.committees.committee(approved)
    loss = reversals.reversal(panel.lock, bad.bit_count(), sample)
    lost = [10_000 * TOKEN - court.world.stakes.position(member).amount for member in panel.members]
    assert lost == [loss] * 5 and loss > panel.lock // 2
    found = (
        (court.world.contributor, 0, bad.bit_count()),
        *(
            (account, sample - bad.bit_count(), bad.bit_count())
            for account in court.world.committees.accounts(approved)
        ),
    )
    notes = court.world.events(court.reversals, "StandingNoted")
    assert [(note.account, note.wrong) for note in notes] == [(account, wrong) for account, _, wrong in found]
    assert all(court.standing.record_of(account).blame > 0 for account, *_ in found)
    court.execute(approved, (YES, YES))
    fund = court.disputes.fund_left()
    assert fund == 5 * (loss // 2)
    paid = court.collect(case)
    assert (paid.burned, paid.returned, paid.paid_to_winners) == (0, 0, 0)
    assert paid.paid_to_jurors == 15 * min(facts.fee, fund // 15) == fund - court.disputes.fund_left()
    assert court.world.reviews.review(approved).rejected == bad.bit_count()


def test_an_audit_that_finds_nothing_costs_only_the_fund(
    court: Court, approved: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the jury agrees nobody loses anything; without money in the fund the jurors are paid as far as it goes."""
    _select(court, approved, True, monkeypatch)
    case = int(court.disputes.audit(approved, YES, YES, sender=court.world.outsider))
    court.disputes.fund(100, sender=court.challenger)
    court.draw(case)
    court.vote(case, [0] * 15)
    court.conclude(case)
    court.slash(approved)
    court.execute(approved, (YES, YES))
    paid = court.collect(case)
    assert (paid.paid_to_jurors, court.disputes.fund_left()) == (90, 10)
    for account in (court.world.contributor, *court.world.committees.accounts(approved)):
        assert court.standing.score_wad(account) > 0 == court.standing.record_of(account).blame
    assert court.standing.audit_bps(court.world.contributor, TOKEN // 10) < 5000
