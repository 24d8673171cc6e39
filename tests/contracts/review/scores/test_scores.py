"""Scores: who may rate what and when, what it does to fees, and what gold does to those who do not look."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import boa
import pytest

from sheaf.market.settlement import Prices, Ratings, Verdict, split
from sheaf.review import openings, scores
from sheaf.review.scores import Case, Rules, ScoresTwin, Standing, Votes
from sheaf.review.stakes import SLASH, StakesTwin
from tests.contracts.market_world import TOKEN, World, key_of, source
from tests.contracts.review.disputes.court import Court
from tests.contracts.review.scores.conftest import Batch, batch

SEED = 11
N = 50
NO_GOLD = [False] * N


def honest(dice: random.Random, bad: list[bool], error: float = 0.05) -> list[bool]:
    """Return the votes of one who looks."""
    return [b != (dice.random() < error) for b in bad]


@pytest.fixture
def mixed(world: World) -> Batch:
    """Three who look, one who approves everything, one who tosses coins, over a batch of which a third is bad and ten records gold."""
    dice = random.Random(SEED)
    bad = [i % 3 == 0 for i in range(N)]
    cast = [bad, bad, bad, [False] * N, [dice.random() < 0.5 for _ in range(N)]]
    gold = [i < 10 for i in range(N)]
    world.parameters.set_round(0, 5, 3, sender=world.deployer)
    return batch(world, cast, gold, [b and g for b, g in zip(bad, gold, strict=True)])


def twin_of(made: Batch) -> tuple[ScoresTwin, Case]:
    """Return a twin before the batch, with all validators staked, and what it reads of the batch."""
    world = made.world
    stakes = StakesTwin(world.deployer, 100, 7 * 86_400, TOKEN, 10**6 * TOKEN, now=world.now)
    stakes.appoint(world.deployer, "scores", SLASH)
    for account in world.keys:
        stakes.stake(account, world.stake)
    rules = Rules(chain_id=boa.env.evm.patch.chain_id, contract=world.scores.address)
    twin = ScoresTwin(stakes, rules, now=world.now)
    return twin, case_of(made)


def case_of(made: Batch) -> Case:
    """Return what the twin reads of a batch."""
    from sheaf.review.reviews import Review

    world, number = made.world, made.submission
    return Case(
        made.request, world.contributor, world.buyer, N,
        bytes(world.requests.submission(number).commitment), Review(*world.reviews.review(number)),
        bytes(world.reviews.openings(number, 1)),
    )  # fmt: skip


def standing_of(world: World, account: str) -> Standing:
    """Return what the contract knows of a validator."""
    return Standing(*world.scores.standing(account))


def test_scores_and_tests_are_the_twins(mixed: Batch) -> None:
    """After agreement and gold every member's standing, factor, jail and sentence are the twin's."""
    twin, case = twin_of(mixed)
    mixed.open_gold()
    twin.score(mixed.submission, case, mixed.votes, mixed.gold)
    world = mixed.world
    for account in mixed.votes.accounts:
        assert standing_of(world, account) == twin.standing(account)
        number = world.stakes.id_of(account)
        assert world.stakes.jailed_until(number) == twin.stakes.jailed_until(number)
        sentence = twin.sentences.get(account)
        due = (sentence.due_at, sentence.submission) if sentence else (0, 0)
        assert tuple(world.scores.sentence(account)) == due
    expected = twin.terms(mixed.submission, mixed.votes.accounts, case.review.verdict)
    assert tuple(world.scores.terms(mixed.submission, mixed.votes.accounts)) == (
        expected.gold_approved,
        expected.gold_rejected,
        list(expected.factors),
    )
    assert world.scores.marks(mixed.submission) == scores.SCORED | scores.TESTED
    assert list(world.scores.factors(mixed.votes.accounts)) == list(expected.factors)


def test_who_looks_earns_more(mixed: Batch) -> None:
    """Those who look earn their whole fee, who approves everything or tosses coins 70 % or little more."""
    mixed.score()
    factors = list(mixed.world.scores.factors(mixed.votes.accounts))
    assert factors[3] == 7000 and factors[4] < 8500
    assert all(factor > 9000 for factor in factors[:3])
    assert mixed.world.scores.marks(mixed.submission) == scores.SCORED


def test_who_has_no_history_earns_the_whole_fee(world: World) -> None:
    """A validator that was never scored, or only where nothing was bad, has the full factor."""
    made = batch(world, [[False] * N] * 5, NO_GOLD, NO_GOLD)
    assert list(world.scores.factors([*made.votes.accounts, world.outsider])) == [10_000] * 6
    made.score()
    assert list(world.scores.factors(made.votes.accounts)) == [10_000] * 5
    assert standing_of(world, made.votes.accounts[0]) == Standing(batches=1)


def test_an_unscored_batch_settles_and_a_settled_one_can_be_scored(mixed: Batch) -> None:
    """The settlement waits for no score; the agreement may be counted afterwards, the gold may not."""
    world = mixed.world
    world.past_challenge()
    world.requests.settle(mixed.submission, sender=world.outsider)
    with boa.reverts("scores: not decided"):
        mixed.open_gold()
    mixed.score()
    assert standing_of(world, mixed.votes.accounts[0]).batches == 1


def test_gold_is_neither_paid_nor_forfeited_and_factors_bite(mixed: Batch) -> None:
    """A scored batch with gold splits as the twin says: what is not earned goes to the treasury, never to other validators."""
    world = mixed.world
    mixed.open_gold()
    terms = world.scores.terms(mixed.submission, mixed.votes.accounts)
    review = world.reviews.review(mixed.submission)
    assert terms.gold_approved + terms.gold_rejected == 10
    world.past_challenge()
    world.requests.settle(mixed.submission, sender=world.outsider)
    verdict = Verdict(review.approved, review.rejected, review.decided_first, 5, 5, 31, mixed.votes.accounts)
    bond = N * TOKEN * 20 // 100 + N * TOKEN * 400 // 10_000
    ratings = Ratings(terms.gold_approved, terms.gold_rejected, terms.factors)
    parts = split(verdict, Prices(TOKEN, 400, 250, 20, bond), ratings)
    assert parts.paid == (review.approved - terms.gold_approved) * TOKEN
    assert world.escrow.owed(world.token, world.contributor) == parts.paid + parts.bond_back
    for account, pay in zip(mixed.votes.accounts, parts.seat_pays, strict=True):
        assert world.escrow.owed(world.token, account) == pay
    kept = parts.protocol_fee + parts.forfeited + parts.unearned
    assert parts.unearned > 0 and world.escrow.owed(world.token, world.deployer) == kept


def test_who_misses_gold_is_jailed_then_slashed(world: World) -> None:
    """Four misses more than hits explain jail at once; the slash waits for the ruling time, is due once, and takes its share."""
    bad = [i % 2 == 0 for i in range(N)]
    gold = [i < 8 for i in range(N)]
    made = batch(
        world, [bad] * 4 + [[not b for b in bad]], gold, [b and g for b, g in zip(bad, gold, strict=True)]
    )
    made.open_gold()
    culprit = made.votes.accounts[4]
    number = world.stakes.id_of(culprit)
    assert world.stakes.jailed_until(number) == world.now + 604_800 + 172_800
    assert (standing_of(world, culprit).jails, standing_of(world, culprit).llr) == (1, 0)
    assert all(world.stakes.jailed_until(world.stakes.id_of(a)) == 0 for a in made.votes.accounts[:4])
    with boa.reverts("scores: sentence is not due"):
        world.scores.execute(culprit, sender=world.outsider)
    with boa.reverts("scores: no sentence"):
        world.scores.execute(made.votes.accounts[0], sender=world.outsider)
    world.wait(604_800)
    held = world.stakes.position(number).amount
    assert world.scores.execute(culprit, sender=world.outsider) == held // 10
    assert world.stakes.position(number).amount == held - held // 10
    with boa.reverts("scores: no sentence"):
        world.scores.execute(culprit, sender=world.outsider)
    with boa.reverts("stakes: still jailed"):
        world.stakes.free(number, sender=world.outsider)
    world.wait(172_800)
    world.stakes.free(number, sender=world.outsider)


def test_voided_gold_harms_nobody(world: World) -> None:
    """Gold that contradicts all is voided by the arbiter: the money is as without gold, nobody stays jailed or is slashed."""
    bad = [False] * N
    gold = [i < 8 for i in range(N)]
    made = batch(world, [bad] * 5, gold, gold)
    arbiter = str(boa.env.generate_address("arbiter of gold"))
    world.reviews.propose_arbiter(arbiter, sender=world.deployer)
    world.wait(5)
    made.open_gold()
    members = list(made.votes.accounts)
    assert all(world.stakes.jailed_until(world.stakes.id_of(a)) for a in members)
    with boa.reverts("scores: not the arbiter"):
        world.scores.void_gold(made.submission, members, 0, sender=world.deployer)
    world.scores.void_gold(made.submission, members, 0, sender=arbiter)
    assert not any(world.stakes.jailed_until(world.stakes.id_of(a)) for a in members)
    assert tuple(world.scores.terms(made.submission, members))[:2] == (0, 0)
    with boa.reverts("scores: no sentence"):
        world.scores.execute(members[0], sender=world.outsider)
    with boa.reverts("scores: gold is void"):
        made.open_gold()
    world.scores.void_gold(made.submission, members, 0, sender=arbiter)
    world.past_challenge()
    world.requests.settle(made.submission, sender=world.outsider)
    assert world.escrow.owed(world.token, world.contributor) >= N * TOKEN


def test_voiding_heals_a_test_that_has_not_jailed(world: World) -> None:
    """Who was brought nearer to jail by voided gold is no nearer than a newcomer."""
    gold = [i < 3 for i in range(N)]
    made = batch(world, [[False] * N] * 5, gold, gold)
    arbiter = str(boa.env.generate_address("arbiter of gold"))
    world.reviews.propose_arbiter(arbiter, sender=world.deployer)
    world.wait(5)
    made.open_gold()
    assert standing_of(world, made.votes.accounts[0]).llr == 3 * scores.TEST.miss
    world.scores.void_gold(made.submission, list(made.votes.accounts), 0, sender=arbiter)
    assert standing_of(world, made.votes.accounts[0]).llr == 0


def test_a_ruling_lets_gold_be_counted_again_but_not_tested(mixed: Batch) -> None:
    """Gold that was counted for a verdict that was replaced counts for nothing until it is counted for the new one; the test runs once."""
    world = mixed.world
    arbiter = str(boa.env.generate_address("arbiter of gold"))
    world.reviews.propose_arbiter(arbiter, sender=world.deployer)
    world.wait(5)
    mixed.open_gold()
    with boa.reverts("scores: gold is counted"):
        mixed.open_gold()
    before = [standing_of(world, account) for account in mixed.votes.accounts]
    world.reviews.hold(mixed.submission, sender=arbiter)
    with boa.reverts("scores: not decided"):
        mixed.open_gold()
    nothing, everything = openings.pack([False] * N), openings.pack([True] * N)
    world.reviews.rule(mixed.submission, everything, nothing, sender=arbiter)
    assert tuple(world.scores.terms(mixed.submission, []))[:2] == (0, 0)
    mixed.open_gold(rejected=everything, hung=nothing)
    assert tuple(world.scores.terms(mixed.submission, []))[:2] == (0, 10)
    assert [standing_of(world, account) for account in mixed.votes.accounts] == before


def test_votes_must_be_those_of_the_tally(mixed: Batch) -> None:
    """Other votes, other accounts, other seats, none, or a bitmap cut elsewhere are refused; so is scoring twice."""
    votes = mixed.votes
    empty = openings.pack([False] * N)
    for other in (
        votes._replace(bitmaps=(empty, *votes.bitmaps[1:])),
        votes._replace(accounts=(*votes.accounts[1:], votes.accounts[0])),
        votes._replace(mask=30),
        votes._replace(bitmaps=(*votes.bitmaps, b"\0")),
        votes._replace(bitmaps=()),
    ):
        with boa.reverts("scores: not what the tally was shown"):
            mixed.score(other)
    with boa.reverts("scores: nobody opened"):
        mixed.score(Votes(0, (), ()))
    mixed.score()
    with boa.reverts("scores: already scored"):
        mixed.score()


def test_nothing_is_scored_before_the_verdict(world: World) -> None:
    """What is not decided is not scored, and no gold of it is shown."""
    submission = world.submit(world.open(), N)
    world.draw(submission)
    pending = Batch(world, submission, 1, Votes(1, (world.outsider,), (b"",)), _gold(world))
    for act in (pending.score, pending.open_gold):
        with boa.reverts("scores: not decided"):
            act()


def _gold(world: World) -> scores.Gold:
    empty = openings.pack([False] * N)
    return scores.Gold(empty, empty, bytes(32), bytes(32), bytes(32), bytes(32), world.contributor)


def test_gold_is_what_was_committed_to_and_signed_by_the_keeper(mixed: Batch) -> None:
    """A contributor can change nothing of the gold and invent none: any other opening or signature is refused."""
    gold = mixed.gold
    more = openings.pack([i < 11 for i in range(N)])
    beyond = openings.pack([False] * N + [True])
    short = b"\0" * 31
    assert len(beyond) == len(more)
    refusals: list[tuple[str, dict[str, Any]]] = [
        ("scores: wrong length", {"positions": short}),
        ("scores: gold beyond the last record", {"positions": beyond, "wrong": openings.pack([False] * N)}),
        ("scores: wrong outside the gold", {"wrong": openings.pack([False] * 49 + [True])}),
        ("scores: not the gold that was committed to", {"positions": more}),
        ("scores: not the gold that was committed to", {"salt": b"\x06" * 32}),
        ("scores: not the gold that was committed to", {"root": b"\x06" * 32}),
        ("scores: malformed signature", {"signature": gold.signature[:64]}),
        ("scores: malformed signature", {"signature": bytes(65)}),
        ("scores: not the keeper's signature", {"signature": mixed.signed("contributor")}),
        ("scores: not the keeper's signature", {"signature": mixed.signed(submission=mixed.submission + 1)}),
        ("scores: not the keeper's signature", {"signature": mixed.signed(contributor=mixed.world.outsider)}),
        (
            "scores: not the keeper's signature",
            {"signature": mixed.signed(gold=replace(gold, root=b"\7" * 32))},
        ),
        ("scores: not the verdict", {"rejected": gold.hung, "hung": gold.rejected}),
        ("scores: not what the tally was shown", {"votes": mixed.votes._replace(mask=30)}),
    ]
    for reason, changes in refusals:
        with boa.reverts(reason):
            mixed.open_gold(**changes)
    mixed.open_gold()


@pytest.mark.parametrize(("records", "reason"), [(0, "scores: no gold"), (257, "scores: too much gold")])
def test_gold_is_some_and_bounded(world: World, records: int, reason: str) -> None:
    """A batch has at least one and at most 256 gold records."""
    size = max(records, 2)
    gold = [i < records for i in range(size)]
    made = batch(world, [[False] * size] * 5, gold, [False] * size)
    with boa.reverts(reason):
        made.open_gold()


def test_the_buyer_may_name_another_keeper_once(mixed: Batch) -> None:
    """A named keeper's signature counts and the buyer's no more; only the buyer names, once, and not nobody."""
    world = mixed.world
    keeper = key_of("keeper").address
    assert world.scores.keeper(mixed.request) == world.buyer
    with boa.reverts("scores: not the buyer"):
        world.scores.name_keeper(mixed.request, keeper, sender=world.outsider)
    with boa.reverts("scores: no keeper"):
        world.scores.name_keeper(mixed.request, "0x" + "00" * 20, sender=world.buyer)
    world.scores.name_keeper(mixed.request, keeper, sender=world.buyer)
    with boa.reverts("scores: keeper is named"):
        world.scores.name_keeper(mixed.request, keeper, sender=world.buyer)
    assert world.scores.keeper(mixed.request) == keeper
    with boa.reverts("scores: not the keeper's signature"):
        mixed.open_gold()
    mixed.open_gold(signature=mixed.signed("keeper"))


def test_scores_is_wired_once(world: World) -> None:
    """Only the deployer names Requests, once, and not nobody."""
    for sender, reason in (
        (world.outsider, "scores: not the deployer"),
        (world.deployer, "scores: already wired"),
    ):
        with boa.reverts(reason):
            world.scores.wire(world.requests, sender=sender)
    with boa.env.prank(world.deployer):
        fresh = source("review/Scores.vy").deploy(world.parameters, world.reviews, world.stakes)
        with boa.reverts("scores: no requests"):
            fresh.wire("0x" + "00" * 20)


def test_who_has_left_its_place_is_not_jailed(world: World) -> None:
    """A standing belongs to an account: tests go on for one that has no place any more, and jail nobody else."""
    gold = [i < 8 for i in range(N)]
    made = batch(world, [[False] * N] * 5, gold, gold)
    gone = made.votes.accounts[0]
    number = world.stakes.id_of(gone)
    world.stakes.eval(f"self.id_of[{gone}] = 0")
    made.open_gold()
    assert standing_of(world, gone).jails == 1 and world.stakes.jailed_until(number) == 0
    assert tuple(world.scores.sentence(gone)) == (0, 0)


def test_a_second_jailing_prolongs_and_is_slashed_once(world: World) -> None:
    """Who fails again while a slash waits stays jailed longer, and the slash that waits is the one that stands."""
    gold = [i < 8 for i in range(N)]
    first = batch(world, [[False] * N] * 5, gold, gold)
    second = batch(world, [[False] * N] * 5, gold, gold)
    first.open_gold()
    world.wait(1000)
    second.open_gold()
    for account in set(first.votes.accounts) & set(second.votes.accounts):
        assert world.scores.sentence(account).submission == first.submission
        assert world.stakes.jailed_until(world.stakes.id_of(account)) == world.now + 604_800 + 172_800
        assert standing_of(world, account).jails == 2


def test_averages_forget(world: World) -> None:
    """Each batch weighs one twentieth: averages follow the twin's over several batches, negative ones included."""
    dice = random.Random(3)
    stakes = StakesTwin(world.deployer, 100, 7 * 86_400, TOKEN, 10**6 * TOKEN)
    twin = ScoresTwin(stakes)
    world.parameters.set_round(0, 3, 2, sender=world.deployer)
    for _ in range(3):
        bad = [dice.random() < 0.3 for _ in range(N)]
        cast = [honest(dice, bad), honest(dice, bad, 0.2), [not b for b in bad]]
        request = world.open()
        submission = world.submit(request, N)
        world.draw(submission)
        bitmaps = tuple(openings.pack(vote) for vote in cast)
        world.review_jointly(submission, bitmaps)
        if world.reviews.review(submission).phase != 3:
            continue
        votes = Votes(7, tuple(world.committees.accounts(submission)), bitmaps)
        made = Batch(world, submission, request, votes, _gold(world))
        made.score()
        twin.score(submission, case_of(made), votes)
        for account in votes.accounts:
            assert standing_of(world, account) == twin.standing(account)
    assert any(standing.agreement < 0 for standing in twin.standings.values())


