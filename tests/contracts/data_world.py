"""Datasets and everything that sells and orders them, joined in titanoboa as on a network."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, field
from typing import Any

import boa

from sheaf.chain.abi import checksum_of, keccak
from tests.contracts.conftest import DRAW as DRAW_POWER
from tests.contracts.conftest import RELEASE, SLASH, TOKEN, load

DISPUTE_SECONDS = 1000
STAKE = 1000 * TOKEN
MANIFEST, LICENCE = b"\x11" * 32, b"CC-BY-4.0".ljust(32, b"\0")
DOWNLOAD, STATISTICS = 1, 2
NAMES = ("Datasets", "Datatoken", "FixedPrice", "Royalties", "ComputeOrders")


def actor(name: str) -> str:
    """Return an account of that role."""
    return str(boa.env.generate_address(name))


OWNER, BUYER, OUTSIDER = actor("data owner"), actor("data buyer"), actor("data outsider")
PROVIDERS = [actor(f"provider {i}") for i in range(4)]
EVERYONE = (OWNER, BUYER, OUTSIDER, *PROVIDERS)


@dataclass
class DataWorld:
    """Contracts, and providers 1 to 4 who have staked; everyone has money and has approved it."""

    governor: str = field(default_factory=lambda: actor("data governor"))

    def __post_init__(self) -> None:
        with boa.env.prank(self.governor):
            self.token = load("rewards/MarketToken.vy").deploy(self.governor, 10**9 * TOKEN)
            parameters = load("governance/Parameters.vy").deploy(self.governor, True)
            self.stakes = load("review/Stakes.vy").deploy(
                self.token, parameters, 8, 100, TOKEN, 10**6 * TOKEN
            )
            self.beacon = load("review/BlockBeacon.vy").deploy()
            datasets, datatoken, fixed_price, royalties, orders = self._ahead()
            self.datasets = load("registry/Datasets.vy").deploy()
            self.datatoken = load("market/Datatoken.vy").deploy(datasets, fixed_price, orders)
            self.fixed_price = load("market/FixedPrice.vy").deploy(datasets, datatoken, royalties)
            self.royalties = load("market/Royalties.vy").deploy(datasets, fixed_price, orders)
            self.orders = load("market/ComputeOrders.vy").deploy(
                datasets, fixed_price, royalties, self.stakes, self.beacon, DISPUTE_SECONDS
            )
            assert [str(one.address) for one in (self.datasets, self.orders)] == [datasets, orders]
            self.stakes.appoint(self.orders, RELEASE | SLASH | DRAW_POWER)
            for account in EVERYONE:
                self.give(account)
        for account in PROVIDERS:
            self.token.approve(self.stakes, STAKE, sender=account)
            self.stakes.stake(STAKE, sender=account)

    def give(self, account: str, amount: int = 10**5 * TOKEN) -> None:
        """Give an account money, approved for all who take it."""
        self.token.transfer(account, amount, sender=self.governor)
        for spender in (self.fixed_price, self.royalties, self.orders):
            self.token.approve(spender, 2**256 - 1, sender=account)

    def publish(self, royalty_bps: int = 0, parents: Any = (), sender: str = OWNER) -> int:
        """Publish a dataset; return its number."""
        return int(self.datasets.publish(MANIFEST, LICENCE, royalty_bps, list(parents), sender=sender))

    def served(self, price: int = 100, fee: int = 10, lock: int = 50 * TOKEN, seconds: int = 500) -> int:
        """Publish a dataset of which STATISTICS are offered and which providers 1 to 3 serve."""
        dataset = self.publish()
        self.fixed_price.offer(dataset, STATISTICS, self.token, price, sender=OWNER)
        self.orders.serve(dataset, fee, lock, seconds, sender=OWNER)
        for seat in range(3):
            self.orders.admit(dataset, seat, seat + 1, sender=OWNER)
        return dataset

    def place(self, dataset: int, **changes: Any) -> int:
        """Place an order with provider 1, deterministic unless told; return its number."""
        job = {
            "dataset": dataset, "use": STATISTICS, "provider": 1, "job": b"\x22" * 32, "most": 10**20,
            "is_ticket": False, "is_deterministic": True,
        }  # fmt: skip
        sender = changes.pop("sender", BUYER)
        return int(self.orders.place(tuple({**job, **changes}.values()), sender=sender))

    def proxy(self, dataset: int, use: int = STATISTICS) -> Any:
        """Return the datatoken of a use."""
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a proxy's bytecode is not the contract's
            return load("market/Datatoken.vy").at(self.fixed_price.datatoken_of(dataset, use))

    @property
    def now(self) -> int:
        return int(boa.env.evm.patch.timestamp)

    def _ahead(self) -> list[str]:
        """Where the next contracts of the governor will be."""
        import rlp

        nonce = boa.env.evm.vm.state.get_nonce(
            boa.contracts.base_evm_contract.Address(self.governor).canonical_address
        )
        raw = bytes.fromhex(self.governor[2:])
        return [
            str(checksum_of("0x" + keccak(rlp.encode([raw, nonce + i]))[12:].hex()))
            for i in range(len(NAMES))
        ]
