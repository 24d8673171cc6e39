"""Gas of publishing, selling and ordering a dataset, as receipts state it, held against Ocean's own contracts.

    publish     register the dataset and offer one kind of use of it: token, price and datatoken, which is what Ocean's factory makes
    order       a buyer who was never here orders one use: money into escrow, recorded for a provider
    purchase    the same buyer's first datatoken instead: paid to the owner, minted
    cycle       an order and all that follows: accept, deliver, settle

Each step is one transaction of its sender on the embedded chain under Prague rules. `first` means that all balances and slots begin at
zero, `again` that buyer, owner and provider have done the same before. Peers' figures are receipts of Ocean's contracts: one ERC-721 data
NFT with one ERC-20 datatoken and a fixed-rate exchange in one transaction, and a first purchase of one access.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.report import Figure, Options, main

if TYPE_CHECKING:
    from sheaf.chain.rpc import Chain, Receipt
    from sheaf.chain.signer import Signer

WAD = 10**18
OCEAN_PUBLISH = 1_457_596
OCEAN_PURCHASE = 356_660
PRICE, FEE, LOCK, SECONDS = 5 * WAD, WAD, 10 * WAD, 3600
STATISTICS = 2


class Trade:
    """Datasets on the embedded chain, with an owner, buyers and two staked providers."""

    def __init__(self) -> None:
        from sheaf.chain.deploy import deploy, deploy_data
        from sheaf.chain.devchain import Devchain
        from sheaf.chain.rpc import Chain

        self.engine = Devchain()
        self.governor = self._signer(1)
        market = deploy(Chain(self.engine), self.governor, "local")
        self.chain: Chain = Chain(self.engine, deploy_data(Chain(self.engine, market), self.governor))
        self.token = self.chain.address_of("MarketToken")
        self.owner = self._signer(2)
        self.providers = [self.funded(10), self.funded(11)]
        for provider in self.providers:
            self.chain.send(provider, "ProviderStakes", "stake", 1000 * WAD)

    def _signer(self, number: int) -> Signer:
        from sheaf.chain.signer import Signer

        signer = Signer(number.to_bytes(32, "big"))
        self.engine.fund(signer.address, 10**20)
        return signer

    def funded(self, number: int) -> Signer:
        """Return an account with money that it has approved."""
        signer = self._signer(number)
        self.chain.send(self.governor, "MarketToken", "transfer", signer.address, 100_000 * WAD)
        for spender in ("ComputeOrders", "FixedPrice", "ProviderStakes"):
            self.chain.send(signer, "MarketToken", "approve", self.chain.address_of(spender), 2**256 - 1)
        return signer

    def publish(self, parents: list[tuple[int, int]]) -> tuple[int, dict[str, int]]:
        """Publish a dataset, offer one use of it and let it be served; return its number and the gas of each step."""
        chain, owner, licence = self.chain, self.owner, b"CC-BY-4.0".ljust(32, b"\0")
        manifest = (len(parents) + chain.block().number).to_bytes(32, "little")
        made = chain.send(owner, "Datasets", "publish", manifest, licence, 0, parents)
        number = int(made.event("DatasetPublished").args["dataset"])
        offered = chain.send(owner, "FixedPrice", "offer", number, STATISTICS, self.token, PRICE)
        steps = {"register": made, "offer": offered}
        steps["serve"] = chain.send(owner, "ComputeOrders", "serve", number, FEE, LOCK, SECONDS)
        for seat in range(2):
            steps["admit"] = chain.send(owner, "ComputeOrders", "admit", number, seat, seat + 1)
        return number, _gas(steps)

    def order(self, buyer: Signer, dataset: int, *, is_deterministic: bool) -> dict[str, int]:
        """Take one order from its placing to its settlement; return the gas of each step."""
        chain, provider = self.chain, self.providers[0]
        job = (dataset, STATISTICS, 1, b"\x07" * 32, PRICE + FEE, False, is_deterministic)
        steps = {"order": chain.send(buyer, "ComputeOrders", "place", job)}
        number = int(steps["order"].event("OrderPlaced").args["order"])
        steps["accept"] = chain.send(provider, "ComputeOrders", "accept", number)
        steps["deliver"] = chain.send(provider, "ComputeOrders", "deliver", number, b"\x09" * 32)
        if is_deterministic:
            self.engine.advance(100)
            steps["settle"] = chain.send(provider, "ComputeOrders", "settle", number)
        return _gas(steps)

    def buy(self, buyer: Signer, dataset: int) -> int:
        """Return the gas of buying one use ahead."""
        return self.chain.send(buyer, "FixedPrice", "buy", dataset, STATISTICS, 1, PRICE).gas_used


def _gas(steps: dict[str, Receipt]) -> dict[str, int]:
    return {name: receipt.gas_used for name, receipt in steps.items()}


def measure(options: Options) -> list[Figure]:
    """Measure every step, first and again."""
    trade = Trade()
    dataset, first = trade.publish([])
    again = trade.publish([])[1]
    derived = trade.publish([(dataset, 2000), (2, 1000), (1, 500), (2, 500), (1, 100)])[1]
    buyer, other = trade.funded(20), trade.funded(21)
    orders = trade.order(buyer, dataset, is_deterministic=True)
    known = trade.order(buyer, dataset, is_deterministic=True)
    plain = trade.order(other, dataset, is_deterministic=False)
    bought, more = trade.buy(other, dataset), trade.buy(other, dataset)
    ocean, half = "Ocean: NFT, datatoken and fixed rate; half of it at most", 0.5
    access = "Ocean: a first purchase of one access; half of it at most"
    figures = [
        Figure(name, gas["register"] + gas["offer"], "gas", peer=OCEAN_PUBLISH, against=ocean, target=half)
        for name, gas in (
            ("publish_first", first),
            ("publish_again", again),
            ("publish_of_5_parents", derived),
        )
    ]
    figures += [
        Figure(name, gas, "gas", peer=OCEAN_PURCHASE, against=access, target=half)
        for name, gas in (
            ("order_first", orders["order"]), ("order_again", known["order"]),
            ("purchase_first", bought), ("purchase_again", more),
        )
    ]  # fmt: skip
    figures += [Figure(f"step_{name}", gas, "gas", target=None) for name, gas in {**first, **known}.items()]
    figures.append(Figure("cycle_disputable", sum(known.values()), "gas", target=None))
    figures.append(Figure("cycle_plain", sum(plain.values()), "gas", target=None))
    return figures


if __name__ == "__main__":
    main("registry_gas", measure)
