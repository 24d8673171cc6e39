"""The twin refuses and accepts what the contract does, whatever is proven of whatever, and no unit of a bounty is lost."""

from __future__ import annotations

from typing import Any

import boa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sheaf.domain.errors import Refused
from sheaf.domain.merkle import MerkleTree
from sheaf.review import proofs
from sheaf.review.proofs import Offer, Place, ProofsTwin
from sheaf.review.proofs import Verdict as Stand
from tests.contracts.review.proofs.bench import Bench, Offered, digest

_CODE = """
# pragma version ==0.4.3
from sheaf.contracts.modules.openings import inclusion

@external
@view
def root(leaf: bytes32, index: uint256, count: uint256, path: DynArray[bytes32, 16]) -> bytes32:
    return inclusion.root_of(leaf, index, count, path)
"""


@pytest.fixture(scope="module")
def story(_bench: Bench) -> Any:
    """Two requests and five submissions of two accounts, of few names: some decided long ago, some just now, one with rejections."""
    bench = _bench
    with boa.env.anchor():
        wide, narrow = bench.request("market"), bench.request("request")
        offers = [
            bench.offer(wide, ["a", "b", "c", "d"], sender=bench.other, rejected=[3]),
            bench.offer(narrow, ["a", "d", "a"]),
        ]
        bench.past_challenge()
        boa.env.time_travel(blocks=1)
        wide, narrow = bench.request("market"), bench.request("request")
        offers.append(bench.offer(wide, ["a", "e", "d", "e"]))
        offers.append(bench.offer(narrow, ["b", "a", "b"], rejected=[2]))
        offers.append(bench.offer(narrow, ["b", "e", "b", "b"], sender=bench.other))
        yield bench, offers


def _twin(bench: Bench, offers: list[Offered]) -> ProofsTwin:
    twin = ProofsTwin(now=bench.world.now)
    for made in offers:
        facts = bench.world.requests.submission(made.submission)
        review = bench.world.reviews.review(made.submission)
        twin.scopes[made.request] = bench.contract.scopes(made.request)
        twin.offers[made.submission] = Offer(
            made.request, made.contributor, tuple(map(digest, made.names)), facts.block_number
        )
        refused = {i for i, is_refused in enumerate(made.rejected) if is_refused}
        counted = bench.world.reviews.counted_block(made.submission)
        twin.verdicts[made.submission] = Stand(refused, set(), counted, review.settle_after)
    return twin


@settings(deadline=None, max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_two_records(story: Any, data: st.DataObject) -> None:
    """A walk of proofs of any record by any other, by two provers: every answer is the twin's, and the bounties of a bond add up."""
    bench, offers = story
    with boa.env.anchor():
        before = [list(made.rejected) for made in offers]
        twin = _twin(bench, offers)
        provers = (bench.court.challenger, bench.world.outsider)
        for _ in range(data.draw(st.integers(1, 5))):
            pairs = [(one, i, two, j) for one in offers[2:] for i in range(len(one.names))
                     for two in offers for j in range(len(two.names)) if one.names[i] == two.names[j]]  # fmt: skip
            copy, record, earlier, of = data.draw(st.sampled_from(pairs))
            prover = data.draw(st.sampled_from(provers))
            places = Place(copy.submission, record), Place(earlier.submission, of)
            try:
                twin.prove(*places, prover)
            except Refused as refused:
                with boa.reverts(str(refused)):
                    bench.prove(copy, record, earlier, of, sender=prover)
            else:
                bench.prove(copy, record, earlier, of, sender=prover)
        bench.past_challenge()
        _check_money(bench, offers, twin, provers)
        for made, rejected in zip(offers, before, strict=True):
            made.rejected = rejected


def _check_money(bench: Bench, offers: list[Offered], twin: ProofsTwin, provers: tuple[str, ...]) -> None:
    world = bench.world
    supply, total = world.token.totalSupply(), 0
    for made in offers:
        world.requests.settle(made.submission, sender=world.outsider)
        forfeits = world.events(world.requests, "BondForfeited")
        assert bool(forfeits) == bool(twin.proven[made.submission])
        for one in forfeits:
            total += one.amount
            twin.credit(made.submission, one.amount)
    for made in offers:
        for prover in provers:
            try:
                expected = twin.collect(made.submission, prover)
            except Refused as refused:
                with boa.reverts(str(refused)):
                    bench.contract.collect(made.submission, sender=prover)
            else:
                assert bench.contract.collect(made.submission, sender=prover) == expected
    assert supply - world.token.totalSupply() == twin.burned == sum(total_half(twin, total))
    assert world.token.balanceOf(bench.contract) + world.escrow.owed(world.token, bench.contract) == 0


def total_half(twin: ProofsTwin, total: int) -> tuple[int, ...]:
    """Return what is burned of all forfeits: the halves, rounded up one by one."""
    assert total - twin.burned <= twin.burned <= total - twin.burned + len(twin.bounties)
    assert all(left == 0 for left in twin.bounties.values())
    return (twin.burned,)


@pytest.fixture
def paths() -> Any:
    """The contract's walk along a path, by itself."""
    return boa.loads(_CODE)


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(count=st.integers(1, 70), place=st.integers(0, 69), noise=st.integers(0, 2**16))
def test_paths_of_any_tree(paths: Any, count: int, place: int, noise: int) -> None:
    """The root that a path leads to is the tree's, for every leaf of every size, and for no other place (RFC 9162)."""
    tree = MerkleTree(b"".join(digest(str(i)) for i in range(count)))
    contract = paths
    leaf = digest(str(place))
    path = tree.proof(place) if place < count else []
    found = contract.root(leaf, place, count, path)
    assert (found == tree.root) == (place < count)
    other = noise % max(count, 1)
    if other != place and place < count:
        assert contract.root(leaf, other, count, path) != tree.root
    if place < count:
        assert contract.root(leaf, place, count, [*path, bytes(32)]) == bytes(32)


def test_what_forbids_is_read_like_the_contract_does() -> None:
    """Broken or foreign documents say nothing, and nothing is raised."""
    for text in (b"", b"{", b'{"checks":[', b'{"checks":[1]}', b'{"checks":[{"name":"duplicates"}]}', b"\xff" * 99, b'{"checks":{}}',
                 b'{"checks":[{"name":"duplicates","parameters":{"scope":[]},"version":1}],"t":"' + b"a" * 60 + b'"}',
                 b'{"checks": [{"name":"duplicates","parameters":{},"version":1}]}', b"a" * 9000):  # fmt: skip
        assert proofs.forbids(text) == (proofs.NOTHING, 0)
