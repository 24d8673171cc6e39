"""A market of play money runs the same twice from the same seed, down to the last block's hash."""

from __future__ import annotations

import sheaf
from sheaf import actions
from sheaf.nodes.custodian import Custodian
from tests.flows.town import Threshold, Town, points


def last_hash(seed: int) -> str:
    """Bring one submission to its settlement in a market of its own, and return the hash of the last block."""
    ctx = sheaf.local(seed=seed)
    people = [actions.local_account(ctx, name) for name in ("buyer", "contributor", "custodian")]
    town = Town(ctx, people[0], people[1], Custodian(people[2]))
    town.staff([Threshold()] * 6)
    town.settle(town.offer(town.open(), points(10)))
    return str(ctx.chain.block().hash)


def test_a_seed_repeats_a_market() -> None:
    """Keys, committees, votes and payments of two runs with one seed are the same; another seed gives another chain."""
    assert last_hash(5) == last_hash(5)
    assert last_hash(5) != last_hash(6)
