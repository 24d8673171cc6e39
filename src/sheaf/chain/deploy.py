"""Deployment: all contracts of the market, joined and set, in one order that a crash cannot confuse.

Every step is one transaction of one account, so the step's nonce tells whether it was done and a contract's address is known before it
is there (`keccak(rlp(deployer, nonce))`). A journal with the first nonce is all that a second try needs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sheaf.chain.abi import checksum_of, keccak
from sheaf.chain.contracts import DATA_NAMES, NAMES, Deployment, artifact, write_whole
from sheaf.chain.rpc import Chain, code_hash, creation
from sheaf.chain.signer import Signer
from sheaf.domain.amounts import WAD
from sheaf.domain.errors import ChainError, InputError
from sheaf.domain.ids import Address

Report = Callable[[str], None]

RELEASE, SLASH, DRAW, WEIGH = 1, 2, 4, 8
"""Powers over stakes, as `Stakes.appoint` takes them."""


@dataclass(frozen=True)
class Profile:
    """How a network is set: amounts in smallest units, times in seconds, and parameters by name where they differ from the default."""

    is_test: bool
    supply: int
    period_blocks: int
    unbonding_seconds: int
    min_stake: int
    max_stake: int
    bonus_term_seconds: int
    parameters: dict[str, int]
    beacon: str = "BlockBeacon"


PROFILES = {
    "local": Profile(
        is_test=True,
        supply=1_000_000_000 * WAD,
        period_blocks=8,
        unbonding_seconds=10,
        min_stake=WAD,
        max_stake=1_000_000 * WAD,
        bonus_term_seconds=86_400,
        parameters={
            "commit_seconds": 600,
            "reveal_seconds": 600,
            "challenge_seconds": 60,
            "draw_delay_blocks": 1,
            "draw_blocks": 300,
            "ruling_seconds": 7200,
            "appeal_seconds": 60,
            "jury_size": 3,
            "audit_size": 3,
            "dispute_bond": 1,
        },
    ),
    "public": Profile(
        is_test=False,
        supply=1_000_000_000 * WAD,
        period_blocks=300,
        unbonding_seconds=14 * 86_400,
        min_stake=100 * WAD,
        max_stake=1_000_000 * WAD,
        bonus_term_seconds=90 * 86_400,
        parameters={},
    ),
}
# Where all people are in one process, and wait for each other, nobody needs time to challenge; on no network is it safe.
PROFILES["process"] = replace(
    PROFILES["local"],
    parameters={**PROFILES["local"].parameters, "challenge_seconds": 2, "jury_size": 1},
)
PROFILES["verifiable"] = replace(PROFILES["public"], beacon="DrandBeacon")


@dataclass(frozen=True)
class _Step:
    """One transaction: a contract's creation (`function` empty) or a call upon it."""

    contract: str
    function: str
    args: tuple[Any, ...]

    def __str__(self) -> str:
        return f"{self.contract}.{self.function}" if self.function else self.contract


def deploy(
    chain: Chain,
    signer: Signer,
    profile: str,
    *,
    directory: Path | None = None,
    report: Report = lambda line: None,
) -> Deployment:
    """Deploy the market and return where it is; with a `directory` the result is kept there and a crash is taken up again.

    A deployment that is there already and whole is returned as it is. Raises InputError for an unknown profile or one whose beacon the
    chain cannot verify, WrongNetwork if the
    directory's deployment is not on this chain, ChainError if the account sent something else in between.
    """
    if profile not in PROFILES:
        raise InputError("profile", profile, f"give one of {', '.join(PROFILES)}")
    kept = Deployment.path(directory, chain.chain_id) if directory else None
    if kept is not None and kept.exists():
        found = Deployment.load(kept)
        chain.check(found)
        return found
    if PROFILES[profile].beacon == "DrandBeacon":
        _require_pairings(chain, profile)
    journal = _Journal(directory / f"{chain.chain_id}.partial.json" if directory else None)
    start = journal.begin(chain, signer, profile)
    names = {name: _created(signer.address, start["nonce"] + index) for index, name in enumerate(NAMES)}
    _proceed(chain, signer, list(_steps(names, signer.address, PROFILES[profile])), start["nonce"], report)
    deployment = _deployment(chain, names, profile, start["block"])
    if directory is not None:
        deployment.save(directory)
    journal.end()
    chain.check(deployment)
    return deployment


