"""A dataset as the market knows it: what may be done with it, what it was made from, and who has a say.

Data lie with their owner; the chain knows a manifest's hash (its CID is the version), a licence, and money.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple, NewType, Protocol

from sheaf.domain.errors import InputError

DatasetId = NewType("DatasetId", int)
OrderId = NewType("OrderId", int)

USES = {"download": 1, "statistics": 2, "trusted-train": 3, "approved-code": 4, "open": 5}
"""Kinds of use and their numbers on chain: the records themselves, or one of the four classes of release."""

PARENTS = 5
"""How many datasets one dataset may name as its parents."""


class Parent(NamedTuple):
    """A dataset that another one was made from, and the share of that one's income which it is due."""

    dataset: int
    weight_bps: int


class Registry(Protocol):
    """What those who sell ask of whoever keeps datasets."""

    def owner_of(self, dataset: int) -> str:
        """Return who owns a dataset, the zero address if there is none."""
        ...

    def admit(self, dataset: int, buyer: str) -> int:
        """Return the version that a buyer gets now. Raises Refused."""
        ...

    def parents_of(self, dataset: int) -> Sequence[Parent]:
        """Return what a dataset was made from."""
        ...


class ProviderStakes(Protocol):
    """What orders ask of whoever keeps providers' stakes; accounts that may do so are `sender`."""

    def lock(self, sender: str, number: int, amount: int) -> None:
        """Lock part of what a provider holds free. Raises Refused."""
        ...

    def release(self, sender: str, ids: Sequence[int], amount: int, missing_mask: int, penalty: int) -> None:
        """Unlock `amount` of each; those whose bit is set lose `penalty`."""
        ...


def use_number(name: str, field: str = "use") -> int:
    """Return the number of a kind of use. Raises InputError for an unknown one."""
    if name not in USES:
        raise InputError(field, name, f"give one of {', '.join(USES)}")
    return USES[name]


def use_name(number: int) -> str:
    """Return the name of a kind of use, its number in words where it has none."""
    return next((name for name, known in USES.items() if known == number), f"use {number}")
