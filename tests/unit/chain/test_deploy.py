"""A deployment ends the same whether or not it is interrupted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sheaf.chain.contracts import DATA_NAMES, NAMES, Deployment
from sheaf.chain.deploy import PROFILES, deploy, deploy_data
from sheaf.chain.devchain import Devchain
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.cli import network
from sheaf.domain.errors import ChainError, InputError, WrongNetwork

STEPS = 48
"""Seventeen contracts, nine wirings, seven appointments, an arbiter, proofs, two feeders, ten parameters."""


class Killed(BaseException):
    """The process ends here."""


def _engine(signer: Signer) -> Devchain:
    engine = Devchain(seed=5)
    engine.fund(signer.address, 10**22)
    return engine


@pytest.fixture
def deployer() -> Signer:
    return Signer(b"\x0b" * 32)


def _kill_after(count: int) -> Any:
    done: list[str] = []

    def report(line: str) -> None:
        done.append(line)
        if len(done) == count:
            raise Killed

    return report


def test_no_network_is_as_quick_as_a_process() -> None:
    """Whatever is deployed by command leaves a minute to challenge at least, juries of three and twice the time to rule."""
    assert set(PROFILES) - set(network.PROFILES) == {"process"}
    for name in network.PROFILES:
        given = PROFILES[name].parameters
        window = given.get("challenge_seconds", 172_800)
        assert window >= 60 and given.get("jury_size", 5) >= 3
        assert given.get("ruling_seconds", 604_800) >= 2 * window
    assert (
        PROFILES["process"].parameters["challenge_seconds"],
        PROFILES["process"].parameters["jury_size"],
    ) == (2, 1)


def test_profiles(deployer: Signer, tmp_path: Path) -> None:
    """All profiles deploy, join and set everything: those for tests with short times, the public ones with the defaults."""
    for name, profile in PROFILES.items():
        lines: list[str] = []
        chain = Chain(_engine(deployer))
        found = deploy(chain, deployer, name, report=lines.append)
        chain = Chain(chain.endpoint, found)
        assert tuple(found.addresses) == NAMES
        assert len(lines) == 38 + len(profile.parameters)
        assert chain.call("Parameters", "is_test") is profile.is_test
        assert chain.call("Parameters", "get", 2) == profile.parameters.get("challenge_seconds", 172_800)
        assert chain.call("Stakes", "powers", found.addresses["Committees"]) == 4
        assert chain.call("Stakes", "powers", found.addresses["Reviews"]) == 1
        assert chain.call("Stakes", "powers", found.addresses["Disputes"]) == 7
        assert chain.call("Reviews", "pending_arbiter") == found.addresses["Disputes"]
        assert chain.call("Stakes", "powers", found.addresses["Scores"]) == 2
        assert chain.call("Requests", "scores") == found.addresses["Scores"]
        assert chain.call("MarketToken", "balanceOf", deployer.address) == profile.supply


@pytest.mark.parametrize("killed_after", [1, 5, 8, 11, 13, 19, STEPS])
def test_killed_and_taken_up(deployer: Signer, tmp_path: Path, killed_after: int) -> None:
    """Killed after any step, the next try goes on there: the same addresses and no transaction twice."""
    whole = deploy(Chain(_engine(deployer)), deployer, "local")
    engine = _engine(deployer)
    with pytest.raises(Killed):
        deploy(Chain(engine), deployer, "local", directory=tmp_path, report=_kill_after(killed_after))
    found = deploy(Chain(engine), deployer, "local", directory=tmp_path)
    assert found.addresses == whole.addresses
    assert Chain(engine).nonce(deployer.address) == STEPS
    assert [path.name for path in tmp_path.iterdir()] == ["31337.json"]


def test_deployed_already(deployer: Signer, tmp_path: Path) -> None:
    """A second deployment to the same network changes nothing; beside another network's it is refused."""
    engine = _engine(deployer)
    found = deploy(Chain(engine), deployer, "local", directory=tmp_path)
    assert deploy(Chain(engine), deployer, "local", directory=tmp_path) == found
    assert Chain(engine).nonce(deployer.address) == STEPS
    with pytest.raises(WrongNetwork, match="started anew"):
        deploy(Chain(Devchain(seed=6)), deployer, "local", directory=tmp_path)