def deploy_data(
    chain: Chain,
    signer: Signer,
    *,
    directory: Path | None = None,
    report: Report = lambda line: None,
) -> Deployment:
    """Deploy the contracts of datasets beside the market that `chain` is joined to, and return where all are now.

    They are apart because a market works without them, and a market that is there already can have them added. What is there already
    and whole is returned as it is. Raises InputError where there is no market or the account is not its governor, who alone may
    appoint a contract over stakes, and ChainError as `deploy` does.
    """
    market = chain.deployment
    if market is None:
        raise InputError("deployment", "none", "deploy the market first: `sheaf deploy`")
    if set(DATA_NAMES) <= set(market.addresses):
        return market
    governor = chain.call("Parameters", "governor")
    if governor != signer.address:
        raise InputError("account", signer.address, f"deploy as the market's governor, {governor}")
    journal = _Journal(directory / f"{chain.chain_id}.data.partial.json" if directory else None)
    start = journal.begin(chain, signer, market.profile)
    names = {name: _created(signer.address, start["nonce"] + i) for i, name in enumerate(DATA_NAMES)}
    steps = _data_steps({**market.addresses, **names}, PROFILES[market.profile])
    _proceed(chain, signer, list(steps), start["nonce"], report)
    found = replace(
        market, addresses={**market.addresses, **names}, codes={**market.codes, **_codes(chain, names)}
    )
    if directory is not None:
        found.save(directory)
    journal.end()
    chain.check(found)
    return found


def _data_steps(at: dict[str, Address], profile: Profile) -> Iterator[_Step]:
    known = {
        "token": at["MarketToken"], "parameters": at["Parameters"], "datasets": at["Datasets"],
        "datatoken": at["Datatoken"], "fixed_price": at["FixedPrice"], "royalties": at["Royalties"],
        "compute_orders": at["ComputeOrders"], "provider_stakes": at["ProviderStakes"], "beacon": at[profile.beacon],
        "period_blocks": profile.period_blocks, "unbonding_seconds": profile.unbonding_seconds,
        "min_stake": profile.min_stake, "max_stake": profile.max_stake,
        "dispute_seconds": profile.parameters.get("appeal_seconds", 86_400),
    }  # fmt: skip
    for name in DATA_NAMES:
        args = tuple(known[part["name"].rstrip("_")] for part in artifact(name).constructor)
        yield _Step(name, "", args)
    yield _Step("ProviderStakes", "appoint", (at["ComputeOrders"], RELEASE | SLASH | DRAW))


def _steps(at: dict[str, Address], deployer: Address, profile: Profile) -> Iterator[_Step]:
    known = {
        "token": at["MarketToken"], "stake_token": at["MarketToken"], "parameters": at["Parameters"], "stakes": at["Stakes"],
        "committees": at["Committees"], "reviews": at["Reviews"], "scores": at["Scores"],
        "escrow": at["Escrow"], "requests": at["Requests"], "standing": at["Standing"],
        "custody": at["Custody"], "disputes": at["Disputes"], "reversals": at["Reversals"], "bonus_disputes": at["BonusDisputes"],
        "beacon": at[profile.beacon],
        "governor": deployer, "owner": deployer, "supply": profile.supply, "is_test": profile.is_test,
        "period_blocks": profile.period_blocks, "unbonding_seconds": profile.unbonding_seconds,
        "min_stake": profile.min_stake, "max_stake": profile.max_stake, "term_seconds": profile.bonus_term_seconds,
    }  # fmt: skip

    # To these Disputes a posting of shares is a submission, its review and its committee in one.
    judged = dict.fromkeys(("committees", "reviews", "requests", "reversals"), at["BonusPools"])

    def by_name(name: str, inputs: list[dict[str, Any]]) -> tuple[Any, ...]:
        given = {**known, **judged} if name == "BonusDisputes" else known
        return tuple(given[part["name"].rstrip("_")] for part in inputs)

    for name in NAMES:
        yield _Step(name, "", by_name(name, artifact(name).constructor))
    for name in NAMES:
        for entry in artifact(name).abi:
            if entry.get("name") == "wire":
                yield _Step(name, "wire", by_name(name, entry["inputs"]))
    yield _Step("Stakes", "appoint", (at["Committees"], DRAW))
    yield _Step("Stakes", "appoint", (at["Reviews"], RELEASE))
    yield _Step("Stakes", "appoint", (at["Scores"], SLASH))
    yield _Step("Stakes", "appoint", (at["Disputes"], RELEASE | SLASH | DRAW))
    yield _Step("Stakes", "appoint", (at["Reversals"], SLASH))
    yield _Step("Stakes", "appoint", (at["BonusDisputes"], RELEASE | SLASH | DRAW))
    yield _Step("Stakes", "appoint", (at["Standing"], WEIGH))
    yield _Step("Reviews", "propose_arbiter", (at["Disputes"],))
    yield _Step("Reviews", "propose_proofs", (at["Proofs"],))
    yield _Step("Standing", "propose_feeder", (at["Reversals"],))
    yield _Step("Standing", "propose_feeder", (at["Proofs"],))
    for name, value in profile.parameters.items():
        yield _Step("Parameters", "set", (name, value))


