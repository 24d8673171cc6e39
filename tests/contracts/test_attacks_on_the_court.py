"""Attacks on second opinions: challenges of one's own, shams, floods and delays. None may save a lock that the law takes."""

from __future__ import annotations

from collections.abc import Iterator

import boa
import pytest

from sheaf.review import openings
from tests.contracts.market_world import TOKEN
from tests.contracts.review.disputes.court import Court

N = 50
ALL = [False] * N
NAMED = (1 << 10) - 1
LARGE = 20 * 256


@pytest.fixture(scope="module")
def _court() -> Court:
    return Court()


@pytest.fixture
def court(_court: Court) -> Iterator[Court]:
    with boa.env.anchor():
        yield _court


def select(court: Court, submission: int, monkeypatch: pytest.MonkeyPatch) -> int:
    """Let the blocks up to the target be such that the beacon picks; return the word."""
    court.world.parameters.set(5, 2500, sender=court.world.deployer)
    boa.env.evm.patch.block_number = court.world.reviews.counted_block(submission) + 3
    for salt in range(64):
        hashes = [openings.keccak(f"{salt} {i}".encode()) for i in range(256)]
        monkeypatch.setattr(boa.env.evm.vm.state.execution_context, "_prev_hashes", hashes)
        selected, word = court.disputes.selected(submission)
        if selected:
            return int(word)
    raise AssertionError("the beacon never falls so")


def rule(court: Court, case: int, votes: int) -> None:
    """Let a whole jury vote so, and conclude."""
    size = court.draw(case).size
    court.vote(case, [votes] * size)
    court.conclude(case)


def losses(court: Court, submission: int) -> list[int]:
    """What each member has lost so far."""
    members = court.world.committees.committee(submission).members
    return [10_000 * TOKEN - court.world.stakes.position(member).amount for member in members]


def test_challenging_the_sample_oneself_hides_nothing_from_an_audit(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever approved garbage and names the whole word that the beacon chose, before it is audited, is charged by the sample."""
    votes = [[False] * LARGE] * 5
    submission, *verdict = court.decide(votes, price=TOKEN // 1000)
    word = select(court, submission, monkeypatch)
    case = court.challenge(submission, 2**256 - 1, (verdict[0], verdict[1]), word=word)
    court.disputes.audit(submission, *verdict, sender=court.world.outsider)
    with boa.reverts("disputes: audited already"):
        court.disputes.audit(submission, *verdict, sender=court.world.outsider)
    rule(court, case, 2**256 - 1)
    court.slash(submission)
    lock = court.world.committees.committee(submission).lock
    assert losses(court, submission) == [lock] * 5


def test_what_an_audit_takes_does_not_come_back_to_who_challenged_himself(
    court: Court, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Locks are computed so that an audited fraud loses all of them: a challenge of one's own wins nothing of what the sample takes."""
    submission, *verdict = court.decide([[False] * 300] * 5, price=TOKEN // 100)
    word = select(court, submission, monkeypatch)
    mask = (1 << min(256, 300 - 256 * word)) - 1
    case = court.challenge(submission, mask, (verdict[0], verdict[1]), word=word)
    court.disputes.audit(submission, *verdict, sender=court.world.outsider)
    rule(court, case, mask)
    court.slash(submission)
    court.execute(submission, (verdict[0], verdict[1]))
    lost = sum(losses(court, submission))
    paid = court.collect(case)
    assert lost > 0 and paid.paid_to_winners == 0
    assert court.disputes.owed(court.challenger) == paid.returned
    assert court.disputes.fund_left() + paid.paid_to_jurors == 5 * (lost // 5 // 2)


def test_one_record_named_first_shields_no_other(court: Court) -> None:
    """Who runs ahead of a challenge with a sham about one of its records makes it neither fail nor larger than it has to be."""
    submission, *verdict = court.decide([ALL] * 5)
    court.challenge(submission, 1 << 3, (verdict[0], verdict[1]), sender=court.appellant)
    case = court.challenge(submission, NAMED, (verdict[0], verdict[1]))
    assert court.disputes.case_of(case).mask == NAMED & ~(1 << 3)
    assert court.disputes.case_of(case).bond == 10 * TOKEN + 9 * TOKEN // 10
    with boa.reverts("disputes: disputed already"):
        court.challenge(submission, 0b1001, (verdict[0], verdict[1]))


def test_shams_that_nobody_concludes_do_not_keep_a_ruling_from_its_effect(court: Court) -> None:
    """A submission can have as many cases as records, and somebody has to bring each to its end: in the last minutes of the hold what
    is ruled is executed without the rest."""
    submission, *verdict = court.decide([ALL] * 5)
    shown = (verdict[0], verdict[1])
    case = court.challenge(submission, NAMED, shown)
    shams = [court.challenge(submission, 1 << n, shown, sender=court.appellant) for n in (20, 30, 40)]
    rule(court, case, NAMED)
    for act in (lambda: court.slash(submission), lambda: court.execute(submission, shown)):
        with boa.reverts("disputes: cases are open"):
            act()
    until = court.disputes.trial_of(submission).until
    court.world.wait(until - 1800 - court.world.now)
    court.show(submission)
    assert sum(losses(court, submission)) > 0
    with boa.reverts("disputes: cases are open"):
        court.execute(submission, shown)
    court.world.wait(900)
    court.execute(submission, shown)
    assert court.world.reviews.review(submission).rejected == 10
    for sham in shams:
        court.disputes.conclude(sham, sender=court.world.outsider)
    assert sum(court.collect(one).returned for one in (case, *shams)) == 11 * TOKEN + 3 * (
        10 * TOKEN + TOKEN // 10
    )
    for account in (court.challenger, court.appellant):
        court.disputes.withdraw(sender=account)
    assert court.balance() == court.disputes.fund_left() + sum(
        court.disputes.owed(court.account(case, seat)) for seat in range(5)
    )


def test_jurors_answer_though_the_last_round_rules_nothing(court: Court) -> None:
    """Five bribed jurors whom the second round reverses lose their locks, also where an appeal's third round stays away."""
    submission, *verdict = court.decide([ALL] * 5)
    case = court.challenge(submission, NAMED, (verdict[0], verdict[1]))
    for is_for_challenge, votes in ((True, [0] * 5), (False, [NAMED] * 6)):
        court.draw(case)
        court.vote(case, votes)
        court.disputes.appeal(case, is_for_challenge, sender=court.appellant)
    court.draw(case)
    court.vote(case, [None] * 12)
    jurors = [court.disputes.juror(case, seat) for seat in range(11)]
    court.conclude(case)
    lock = court.world.committees.committee(submission).lock
    amounts = [court.world.stakes.position(juror).amount for juror in jurors]
    assert amounts == [10_000 * TOKEN - lock] * 5 + [10_000 * TOKEN] * 6


def test_a_power_that_is_taken_away_locks_nobody_up(court: Court) -> None:
    """A court whose power to slash the governor takes still concludes, releases its jurors and returns the bonds."""
    submission, *verdict = court.decide([ALL] * 5)
    case = court.challenge(submission, NAMED, (verdict[0], verdict[1]))
    court.draw(case)
    court.vote(case, [0] * 5)
    court.disputes.appeal(case, True, sender=court.appellant)
    court.draw(case)
    court.vote(case, [NAMED] * 6)
    court.world.stakes.dismiss(court.disputes, 2, sender=court.world.deployer)
    jurors = [court.disputes.juror(case, seat) for seat in range(11)]
    court.conclude(case)
    assert [court.world.stakes.position(juror).locked for juror in jurors] == [0] * 11
