"""The same market behind a URL: every account on a connection of its own, nothing shared but disk and chain."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import sheaf
from sheaf import actions, bootstrap
from sheaf.actions import Context
from sheaf.chain import keystore
from sheaf.chain.deploy import deploy
from sheaf.chain.engines.network import LocalNetwork, Pace
from sheaf.chain.engines.server import Server
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import CredentialError, InputError, WrongNetwork
from sheaf.nodes.custodian import Custodian
from sheaf.nodes.loop import Loop
from sheaf.nodes.validator import Validator
from sheaf.settings import Settings, read_settings
from tests.flows.town import Threshold, Town, points

STILL = Pace(heartbeat_seconds=3600, idle_seconds=3600, lively_seconds=0)


class FarTown(Town):
    """A town whose chain is reached by URL: blocks and time are asked for by JSON-RPC."""

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.ctx.chain.request("evm_mine")

    def advance(self, seconds: int) -> None:
        self.ctx.chain.request("evm_increaseTime", seconds)
        self.mine()

    def join(self, name: str, tokens: int = 10_000 * WAD) -> Context:
        """Return a new account on a connection, docket and journal of its own."""
        return actions.local_account(sheaf.connect(self.settings), name, tokens=tokens)

    settings: Settings


@pytest.fixture
def far(tmp_path: Path) -> Iterator[FarTown]:
    home = tmp_path / "home"
    with LocalNetwork(home / "network" / "chain", pace=STILL) as network, Server(network, 0) as server:
        settings = read_settings(home=home, rpc=server.url)
        keystore.import_key(
            home / "network",
            bootstrap.FAUCET_NAME,
            "0x" + network.faucet_key.hex(),
            bootstrap.FAUCET_NAME,
            work=2,
        )
        deploy(
            Chain(server.url),
            Signer(network.faucet_key),
            "local",
            directory=bootstrap.deployments_directory(settings),
        )
        FarTown.settings = settings
        people = [
            actions.local_account(sheaf.connect(settings), name)
            for name in ("buyer", "contributor", "custodian")
        ]
        yield FarTown(sheaf.connect(settings), people[0], people[1], Custodian(people[2]))


def test_a_market_behind_a_url(far: FarTown, tmp_path: Path) -> None:
    """Accounts that share no memory come to the same end as in one process: paid, delivered, verified."""
    far.staff([Threshold()] * 6)
    request = far.open()
    submission = far.offer(request, points(20))
    far.settle(submission)
    assert actions.settlement_of(far.ctx, submission).paid == 20 * WAD
    bundle = actions.download(far.buyer, request.id, tmp_path / "bundle")
    assert bundle.records == 20
    stranger = sheaf.connect(far.settings)
    assert actions.verify(stranger, tmp_path / "bundle").is_valid


def test_roles_run_in_a_loop_until_they_are_stopped(far: FarTown, tmp_path: Path) -> None:
    """Custodian and validators in a loop of their own bring a submission to its verdict, and their health says how they are."""
    far.staff([Threshold()] * 5)
    submission = far.offer(far.open(), points(8))
    loop = Loop([far.custodian, *far.validators], tick_seconds=0.001, health_path=tmp_path / "health.json")
    reached: list[str] = []

    def watch() -> None:
        try:
            for _ in range(400):
                far.mine()
                if far.phase(submission) in ("decided", "settled"):
                    reached.append(far.phase(submission))
                    return
        finally:
            running.call_soon_threadsafe(loop.stop)

    async def run() -> None:
        nonlocal running
        running = asyncio.get_running_loop()
        watcher = threading.Thread(target=watch)
        watcher.start()
        await loop.run()
        watcher.join()

    running: Any = None
    asyncio.run(run())
    assert reached
    report = json.loads((tmp_path / "health.json").read_text())
    assert report["is_running"] is False
    assert [role["role"] for role in report["roles"]] == ["custodian", *["validator"] * 5]
    assert not any(role["failing"] for role in report["roles"]), report


def test_accounts_of_the_keystore_act(far: FarTown, tmp_path: Path) -> None:
    """An account is made, funded and acts by name and password; wrong ones are refused, as is a network without the contracts."""
    directory = far.settings.keystore_directory
    address = actions.create_account(directory, "keeper", "a long sentence")
    assert actions.list_accounts(directory) == {"keeper": address}
    actions.fund_account(far.ctx, address, tokens=5 * WAD)
    keeper = sheaf.connect(far.settings, account="keeper", password="a long sentence")
    assert keeper.account == address
    assert actions.register_key(keeper) is not None
    assert actions.register_key(keeper) is None
    assert actions.balances(keeper).tokens == 5 * WAD
    with pytest.raises(CredentialError, match="password"):
        sheaf.connect(far.settings, account="keeper", password="wrong")
    with pytest.raises(CredentialError, match="account"):
        sheaf.connect(far.settings, account="nobody", password="x")
    with pytest.raises(InputError, match="sheaf deploy"):
        sheaf.connect(far.settings, deployments=tmp_path / "empty")
    with (
        LocalNetwork(tmp_path / "other", pace=STILL) as network,
        Server(network, 0) as server,
        pytest.raises(WrongNetwork),
    ):
        sheaf.connect(far.settings, rpc=server.url)
    outsider = bootstrap.connect(
        far.settings, home=tmp_path / "elsewhere", deployments=bootstrap.deployments_directory(far.settings)
    )
    assert not outsider.is_local
    with pytest.raises(InputError, match="no faucet"):
        actions.fund_account(outsider, address)


def test_a_validator_without_letters_votes_alone(far: FarTown) -> None:
    """A member cut off from the others' letters is left out of the joint vote and plays by its own transactions; nothing is lost."""
    far.staff([Threshold()] * 5)
    submission = far.offer(far.open(), points(10))
    far.play(lambda: bool(far.ctx.docket.case(submission).rounds))
    mute = next(v for v in far.validators if v.ctx.account == far.ctx.docket.case(submission).members[1])
    post, read = mute.ctx.mailbox.post, mute.ctx.mailbox.read

    def miss(topic: str) -> list[bytes]:
        return [] if "/commitments/" in topic or "/openings/" in topic else read(topic)

    def lose(topic: str, letter: bytes) -> None:
        if "/commitments/" not in topic and "/openings/" not in topic:
            post(topic, letter)

    mute.ctx.mailbox.post, mute.ctx.mailbox.read = lose, miss  # type: ignore[method-assign]
    for _ in range(4):
        far.custodian.tick()
        for validator in far.validators:
            validator.tick()
        far.mine()
    drawn = far.ctx.docket.case(submission).rounds[0]
    assert not drawn.commitments
    far.advance((drawn.commit_until - drawn.drawn_at) // 2 + 1)
    far.play(lambda: far.ctx.docket.case(submission).rounds[0].is_complete)
    assert len(far.ctx.docket.case(submission).rounds[0].groups) == 2
    for _ in range(4):
        for validator in far.validators:
            validator.tick()
        far.mine()
    assert far.phase(submission) == "reviewing"
    far.advance((drawn.commit_until + drawn.reveal_until) // 2 - far.ctx.chain.block().timestamp + 1)
    far.decide(submission)
    assert mute.ctx.account in far.ctx.docket.case(submission).members
    assert actions.status(far.ctx, submission).opened == 5
    assert actions.status(far.ctx, submission).approved == 10


def test_validator_is_a_role() -> None:
    """The names a loop relies on are those the roles have."""
    assert {Validator.name, Custodian.name} == {"validator", "custodian"}