def _proceed(chain: Chain, signer: Signer, steps: list[_Step], first: int, report: Report) -> None:
    addresses: dict[str, Address] = {}
    for index, step in enumerate(steps):
        nonce = first + index
        if not step.function:
            addresses[step.contract] = _created(signer.address, nonce)
        made = chain.nonce(signer.address)
        if made < nonce:
            raise _disturbed(chain, signer)
        if made == nonce:
            _send(chain, signer, step, addresses[step.contract])
            report(str(step))
        if (
            not step.function
            and code_hash(chain.request("eth_getCode", addresses[step.contract], "latest")) is None
        ):
            raise _disturbed(chain, signer)


def _send(chain: Chain, signer: Signer, step: _Step, address: Address) -> None:
    if not step.function:
        chain.execute(signer, {"data": creation(artifact(step.contract), step.args)})
        return
    handle = chain.at(step.contract, address)
    args = step.args
    if step.contract == "Parameters":
        args = (_parameter(chain, address, str(args[0])), args[1])
    handle.send(signer, step.function, *args)


def _require_pairings(chain: Chain, profile: str) -> None:
    """Add infinity to infinity on BLS12-381: a chain without the precompiles of EIP-2537 answers with nothing."""
    call = {"to": "0x000000000000000000000000000000000000000b", "data": "0x" + "00" * 256}
    if len(chain.request("eth_call", call, "latest")) != 2 + 2 * 128:
        raise InputError(
            "profile", profile, "this chain has no BLS12-381 precompiles (EIP-2537): take public"
        )


def _parameter(chain: Chain, parameters: Address, name: str) -> int:
    handle = chain.at("Parameters", parameters)
    return next(number for number in range(32) if handle.call("name_of", number) == name)


def _deployment(chain: Chain, names: dict[str, Address], profile: str, block: int) -> Deployment:
    return Deployment(chain.chain_id, block, names, profile, chain.hash_at(block) or "", _codes(chain, names))


def _codes(chain: Chain, names: dict[str, Address]) -> dict[str, str]:
    return {
        name: code_hash(chain.request("eth_getCode", address, "latest")) or ""
        for name, address in names.items()
    }


def _created(deployer: Address, nonce: int) -> Address:
    """Return the address of the contract that a transaction creates (Ethereum yellow paper, section 7)."""
    import rlp  # type: ignore[import-untyped]

    return checksum_of("0x" + keccak(rlp.encode([bytes.fromhex(deployer[2:]), nonce]))[12:].hex())


def _disturbed(chain: Chain, signer: Signer) -> ChainError:
    return ChainError(
        f"deployment: {signer.address}: this account sent something else in between: "
        f"remove {chain.chain_id}.partial.json and deploy anew"
    )


class _Journal:
    """Which nonce the deployment began with. Without a file it is only as durable as the call."""

    def __init__(self, path: Path | None) -> None:
        self._path = path

    def begin(self, chain: Chain, signer: Signer, profile: str) -> dict[str, Any]:
        """Return what was begun before, or begin now."""
        mine = {"chain_id": chain.chain_id, "deployer": signer.address, "profile": profile}
        if self._path is not None and self._path.exists():
            begun = self._read()
            different = next((name for name in mine if begun.get(name) != mine[name]), None)
            if different is not None:
                raise InputError(
                    different,
                    mine[different],
                    f"a deployment with {begun.get(different)} was begun: go on with it, or remove {self._path.name}",
                )
            # The same journal beside a chain that was started anew would point at nonces of another history.
            if (
                begun["nonce"] <= chain.nonce(signer.address)
                and chain.hash_at(begun["block"]) == begun["hash"]
            ):
                return begun
        block = chain.block()
        begun = {**mine, "nonce": chain.nonce(signer.address), "block": block.number, "hash": block.hash}
        if self._path is not None:
            write_whole(self._path, json.dumps(begun).encode(), mode=0o644)
        return begun

    def end(self) -> None:
        """Forget: the deployment is whole."""
        if self._path is not None:
            self._path.unlink(missing_ok=True)

    def _read(self) -> dict[str, Any]:
        assert self._path is not None
        try:
            found = json.loads(self._path.read_text())
            return {**found, "nonce": int(found["nonce"]), "block": int(found["block"])}
        except (ValueError, KeyError, TypeError):
            raise InputError(
                "deployment journal", self._path, "it is broken: remove it and deploy anew"
            ) from None