def test_other_profile_or_account_in_between(deployer: Signer, tmp_path: Path) -> None:
    """What was begun one way is not ended another way."""
    engine = _engine(deployer)
    with pytest.raises(Killed):
        deploy(Chain(engine), deployer, "local", directory=tmp_path, report=_kill_after(3))
    with pytest.raises(InputError, match="profile: public: a deployment with local was begun"):
        deploy(Chain(engine), deployer, "public", directory=tmp_path)
    with pytest.raises(InputError, match="deployer: 0x"):
        deploy(Chain(engine), Signer(b"\x0c" * 32), "local", directory=tmp_path)


def test_account_used_in_between(deployer: Signer, tmp_path: Path) -> None:
    """If the account sent something else, contracts would be elsewhere than expected: that is told."""
    engine = _engine(deployer)
    with pytest.raises(Killed):
        deploy(Chain(engine), deployer, "local", directory=tmp_path, report=_kill_after(3))
    Chain(engine).transfer(deployer, "0x" + "22" * 20, 1)
    with pytest.raises(ChainError, match="sent something else in between"):
        deploy(Chain(engine), deployer, "local", directory=tmp_path)


def test_journal_of_a_network_that_is_gone(deployer: Signer, tmp_path: Path) -> None:
    """A journal left by a network that was started anew is not followed; a broken one is told."""
    engine = _engine(deployer)
    with pytest.raises(Killed):
        deploy(Chain(engine), deployer, "local", directory=tmp_path, report=_kill_after(3))
    fresh = Devchain(seed=6)
    fresh.fund(deployer.address, 10**22)
    assert deploy(Chain(fresh), deployer, "local", directory=tmp_path).addresses
    (tmp_path / "31337.json").unlink()
    for text in ("", json.dumps({"nonce": "x"})):
        (tmp_path / "31337.partial.json").write_text(text)
        with pytest.raises(InputError, match="deployment journal"):
            deploy(Chain(fresh), deployer, "local", directory=tmp_path)


def test_unknown_profile(deployer: Signer) -> None:
    """A profile is one of two."""
    with pytest.raises(InputError, match="give one of local, public"):
        deploy(Chain(_engine(deployer)), deployer, "mainnet")


def test_poor_deployer() -> None:
    """An account without coins is told before anything is there."""
    with pytest.raises(InputError, match="balance: 0 wei"):
        deploy(Chain(Devchain()), Signer(b"\x0d" * 32), "local")


def test_data_contracts_are_added_to_a_market(deployer: Signer, tmp_path: Path) -> None:
    """Killed after any step, the next try ends the same; a market that has them keeps them; strangers to the market are refused."""
    engine = _engine(deployer)
    with pytest.raises(InputError, match="deployment: none: deploy the market first"):
        deploy_data(Chain(engine), deployer)
    market = deploy(Chain(engine), deployer, "local", directory=tmp_path)
    with pytest.raises(InputError, match="deploy as the market's governor"):
        deploy_data(Chain(engine, market), Signer(b"\x0c" * 32))
    for steps in (1, 2, 2):
        with pytest.raises(Killed):
            deploy_data(Chain(engine, market), deployer, directory=tmp_path, report=_kill_after(steps))
    found = deploy_data(Chain(engine, market), deployer, directory=tmp_path)
    assert tuple(found.addresses) == (*NAMES, *DATA_NAMES)
    assert Chain(engine).nonce(deployer.address) == STEPS + 7
    assert Deployment.load(tmp_path / "31337.json") == found
    assert [path.name for path in tmp_path.iterdir()] == ["31337.json"]
    chain = Chain(engine, found)
    assert chain.call("ProviderStakes", "powers", found.addresses["ComputeOrders"]) == 7
    assert chain.call("ComputeOrders", "dispute_seconds") == 60
    for name in ("FixedPrice", "Royalties", "ComputeOrders", "Datatoken"):
        assert chain.call(name, "datasets") == found.addresses["Datasets"]
    assert chain.call("FixedPrice", "royalties") == found.addresses["Royalties"]
    assert deploy_data(chain, deployer) == found
