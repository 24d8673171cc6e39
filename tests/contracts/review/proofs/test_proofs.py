"""Proofs of copies: what is proven is rejected at once, what is no copy or is allowed never is, and the bond goes half and half."""

from __future__ import annotations

import hashlib
from typing import Any

import boa

from sheaf.domain.canonical import json_bytes
from sheaf.market import requests as market
from sheaf.review import openings, proofs
from tests.contracts.market_world import CID, MOCKS, TOKEN, source
from tests.contracts.review.proofs.bench import RAW, Bench, digest, specification

NAMES = ["one", "two", "three", "two", "five", "one", "seven"]


def _balance(bench: Bench) -> int:
    contract, world = bench.contract, bench.world
    held = world.token.balanceOf(contract) + world.escrow.owed(world.token, contract)
    return int(held)


def _settle(bench: Bench, submission: int) -> Any:
    bench.past_challenge()
    bench.world.requests.settle(submission, sender=bench.world.outsider)
    return bench.world.events(bench.world.requests, "SubmissionSettled")[0]


def test_a_copy_within_a_submission_costs_the_whole_bond(bench: Bench) -> None:
    """The later record is rejected, the bond goes half to the prover, half is burned; what was right is paid; standing is gone."""
    world, court = bench.world, bench.court
    made = bench.offer(bench.request(), NAMES)
    supply = world.token.totalSupply()
    bench.prove(made, 3, made, 1)
    (proven,) = world.events(bench.contract, "CopyProven")
    assert (proven.record, proven.earlier_record, proven.is_own) == (3, 1, True)
    review = world.reviews.review(made.submission)
    assert (review.approved, review.rejected, review.phase) == (6, 1, 3)
    assert review.verdict == openings.keccak(b"".join(bench.verdict(made)))
    with boa.reverts("proofs: not settled yet"):
        bench.contract.collect(made.submission, sender=court.challenger)
    settled = _settle(bench, made.submission)
    reserved = market.reserved_by(7, TOKEN, 400, 250, 20)
    fee = TOKEN * 400 // 10_000
    assert (settled.paid, settled.bond_back, settled.forfeited) == (6 * TOKEN, 0, reserved.bond - fee)
    assert world.escrow.owed(world.token, world.contributor) == 6 * TOKEN
    assert _balance(bench) == settled.forfeited
    before = world.token.balanceOf(court.challenger)
    paid = bench.contract.collect(made.submission, sender=court.challenger)
    assert paid == settled.forfeited // 2 == world.token.balanceOf(court.challenger) - before
    assert supply - world.token.totalSupply() == settled.forfeited - paid
    assert _balance(bench) == 0
    with boa.reverts("proofs: nothing owed"):
        bench.contract.collect(made.submission, sender=court.challenger)
    assert court.standing.score_wad(world.contributor) == 0


def test_the_bounty_is_shared_by_the_number_of_proofs(bench: Bench) -> None:
    """Who proves one of two copies gets half of the half: a friend who is first leaves a reason to prove the rest."""
    world, friend = bench.world, bench.world.outsider
    made = bench.offer(bench.request(), NAMES)
    bench.prove(made, 3, made, 1, sender=friend)
    bench.prove(made, 5, made, 0)
    settled = _settle(bench, made.submission)
    shares = [bench.contract.collect(made.submission, sender=who) for who in (friend, bench.court.challenger)]
    assert shares[0] == settled.forfeited // 2 // 2 and sum(shares) == settled.forfeited // 2
    assert tuple(bench.contract.bounty_of(made.submission)) == (world.token.address, 0, 0)
    assert (settled.approved, settled.rejected) == (5, 2)


def test_a_record_sent_again_by_its_own_account(bench: Bench) -> None:
    """In another request, or while the first is not settled yet: who sends an approved record again forfeits the bond of the later one."""
    first = bench.offer(bench.request(), ["a", "b"])
    again = bench.offer(bench.request(), ["c", "b", "a"])
    with boa.reverts("proofs: not the earlier one"):
        bench.prove(first, 1, again, 1)
    bench.prove(again, 1, first, 1)
    assert tuple(bench.world.reviews.review(first.submission))[5:7] == (2, 0)
    assert _settle(bench, again.submission).bond_back == 0


