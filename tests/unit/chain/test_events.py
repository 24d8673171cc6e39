"""A follower tells every event once, and what a reorganisation undid."""

from __future__ import annotations

import pytest

from sheaf.chain import events as events_module
from sheaf.chain.deploy import deploy
from sheaf.chain.devchain import Devchain
from sheaf.chain.events import Event, Follower, RolledBack
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer

TO = "0x" + "22" * 20
NAMES = ("MarketToken", "Nodes")


@pytest.fixture
def engine() -> Devchain:
    return Devchain(seed=21)


@pytest.fixture
def owner() -> Signer:
    return Signer(b"\x0e" * 32)


@pytest.fixture
def chain(engine: Devchain, owner: Signer) -> Chain:
    engine.fund(owner.address, 10**22)
    return Chain(engine, deploy(Chain(engine), owner, "local"))


def _give(chain: Chain, owner: Signer, *values: int) -> None:
    for value in values:
        chain.send(owner, "MarketToken", "transfer", TO, value)


def _told(follower: Follower) -> list[int | str]:
    found: list[int | str] = []
    for each in follower.poll():
        if isinstance(each, RolledBack):
            found.append(f"back to {each.number}")
        elif each.name == "Transfer":
            found.append(each.args["value"])
    return found


def test_each_event_once(chain: Chain, owner: Signer) -> None:
    """Polls give what has come since the last one, in order, of all contracts that are followed."""
    follower = Follower(chain, NAMES, start=chain.block().number + 1)
    _give(chain, owner, 1, 2)
    chain.send(owner, "Nodes", "register", b"\x01" * 32)
    found = [each for each in follower.poll() if isinstance(each, Event)]
    assert [each.name for each in found] == ["Transfer", "Transfer", "KeyRegistered"]
    assert _told(follower) == []
    _give(chain, owner, 3)
    assert _told(follower) == [3]


def test_start_is_the_deployment(chain: Chain) -> None:
    """Without a start the whole history of the market is told."""
    assert len(_told(Follower(chain, NAMES))) == 1


def test_confirmations(chain: Chain, engine: Devchain, owner: Signer) -> None:
    """Events are told when enough blocks lie on them, not before."""
    follower = Follower(chain, NAMES, confirmations=2, start=chain.block().number + 1)
    _give(chain, owner, 1)
    assert _told(follower) == []
    engine.mine(1)
    assert _told(follower) == []
    engine.mine(1)
    assert _told(follower) == [1]


def test_reorganisation_is_told(chain: Chain, engine: Devchain, owner: Signer) -> None:
    """When blocks are replaced, the follower says how far back, and then what the new branch holds."""
    follower = Follower(chain, NAMES, start=chain.block().number + 1)
    _give(chain, owner, 1)
    assert _told(follower) == [1]
    stays = chain.block().number
    _give(chain, owner, 2, 3)
    assert _told(follower) == [2, 3]
    engine.rollback(stays)
    _give(chain, owner, 4)
    assert _told(follower) == [f"back to {stays}", 4]
    assert _told(follower) == []


def test_shorter_branch(chain: Chain, engine: Devchain, owner: Signer) -> None:
    """A chain that became shorter is noticed too."""
    follower = Follower(chain, NAMES, start=chain.block().number + 1)
    _give(chain, owner, 1)
    stays = chain.block().number
    assert _told(follower) == [1]
    _give(chain, owner, 2, 3)
    assert _told(follower) == [2, 3]
    engine.rollback(stays)
    assert _told(follower) == [f"back to {stays}"]
    assert _told(follower) == []


def test_reorganisation_beyond_memory(
    chain: Chain, engine: Devchain, owner: Signer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If nothing that is remembered stands, everything since the deployment is told again."""
    monkeypatch.setattr(events_module, "MEMORY_BLOCKS", 1)
    follower = Follower(chain, NAMES)
    base = chain.block().number
    _give(chain, owner, 1, 2)
    assert _told(follower)[1:] == [1, 2]
    engine.rollback(base)
    _give(chain, owner, 5)
    told = _told(follower)
    assert told[0] == f"back to {chain.deployment_block - 1}"
    assert told[-1] == 5
