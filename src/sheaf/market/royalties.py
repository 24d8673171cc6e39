"""Royalties: what datasets earn, and its way up their lineage by single steps (twin of Royalties.vy, and the calls upon it)."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sheaf.domain.amounts import BPS
from sheaf.domain.errors import Refused
from sheaf.domain.ids import ZERO_ADDRESS

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer
    from sheaf.domain.dataset import Registry
    from sheaf.domain.ids import Address

CONTRACT = "Royalties"
LIMIT = 2**128


@dataclass
class RoyaltiesTwin:
    """The rules of Royalties.vy in plain integers, for one token; refuses with the contract's own words."""

    datasets: Registry
    income: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    claimed: defaultdict[int, int] = field(default_factory=lambda: defaultdict(int))
    passed: defaultdict[tuple[int, int], int] = field(default_factory=lambda: defaultdict(int))

    def pay(self, dataset: int, amount: int) -> None:
        """Pay a dataset."""
        _require(self.datasets.owner_of(dataset) != ZERO_ADDRESS, "royalties: no such dataset")
        _require(amount > 0, "royalties: nothing to pay")
        self.note(dataset, amount)

    def note(self, dataset: int, amount: int) -> None:
        """Count what came in."""
        _require(amount < LIMIT, "royalties: amount too large")
        self.income[dataset] += amount

    def due(self, dataset: int) -> int:
        """Return what the owner could claim now."""
        total = sum(one.weight_bps for one in self.datasets.parents_of(dataset))
        income = self.income[dataset]
        return income - income * total // BPS - self.claimed[dataset]

    def due_to_parent(self, dataset: int, place: int) -> int:
        """Return what could be passed up to one parent now."""
        parents = self.datasets.parents_of(dataset)
        _require(place < len(parents), "royalties: no such parent")
        return self.income[dataset] * parents[place].weight_bps // BPS - self.passed[dataset, place]

    def pass_up(self, dataset: int, place: int) -> int:
        """Add to a parent's sum what it is due; return that."""
        amount = self.due_to_parent(dataset, place)
        _require(amount > 0, "royalties: nothing to pass up")
        self.passed[dataset, place] += amount
        self.income[self.datasets.parents_of(dataset)[place].dataset] += amount
        return amount

    def claim(self, dataset: int) -> int:
        """Return what the owner is paid."""
        amount = self.due(dataset)
        _require(amount > 0, "royalties: nothing due")
        self.claimed[dataset] += amount
        return amount

    @property
    def held(self) -> int:
        """What the contract must hold: all that came in less what was passed on or claimed."""
        return sum(self.income.values()) - sum(self.passed.values()) - sum(self.claimed.values())


def pay(chain: Chain, signer: Signer, dataset: int, token: Address, amount: int) -> Receipt:
    """Pay a dataset, as who sold something made from it may owe."""
    return chain.send(signer, CONTRACT, "pay", int(dataset), token, amount)


def due(chain: Chain, dataset: int, token: Address) -> int:
    """Return what a dataset's owner could claim now."""
    return int(chain.call(CONTRACT, "due", int(dataset), token))


def due_to_parent(chain: Chain, dataset: int, place: int, token: Address) -> int:
    """Return what could be passed up to one parent now, places counted from 0."""
    return int(chain.call(CONTRACT, "due_to_parent", int(dataset), place, token))


def income(chain: Chain, dataset: int, token: Address) -> int:
    """Return all that a dataset ever earned in a token, its parents' parts included."""
    return int(chain.call(CONTRACT, "income", int(dataset), token))


def pass_up(chain: Chain, signer: Signer, dataset: int, place: int, token: Address) -> Receipt:
    """Pass up to one parent what it is due. Anyone may."""
    return chain.send(signer, CONTRACT, "pass_up", int(dataset), place, token)


def claim(chain: Chain, signer: Signer, dataset: int, token: Address) -> Receipt:
    """Have a dataset's owner paid. Anyone may."""
    return chain.send(signer, CONTRACT, "claim", int(dataset), token)


def _require(condition: bool, reason: str) -> None:
    if not condition:
        raise Refused(reason)
