"""Evidence: contract and twin weigh the same votes alike, over many audits; what chance explains is never taken."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import boa
import numpy as np
import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from sheaf.review import openings
from sheaf.review.juries import TrialState
from sheaf.review.reversals import Evidence, Ruled, found, weigh
from tests.contracts.market_world import MOCKS, TOKEN, key_of, source

ACCOUNTS = [key_of("member", seat).address for seat in range(12)]


@dataclass
class Bench:
    """Reversals among mocks; `held` is what the twin holds against each account."""

    contract: Any
    mock: Any
    held: dict[str, Evidence] = field(default_factory=dict)

    def show(
        self,
        votes: list[bytes],
        records: int,
        ruled: dict[int, Ruled],
        sample: int,
        carried: tuple[int, ...] = (),
    ) -> tuple[list[int], list[int]]:
        """Show votes on so many records; return what contract and twin take from each member."""
        seats, accounts = list(range(1, len(votes) + 1)), ACCOUNTS[: len(votes)]
        mask = (1 << len(votes)) - 1
        hashes = [openings.keccak(vote) for vote in votes]
        shown = openings.keccak(encode(["uint256", "address[]", "bytes32[]"], [mask, accounts, hashes]))
        left = openings.keccak(encode(["uint256[]"], [carried]))
        touched = sum(1 << word for word in ruled)
        self.mock.put(records, TOKEN, seats, shown, left, TrialState(touched=touched, sample=sample))
        for word, one in ruled.items():
            self.mock.rule(word, [one.mask, *one])
        before = [self.mock.taken(seat) for seat in seats]
        self.contract.slash(1, 2 if carried else 1, mask, accounts, b"".join(votes), carried)
        asked = _asked(records, carried)
        losses = []
        for account, (named, audited) in zip(accounts, found(votes, asked, ruled, sample), strict=True):
            self.held[account], loss = weigh(self.held.get(account, Evidence()), TOKEN, named, audited)
            losses.append(loss)
        for account in accounts:
            assert self.contract.suspended(account) == self.held[account]
        return [self.mock.taken(seat) - old for seat, old in zip(seats, before, strict=True)], losses

    def audit(self, votes: list[int], bad: int, records: int = 48) -> list[int]:
        """Audit a batch of one word whose `bad` records the jury rejects; return what each member loses."""
        taken, losses = self.show(
            [vote.to_bytes(32, "big") for vote in votes], records, {0: Ruled((1 << records) - 1, bad, 0)}, 1
        )
        assert taken == losses
        return taken


def _asked(records: int, carried: tuple[int, ...]) -> bytes:
    if carried:
        return b"".join(carried[6 * word + 1].to_bytes(32, "big") for word in range(len(carried) // 6))
    return openings.pack([True] * records)


@pytest.fixture(scope="module")
def contracts(core: Any) -> tuple[Any, Any]:
    """Reversals and the mock, deployed once: each test and each example begins from there."""
    mock = boa.load_partial(str(MOCKS / "Rulings.vy")).deploy()
    return source("review/Reversals.vy").deploy(*[mock] * 6), mock


@pytest.fixture
def bench(contracts: tuple[Any, Any]) -> Bench:
    """Reversals among mocks, where nothing is held against anyone."""
    return Bench(*contracts)


@settings(max_examples=12, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    members=st.integers(0, 12),
    records=st.sampled_from([1, 5, 48, 256, 300]),
    error=st.sampled_from([0.02, 0.2, 0.6]),
)
def test_contract_and_twin_weigh_alike(
    contracts: tuple[Any, Any], seed: int, members: int, records: int, error: float
) -> None:
    """Of random votes, rulings, samples and rounds, four audits in a row take the same and leave the same evidence."""
    rng = np.random.default_rng(seed)
    with boa.env.anchor():
        bench = Bench(*contracts)
        for _ in range(4):
            words = -(-records // 256)
            carried: tuple[int, ...] = ()
            if rng.random() < 0.3:
                carried = tuple(
                    word & _valid(records, place // 6)
                    for place, word in enumerate(_word(rng, 0.3) for _ in range(6 * words))
                )
            ruled, truth = {}, [_word(rng, 0.2) & _valid(records, word) for word in range(words)]
            for word in range(words):
                if rng.random() < 0.8:
                    mask = _word(rng, rng.choice([0.2, 1.0])) & _valid(records, word)
                    hung = _word(rng, 0.1) & mask
                    ruled[word] = Ruled(mask, truth[word] & mask & ~hung, hung)
            votes = [
                b"".join((one ^ _word(rng, error) & _valid(records, word)).to_bytes(32, "big") for word, one in enumerate(truth))
                for _ in range(members)
            ]  # fmt: skip
            taken, losses = bench.show(votes, records, ruled, int(rng.integers(0, words + 1)), carried)
            assert taken == losses


def _word(rng: np.random.Generator, share: float) -> int:
    return int.from_bytes(np.packbits(rng.random(256) < share).tobytes(), "big")


def _valid(records: int, word: int) -> int:
    return (1 << min(256, records - 256 * word)) - 1


def test_mistakes_of_one_are_his_own_and_cost_nothing(bench: Bench) -> None:
    """12 errors in 48 where nobody else erred are suspended, and forgotten after an audit in which he is right."""
    assert bench.audit([2**12 - 1, 0, 0, 0, 0], 0) == [0] * 5
    assert bench.contract.suspended(ACCOUNTS[0]) == (0, 24, TOKEN)
    assert bench.audit([0] * 5, 0) == [0] * 5
    assert bench.contract.suspended(ACCOUNTS[0]) == (0, 0, 0)


def test_what_four_approve_together_is_no_chance(bench: Bench) -> None:
    """A fifth of a batch let through by four costs each what the law says at once; the honest fifth loses nothing."""
    bad = 2**10 - 1
    loss = TOKEN * 6 * (100 * 10 - 6 * 48) // 4800
    assert bench.audit([0, 0, 0, 0, bad], bad) == [loss] * 4 + [0]


def test_a_little_garbage_is_paid_for_together(bench: Bench) -> None:
    """Four of 48 let through by four are suspended, and paid for at the second audit that finds them, both times."""
    bad, share = 0b1111, TOKEN * 6 * (400 - 288) // 4800
    assert bench.audit([0, 0, 0, 0, bad], bad) == [0] * 5
    assert [bench.contract.suspended(account).due for account in ACCOUNTS[:5]] == [share] * 4 + [0]
    assert bench.audit([0, 0, 0, 0, bad], bad) == [2 * share] * 4 + [0]
    assert bench.contract.suspended(ACCOUNTS[0]) == (0, 0, 0)


def test_who_refuses_all_is_proven_alone(bench: Bench) -> None:
    """44 errors in 48, with nobody else's, cost the whole lock at once."""
    assert bench.audit([2**48 - 1, 0, 0, 0, 0], 0b1111) == [TOKEN, 0, 0, 0, 0]


