"""The command line as its users stand before it: commands run in this process, against a market behind a URL."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from typer.testing import CliRunner

import sheaf
from sheaf import actions, bootstrap
from sheaf.actions import Context
from sheaf.chain import keystore
from sheaf.chain.deploy import PROFILES, deploy
from sheaf.chain.engines.network import LocalNetwork, Pace
from sheaf.chain.engines.server import Server
from sheaf.chain.rpc import Chain
from sheaf.chain.signer import Signer
from sheaf.cli.main import app
from sheaf.governance.parameters import set_parameter
from sheaf.nodes.custodian import Custodian
from sheaf.settings import Settings, read_settings
from tests.flows.town import Threshold, Town

PASSWORD = "a long sentence for tests"
STILL = Pace(heartbeat_seconds=3600, idle_seconds=3600, lively_seconds=0)
SPECIFICATION = """
title = "Points and their sides"
licence = "CC-BY-4.0"
label = "label"
instructions = "Approve a point when its side is right."

[schema]
type = "object"
required = ["x", "label"]
properties.x = { type = "number", minimum = 0, maximum = 1 }
properties.label = { type = "integer", minimum = 0, maximum = 1 }
"""


@dataclass
class Answer:
    """What a command gave back."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output: exactly one line."""
        assert self.out.count("\n") == 1 and self.out.endswith("\n"), self.out
        found = json.loads(self.out)
        assert isinstance(found, dict)
        return found


class Counter(Town):
    """A town whose people act by commands, each with an account in the keystore."""

    settings: Settings
    runner = CliRunner()

    def run(self, *words: object, code: int | None = 0, text: str | None = None, **env: str | None) -> Answer:
        """Run `sheaf WORDS`, and expect it to end with `code`, if one is given."""
        given = {
            "SHEAF_HOME": str(self.settings.home),
            "SHEAF_RPC": self.settings.rpc,
            "SHEAF_PASSWORD": PASSWORD,
            "COLUMNS": "80",
            **env,
        }
        result = self.runner.invoke(app, [str(word) for word in words], input=text, env=given)
        answer = Answer(result.exit_code, result.stdout, result.stderr)
        assert code in (None, answer.code), f"{words}: {answer} {result.exc_info}"
        assert "Traceback" not in answer.out + answer.err
        return answer

    def ask(self, *words: object, code: int = 0, **more: Any) -> Any:
        """Run `sheaf WORDS --json` and return its answer."""
        answer = self.run(*words, "--json", code=code, **more)
        assert not answer.err, answer.err
        return answer.json

    def keep(self, name: str, tokens: int = 1_000) -> str:
        """Put a funded account with a reading key into the keystore, cheaply locked; return its address."""
        signer = Signer(name.encode().rjust(32, b"\x01"))
        keystore.import_key(
            self.settings.keystore_directory, name, "0x" + signer._key.hex(), PASSWORD, work=2
        )
        actions.fund_account(self.ctx, signer.address, tokens=tokens * 10**18)
        actions.register_key(self.ctx.acting_as(signer))
        return str(signer.address)

    def mine(self, blocks: int = 1) -> None:
        for _ in range(blocks):
            self.ctx.chain.request("evm_mine")

    def advance(self, seconds: int) -> None:
        self.ctx.chain.request("evm_increaseTime", seconds)
        self.mine()

    def join(self, name: str, tokens: int = 10_000 * 10**18) -> Context:
        """Return a new account on a connection of its own."""
        return actions.local_account(sheaf.connect(self.settings), name, tokens=tokens)


@contextmanager
def opened(home: Path, validators: int = 5) -> Iterator[Counter]:
    """Open a market in `home` with custodian and validators as objects, and buyer, contributor, outsider in the keystore."""
    with LocalNetwork(home / "network" / "chain", pace=STILL) as network, Server(network, 0) as server:
        settings = read_settings(home=home, rpc=server.url)
        keystore.import_key(
            home / "network",
            bootstrap.FAUCET_NAME,
            "0x" + network.faucet_key.hex(),
            bootstrap.FAUCET_NAME,
            work=2,
        )
        governor = Signer(network.faucet_key)
        deploy(Chain(server.url), governor, "local", directory=home / "deployments")
        ctx = sheaf.connect(settings)
        for name in (
            "challenge_seconds",
            "jury_size",
        ):  # as in a process: these stories are not about waiting
            set_parameter(ctx.chain, governor, name, PROFILES["process"].parameters[name])
        custodian = Custodian(actions.local_account(sheaf.connect(settings), "custodian"))
        town = Counter(ctx, ctx, ctx, custodian)
        town.settings = settings
        for name in ("buyer", "contributor", "outsider"):
            town.keep(name)
        town.staff([Threshold()] * validators)
        yield town
