"""The ground on which worlds are built: contracts deployed, validators staked, traders funded; made once, then taken up again.

A process keeps the chain of each ground as a snapshot. A world begins from it, with one transaction that only its seed explains, so
that all block hashes, and with them all draws, are its own.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from sheaf import actions
from sheaf.bootstrap import Snapshot, local, snapshot
from sheaf.domain.amounts import WAD

if TYPE_CHECKING:
    from pathlib import Path

    from sheaf.actions.context import Context
    from sheaf.chain.signer import Signer

GAS = 20_000_000
"""The gas limit of every transaction: a third of a block."""
TRADERS = 10
PURSE = 10_000
"""Whole tokens that every account begins with."""


@dataclass(frozen=True)
class Ground:
    """A market with staked validators and funded traders, as it stood when their stakes began to weigh."""

    market: Snapshot
    validators: tuple[Signer, ...]
    traders: tuple[Signer, ...]


@cache
def deployed(parameters: tuple[tuple[str, int], ...]) -> Snapshot:
    """Return a market with these parameters and nobody in it."""
    return snapshot(local(fixed_gas=GAS, parameters=dict(parameters)))


@cache
def ground(validators: int, stake: int, parameters: tuple[tuple[str, int], ...] = ()) -> Ground:
    """Return the ground for so many validators with `stake` whole tokens each."""
    market = local(fixed_gas=GAS, since=deployed(parameters))
    staked = [_account(market, f"validator {number}") for number in range(validators)]
    for account in staked:
        actions.stake(account, stake * WAD)
    traders = [_account(market, f"trader {number}") for number in range(TRADERS)]
    assert market.engine is not None
    market.engine.mine(int(market.chain.call("Stakes", "period_blocks")))
    return Ground(snapshot(market), tuple(one.sender for one in staked), tuple(one.sender for one in traders))


def settle(found: Ground, seed: int, home: Path) -> Context:
    """Return a market on this ground whose block hashes follow from `seed`, with its journals under `home`."""
    market = local(fixed_gas=GAS, since=found.market, seed=seed, home=home)
    assert market.engine is not None
    market.engine.fund("0x" + hashlib.sha256(f"sheaf world {seed}".encode()).hexdigest()[:40], 1)
    return market


def _account(market: Context, name: str) -> Context:
    return actions.local_account(market, name, tokens=PURSE * WAD)