def test_where_gold_is_mixed_in_no_bond_is_forfeit(bench: Bench) -> None:
    """A keeper chooses records that the contributor does not see: there its own copies cost a record each, and pay nothing."""
    made = bench.offer(bench.request(is_golden=True), NAMES)
    bench.prove(made, 3, made, 1)
    (proven,) = bench.world.events(bench.contract, "CopyProven")
    assert proven.is_own and not proven.is_forfeit
    settled = _settle(bench, made.submission)
    assert (settled.forfeited, settled.rejected) == (TOKEN * 20 // 100, 1)
    assert bench.contract.proven(made.submission, bench.court.challenger) == 0


def test_gold_is_denied_by_the_document_itself(bench: Bench) -> None:
    """Only a member of the document counts: not its like in a check's parameters, in a text, or in a list."""
    check = {"name": "duplicates", "parameters": {}, "version": 1}
    fake = {"name": "a", "parameters": {"gold": None, "z": [None]}, "version": 1}
    end = {"licence": "CC0-1.0", "title": "a" * 60}
    texts = {
        json_bytes({"checks": [check], "description": 'a"],{"gold":null,', "gold": None, **end}): True,
        json_bytes({"checks": [check, fake], "gold": {"gold": None, "x": 1}, **end}): False,
        json_bytes({"checks": [check, fake], "description": '"gold":null,', **end}): False,
        json_bytes({"checks": [check], "golden": [{"gold": None, "z": 1}], **end}): False,
    }
    for text, expected in texts.items():
        number = bench.world.open(spec=RAW + hashlib.sha256(text).digest())
        assert bool(proofs.without_gold(text)) == expected
        places = [i for i in range(len(text)) if text.startswith(b'"gold":', i)]
        shown = []
        for at in [0, 2**20, *places]:
            with boa.env.anchor():
                bench.contract.read(number, text, proofs.forbids(text)[1], at, sender=bench.world.outsider)
                if bench.contract.is_without_gold(number):
                    shown.append(at)
        assert shown == ([proofs.without_gold(text)] if expected else [])


def test_anothers_record_costs_the_record_alone(bench: Bench) -> None:
    """What another account had accepted before is rejected, without a bounty and with the rest of the bond: it may be coincidence."""
    first = bench.offer(bench.request(), ["a", "b"], sender=bench.other)
    bench.past_challenge()
    boa.env.time_travel(blocks=1)
    later = bench.offer(bench.request(), ["c", "b", "d"])
    bench.prove(later, 1, first, 1)
    (proven,) = bench.world.events(bench.contract, "CopyProven")
    assert not proven.is_own
    (note,) = bench.world.events(bench.contract, "StandingNoted")
    assert (note.account, note.right, note.wrong, note.value) == (bench.world.contributor, 0, 1, TOKEN)
    settled = _settle(bench, later.submission)
    assert (settled.paid, settled.forfeited) == (2 * TOKEN, TOKEN * 20 // 100)
    assert settled.bond_back == 3 * TOKEN * 24 // 100 - TOKEN * 24 // 100
    assert _balance(bench) == 0
    with boa.reverts("proofs: not settled yet"):
        bench.contract.collect(later.submission, sender=bench.court.challenger)


def test_anothers_record_must_have_been_accepted_before(bench: Bench) -> None:
    """Submitted in time but decided later, or open to challenges still: nobody is held to what he could not have been told."""
    first = bench.offer(bench.request(), ["a", "b"], sender=bench.other)
    later = bench.offer(bench.request(), ["c", "b", "d"])
    with boa.reverts("proofs: not decided when the copy was submitted"):
        bench.prove(later, 1, first, 1)
    boa.env.time_travel(blocks=1)
    third = bench.offer(bench.request(), ["b"])
    with boa.reverts("proofs: the earlier one may still be challenged"):
        bench.prove(third, 0, first, 1)


def test_what_the_request_allows_is_no_offence(bench: Bench) -> None:
    """Duplicates of other requests where only the request's own count; anything where nothing forbids it or nobody showed that it does."""
    first = bench.offer(bench.request(), ["a", "b"])
    narrow = bench.offer(bench.request("request"), ["b", "b"])
    with boa.reverts("proofs: given to another request, which is allowed"):
        bench.prove(narrow, 0, first, 1)
    bench.prove(narrow, 1, narrow, 0)
    for request in (bench.request(None), bench.request(is_read=False)):
        free = bench.offer(request, ["b", "b"])
        with boa.reverts("proofs: the specification was not read"):
            bench.prove(free, 1, free, 0)


def test_what_was_not_accepted_may_be_sent_again(bench: Bench) -> None:
    """A record that was rejected may be submitted again, even if a jury approves it afterwards; one that is undecided is no earlier one."""
    world, court = bench.world, bench.court
    request = bench.request(deadline=world.now + 30 * 86_400)
    first = bench.offer(request, ["a", "b"], rejected=[1])
    case = court.challenge(first.submission, 2, bench.verdict(first))
    court.draw(case)
    again = bench.offer(request, ["b", "c"])
    with boa.reverts("proofs: the earlier one was not approved"):
        bench.prove(again, 0, first, 1)
    court.vote(case, [0] * 5)
    court.conclude(case)
    world.wait(max(0, court.disputes.trial_of(first.submission).challenge_until - world.now) + 3601)
    court.execute(first.submission, bench.verdict(first))
    first.rejected[1] = False
    with boa.reverts("proofs: a jury ruled on the earlier one"):
        bench.prove(again, 0, first, 1)
    pending = world.submit(request, 2, root=first.tree.root)
    first.submission, first.rejected = pending, [False, False]
    third = bench.offer(request, ["b", "e"])
    with boa.reverts("proofs: the earlier one is not decided"):
        bench.prove(third, 0, first, 1)


def test_only_what_was_committed_to_is_believed(bench: Bench) -> None:
    """Another digest, salt, path, place, root or verdict proves nothing."""
    first = bench.offer(bench.request(), ["a", "b", "c"])
    copy = bench.offer(bench.request(), ["b", "d"])
    good = bench.arguments(copy, 0, first, 1)

    def changed(place: int, value: Any) -> list[Any]:
        return [*good[:place], value, *good[place + 1 :]]

    def leaf(place: int, **parts: Any) -> tuple[Any, ...]:
        return tuple(
            (dict(zip(("submission", "record", "salt", "path"), good[place], strict=True)) | parts).values()
        )

    sealed = bench.sealed(copy)
    long = [*good[2][3], bytes(32)]
    for arguments, reason in (
        (changed(0, digest("z")), "proofs: not a leaf of the submission"),
        (changed(1, leaf(1, salt=bytes(16))), "proofs: not a leaf of the submission"),
        (changed(1, leaf(1, path=[])), "proofs: not a leaf of the submission"),
        (changed(1, leaf(1, record=2)), "proofs: not a leaf of the submission"),
        (changed(1, leaf(1, record=2**255)), "proofs: not a leaf of the submission"),
        (changed(2, leaf(2, path=long)), "proofs: not a leaf of the submission"),
        (changed(2, leaf(2, record=0)), "proofs: not a leaf of the submission"),
        (changed(3, sealed._replace(root=first.tree.root)), "proofs: not what was committed to"),
        (changed(4, sealed), "proofs: not what was committed to"),
        (changed(6, (openings.pack([False] * 4), openings.pack([True] * 4))), "proofs: not the verdict"),
        (changed(5, (openings.pack([False, True]), bytes(32))), "reviews: not the verdict"),
        (changed(2, leaf(2, submission=99)), "requests: no such submission"),
        (changed(1, leaf(1, submission=99)), "requests: no such submission"),
    ):  # fmt: skip
        with boa.reverts(reason):
            bench.contract.prove(*arguments, sender=bench.court.challenger)
    bench.contract.prove(*good, sender=bench.court.challenger)


def test_when_a_record_can_be_convicted(bench: Bench) -> None:
    """Once, before the settlement, within the challenge window or while the verdict is held; by nobody but the contract that was named."""
    world, reviews = bench.world, bench.world.reviews
    made = bench.offer(bench.request(), NAMES)
    bench.prove(made, 3, made, 1)
    with boa.reverts("reviews: not an approved record"):
        bench.prove(made, 3, made, 1)
    for sender in (world.deployer, world.outsider, bench.court.disputes.address):
        with boa.reverts("reviews: not proofs"):
            reviews.convict(made.submission, 0, True, *bench.verdict(made), sender=sender)
    bench.past_challenge()
    with boa.reverts("reviews: challenge window is over"):
        bench.prove(made, 5, made, 0)
    world.requests.settle(made.submission, sender=world.outsider)
    with boa.reverts("reviews: not decided"):
        bench.prove(made, 5, made, 0)


def test_no_jury_approves_what_was_convicted(bench: Bench) -> None:
    """A jury that rules for the record, or that nobody is at fault, leaves it rejected; proofs are taken while the verdict is held."""
    world, court = bench.world, bench.court
    made = bench.offer(bench.request(), NAMES)
    case = court.challenge(made.submission, 0b101001, bench.verdict(made))
    court.draw(case)
    court.vote(case, [0b000001] * 5)
    court.conclude(case)
    bench.past_challenge()
    bench.prove(made, 3, made, 1)
    world.wait(3601)
    court.execute(made.submission, bench.verdict(made))
    review = world.reviews.review(made.submission)
    made.rejected = [i in (0, 3) for i in range(7)]
    assert (review.approved, review.rejected) == (5, 2)
    assert review.verdict == openings.keccak(b"".join(bench.verdict(made)))
    assert world.reviews.convicted(made.submission, 0) == 8
    world.requests.settle(made.submission, sender=world.outsider)
    assert world.escrow.owed(world.token, world.contributor) == 5 * TOKEN


def test_the_governor_may_end_it_and_what_is_owed_stays(bench: Bench) -> None:
    """Only the governor names who convicts; without a name nobody does, and a bond that was forfeit before still goes to the provers."""
    world = bench.world
    made = bench.offer(bench.request(), NAMES)
    bench.prove(made, 3, made, 1)
    with boa.reverts("reviews: not the governor"):
        world.reviews.propose_proofs(world.outsider, sender=world.outsider)
    zero = "0x" + "00" * 20
    world.reviews.propose_proofs(zero, sender=world.deployer)
    assert world.reviews.proofs() == zero
    with boa.reverts("reviews: not proofs"):
        bench.prove(made, 5, made, 0)
    with boa.reverts("reviews: not proofs"):
        world.reviews.convict(made.submission, 5, True, *bench.verdict(made), sender=world.deployer)
    settled = _settle(bench, made.submission)
    assert bench.contract.collect(made.submission, sender=bench.court.challenger) == settled.forfeited // 2


def test_bonds_in_other_tokens_go_half_to_the_treasury(bench: Bench) -> None:
    """What cannot be burned is owed to the treasury; only Requests reports forfeits."""
    world = bench.world
    with boa.env.prank(world.deployer):
        other = source("rewards/MarketToken.vy").deploy(world.deployer, 10**9 * TOKEN)
    for account in (world.buyer, world.contributor):
        other.transfer(account, 1000 * TOKEN, sender=world.deployer)
        other.approve(world.escrow, 2**255, sender=account)
    made = bench.offer(bench.request(token=other.address), NAMES)
    bench.prove(made, 3, made, 1)
    settled = _settle(bench, made.submission)
    treasury = world.parameters.treasury()
    half = settled.forfeited - settled.forfeited // 2
    assert bench.contract.owed(other, treasury) == half
    assert bench.contract.withdraw(other, sender=treasury) == half
    assert bench.contract.collect(made.submission, sender=bench.court.challenger) == settled.forfeited // 2
    assert other.balanceOf(bench.contract) == world.escrow.owed(other, bench.contract) == 0
    with boa.reverts("proofs: nothing owed"):
        bench.contract.withdraw(other, sender=treasury)
    with boa.reverts("proofs: not requests"):
        bench.contract.credit(made.submission, other, 1, sender=world.outsider)


def test_a_token_that_refuses_costs_nobody_else(bench: Bench) -> None:
    """A token that answers false holds up the one payment alone: settlement goes on, and the bounty waits."""
    world, friend = bench.world, bench.world.outsider
    hostile = boa.load(str(MOCKS / "HostileToken.vy"))
    for account in (world.buyer, world.contributor):
        hostile.mint(account, 10**24)
    made = bench.offer(bench.request(token=hostile.address), NAMES)
    bench.prove(made, 3, made, 1)
    bench.prove(made, 5, made, 0, sender=friend)
    settled = _settle(bench, made.submission)
    first = bench.contract.collect(made.submission, sender=friend)
    hostile.set_false(True)
    with boa.reverts("proofs: token refused"):
        bench.contract.collect(made.submission, sender=bench.court.challenger)
    hostile.set_false(False)
    last = bench.contract.collect(made.submission, sender=bench.court.challenger)
    assert first + last == settled.forfeited // 2


def test_a_specification_is_read_from_its_bytes(bench: Bench) -> None:
    """Only the bytes under the CID, and only a member of the list of checks: not its like in a text, in a parameter or behind the list."""
    one = '{"name":"duplicates","parameters":{"scope":"market"},"version":1}'
    texts = {
        specification("market"): proofs.MARKET,
        specification("request"): proofs.REQUEST,
        json_bytes({"checks": [{"name": "duplicates", "parameters": {}, "version": 1}], "title": "a" * 80}): proofs.REQUEST,
        json_bytes({"checks": [], "title": [one, {"name": "duplicates", "parameters": {}, "version": 1}]}): 0,
        json_bytes({"checks": [{"name": one, "parameters": {}, "version": 1}], "title": "a" * 80}): 0,
        json_bytes({"checks": [{"name": "a", "parameters": {"b": [{}, {"name": "duplicates", "parameters": {}, "version": 1}]}}],
                    "title": "a" * 80}): 0,
        json_bytes({"checks": [{"name": "duplicates", "parameters": {"scope": "market"}, "version": 2}], "title": "a" * 80}): 0,
        json_bytes({"alter": [one], "checks": [{"name": "duplicates", "parameters": {}, "version": 1}], "title": "a" * 80}): 0,
    }  # fmt: skip
    for text, expected in texts.items():
        number = bench.world.open(spec=RAW + hashlib.sha256(text).digest())
        found, place = proofs.forbids(text)
        accepted = {}
        for at in {i for i in range(len(text)) if text.startswith(b'{"name":"duplicates"', i)} | {
            0,
            11,
            2047,
        }:
            if expected and at == place:
                bench.contract.read(number, text, at, 0, sender=bench.world.outsider)
                accepted[at] = bench.contract.scopes(number)
                continue
            with boa.reverts("proofs: no check of duplicates stands there"):
                bench.contract.read(number, text, at, 0, sender=bench.world.outsider)
        assert list(accepted.values()) == ([expected] if expected else []), text
        assert found == expected
    text = specification("market")
    for cid in (CID, bytes.fromhex("01701220") + hashlib.sha256(text).digest()):
        number = bench.world.open(spec=cid)
        with boa.reverts("proofs: not the specification"):
            bench.contract.read(number, text, proofs.forbids(text)[1], 0, sender=bench.world.outsider)
    with boa.reverts("requests: no such request"):
        bench.contract.read(99, text, 11, 0, sender=bench.world.outsider)