def test_beside_a_ring_the_honest_lose_nothing(bench: Bench) -> None:
    """Three approve nothing but garbage, and two honest ones err on 4 of 48: the three lose their locks, the two nothing."""
    bad = 2**48 - 1
    assert bench.audit([0, 0, 0, bad ^ 0b1111, bad ^ 0b11110000], bad) == [TOKEN] * 3 + [0, 0]


def test_a_challenger_adds_up_nothing(bench: Bench) -> None:
    """Who challenges only what a member got wrong, batch after batch, leaves no evidence behind; enough of it at once does."""
    for _ in range(3):
        votes = [(0b1111111).to_bytes(32, "big")] * 3 + [bytes(32)] * 2
        taken, losses = bench.show(votes, 48, {0: Ruled(0b1111111, 0, 0)}, 0)
        assert taken == losses == [0] * 5
        assert bench.contract.suspended(ACCOUNTS[0]) == (0, 0, 0)
    votes = [(0b11111111).to_bytes(32, "big")] * 3 + [bytes(32)] * 2
    taken, losses = bench.show(votes, 48, {0: Ruled(0b11111111, 0, 0)}, 0)
    assert taken == losses == [TOKEN * 6 * (800 - 288) // 4800] * 3 + [0, 0]


def test_a_sample_that_was_ruled_in_part_counts_whole(bench: Bench) -> None:
    """Where the audit itself got no ruling the sample is what challengers chose of it: the rest counts as right."""
    votes = [(0b1111111).to_bytes(32, "big")] + [bytes(32)] * 4
    taken, losses = bench.show(votes, 48, {0: Ruled(0b1111111, 0, 0)}, 1)
    assert taken == losses == [0] * 5
    assert bench.contract.suspended(ACCOUNTS[0]) == (0, 0, 0)