def test_a_court_that_finds_nobody_at_fault_voids_gold() -> None:
    """Where the arbiter is a court, anyone voids the gold of a submission in which it concluded that nobody was at fault, and no other."""
    court = Court()
    world = court.world
    gold = [i < 8 for i in range(N)]
    made = batch(world, [[False] * N] * 5, gold, gold)
    made.open_gold()
    members = list(made.votes.accounts)
    case = court.challenge(made.submission, 255, (made.gold.rejected, made.gold.hung))
    court.draw(case)
    for seat in range(5):
        court.commit(case, seat, 0, is_faultless=seat < 3)
    for seat in range(5):
        court.reveal(case, seat)
    court.disputes.tally(case, sender=world.outsider)
    with boa.reverts("scores: no ruling that nobody was at fault"):
        world.scores.void_gold(made.submission, members, case, sender=world.outsider)
    court.conclude(case)
    with boa.reverts("scores: no ruling that nobody was at fault"):
        world.scores.void_gold(made.submission + 1, members, case, sender=world.outsider)
    world.scores.void_gold(made.submission, members, case, sender=world.outsider)
    assert not any(world.stakes.jailed_until(world.stakes.id_of(member)) for member in members)
    assert all(tuple(world.scores.sentence(member)) == (0, 0) for member in members)
    assert world.scores.marks(made.submission) & scores.VOID
